package broker

import (
	_ "example.test/house/internal/client" // want: sideways: broker imports internal/client on floor 4
	_ "example.test/house/internal/server"
)
