package disk

import (
	_ "example.test/house/internal/gone" // want: internal/gone is on no floor
	_ "os"
)
