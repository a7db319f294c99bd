package route

import (
	_ "example.test/house/amqp"
	_ "example.test/house/internal/disk"  // want: pure package internal/route imports internal/disk, which is not pure
	_ "example.test/house/internal/queue" // want: sideways: internal/route imports internal/queue on floor 1
	_ "github.com/anybody/anything"       // want: pure package internal/route imports github.com/anybody/anything
)
