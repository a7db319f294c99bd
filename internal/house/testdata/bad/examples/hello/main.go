package main

import (
	_ "example.test/house"
	_ "example.test/house/broker"
	_ "example.test/house/internal/core" // want: internal/core is out of users' reach, and so of examples/hello
)
