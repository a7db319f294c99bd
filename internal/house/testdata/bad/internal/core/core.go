package core

import (
	_ "example.test/house"        // want: up: internal/core (floor 3) imports . (floor 5)
	_ "example.test/house/broker" // want: up: internal/core (floor 3) imports broker (floor 4)
	_ "example.test/house/internal/queue"
	_ "example.test/house/internal/sim" // want: internal/sim is for tests only
)
