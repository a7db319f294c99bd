package core

import (
	_ "example.test/house/internal/queue"
	_ "sync"
)
