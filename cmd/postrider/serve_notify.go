package main

import (
	"log/slog"
	"net"
	"os"
)

// What a service manager is told, as sd_notify(3) has it.
const (
	notifyReady    = "READY=1"
	notifyStopping = "STOPPING=1"
)

// notify tells the service manager that started this process, if it wants to know, as systemd does of a unit with Type=notify.
func notify(state string, log *slog.Logger) {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return
	}
	c, err := net.Dial("unixgram", path)
	if err == nil {
		_, err = c.Write([]byte(state))
		_ = c.Close()
	}
	if err != nil {
		log.Warn("the service manager cannot be told how this broker is", "state", state, "error", err)
	}
}
