//go:build !unix

package main

import "os"

// hangup is the signal to read files again; there is none.
var hangup os.Signal
