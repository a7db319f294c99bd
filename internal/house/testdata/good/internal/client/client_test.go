package client_test

import (
	_ "example.test/house/broker"
	_ "example.test/house/internal/client"
)
