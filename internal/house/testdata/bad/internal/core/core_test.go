package core_test

import (
	_ "example.test/house/broker" // want: up: internal/core (floor 3) imports broker (floor 4)
	_ "example.test/house/internal/core"
	_ "example.test/house/internal/sim"
)
