package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strings"
	"syscall"

	"github.com/postrider-mq/postrider/internal/disk"
)

// cannotListen says why the address of a flag cannot be listened on, and what to do.
func cannotListen(flag, address string, err error) error {
	var todo string
	var unknown *net.DNSError
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		todo = "stop the other program, maybe another broker, that listens there, or choose another port with " + flag
	case errors.Is(err, fs.ErrPermission):
		todo = "ports below 1024 need a privilege: choose another port with " + flag
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		todo = "no network interface of this machine has that address: choose another with " + flag
	case errors.As(err, &unknown):
		return remedied{fmt.Errorf("cannot listen on %s: %w", address, unknown), "correct the host's name, or name an address of this machine with " + flag}
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
	if errors.Is(err, disk.ErrNoSpace) {
		return remedied{fmt.Errorf("cannot start: the disk is full: %s", strings.TrimPrefix(err.Error(), "broker: ")), "make room on it: the journal needs a file of --segment-size to write to"}
	}
	return fmt.Errorf("cannot start: %s", strings.TrimPrefix(err.Error(), "broker: "))
}
