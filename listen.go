package postrider

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"syscall"

	"github.com/postrider-mq/postrider/internal/socket"
)

// listen opens the node's listener; nil when the node does not listen.
func listen(ctx context.Context, cfg Config) (net.Listener, error) {
	ln := cfg.Listener
	if ln == nil {
		if cfg.Listen == "" {
			return nil, nil
		}
		if cfg.TLS == nil {
			if err := onlyLoopback(ctx, cfg.Listen); err != nil {
				return nil, err
			}
		}
		var lc net.ListenConfig
		var err error
		ln, err = lc.Listen(ctx, "tcp", cfg.Listen)
		switch {
		case errors.Is(err, syscall.EADDRINUSE):
			return nil, fmt.Errorf("Config.Listen: %w: end who listens there, or choose another port, or 0 for a free one", err)
		case err != nil:
			return nil, fmt.Errorf("Config.Listen: %w", err)
		}
	}
	if cfg.TLS != nil {
		ln = tls.NewListener(socket.Listener(ln), cfg.TLS)
	}
	return ln, nil
}

// onlyLoopback fails unless all that address stands for is loopback.
func onlyLoopback(ctx context.Context, address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("Config.Listen: want host:port, such as 127.0.0.1:5671: %w", err)
	}
	if host != "" {
		ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		if err != nil {
			return fmt.Errorf("Config.Listen: %w", err)
		}
		loopback := true
		for _, ip := range ips {
			loopback = loopback && ip.Unmap().IsLoopback()
		}
		if loopback {
			return nil
		}
	}
	return fmt.Errorf("Config.Listen %q can be reached from other machines: set Config.TLS, or listen on 127.0.0.1", address)
}
