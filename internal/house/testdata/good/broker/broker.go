package broker

import (
	_ "example.test/house/internal/core"
	_ "example.test/house/internal/server"
)
