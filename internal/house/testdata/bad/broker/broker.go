package broker

import (
	_ "text/template" // want: broker imports text/template, which makes the program a seventh larger

	_ "example.test/house/internal/client" // want: sideways: broker imports internal/client on floor 4
	_ "example.test/house/internal/server"
)
