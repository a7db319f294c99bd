package house

import (
	_ "example.test/house/broker"
	_ "example.test/house/internal/client"
	_ "sync"
)
