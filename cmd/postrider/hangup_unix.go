//go:build unix

package main

import (
	"os"
	"syscall"
)

// hangup is the signal to read files again.
var hangup os.Signal = syscall.SIGHUP
