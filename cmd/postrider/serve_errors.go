package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
)

// cannotListen says why an address cannot be listened on, and what to do.
func cannotListen(address string, err error) error {
	var todo string
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		todo = "stop the other program, maybe another broker, that listens there, or choose another port with --listen"
	case errors.Is(err, fs.ErrPermission):
		todo = "ports below 1024 need a privilege: choose another port with --listen"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		todo = "no network interface of this machine has that address: choose another with --listen"
	default:
		return fmt.Errorf("cannot listen on %s: %w", address, err)
	}
	return remedied{fmt.Errorf("cannot listen on %s: %w", address, cause(err)), todo}
}

// cause is the innermost error, the system's own word.
func cause(err error) error {
	for inner := err; inner != nil; inner = errors.Unwrap(inner) {
		err = inner
	}
	return err
}

// cannotOpen is the broker's word about its directory, which names cause and remedy already.
func cannotOpen(err error) error {
	return fmt.Errorf("cannot start: %s", strings.TrimPrefix(err.Error(), "broker: "))
}
