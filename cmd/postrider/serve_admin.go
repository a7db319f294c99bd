package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"github.com/postrider-mq/postrider/broker"
	"github.com/postrider-mq/postrider/internal/admin"
)

// Bounds of a request to the management interface.
const (
	headerTime  = 10 * time.Second
	requestTime = time.Minute
	maxHeader   = 32 << 10
)

// socketPath is where the local socket is; empty for none.
func (o *serveOptions) socketPath() string {
	switch {
	case o.adminSocket != "":
		return o.adminSocket
	case o.memory:
		return ""
	}
	return filepath.Join(o.dir, admin.SocketName)
}

// web is what is served over HTTP.
type web struct {
	log     *slog.Logger
	closers []io.Closer
}

func (w *web) Close() {
	for _, c := range w.closers {
		_ = c.Close()
	}
}

func (w *web) serve(ln net.Listener, h http.Handler) {
	s := &http.Server{
		Handler: h, ReadHeaderTimeout: headerTime, ReadTimeout: requestTime, WriteTimeout: requestTime, IdleTimeout: requestTime,
		MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(w.log.Handler(), slog.LevelDebug), ConnState: newVisits().see,
	}
	w.closers = append(w.closers, s, ln)
	go func() {
		if err := s.Serve(greet(ln)); !errors.Is(err, http.ErrServerClosed) {
			w.log.Error("an interface over HTTP ended", "address", ln.Addr().String(), "error", err)
		}
	}()
}

// serveAdmin serves the management interface: on the local socket, and on a port if one is named. A broker that
// cannot be administered serves its clients all the same, so a socket that cannot be made is no reason to stop, unless somebody has asked for it.
func (o *serveOptions) serveAdmin(ctx context.Context, w *web, b *broker.Broker, files *certificates) error {
	if path := o.socketPath(); path != "" {
		ln, err := admin.ListenLocal(path)
		if err != nil && o.adminSocket != "" {
			return fmt.Errorf("--admin-socket: the socket %s cannot be made: %w", path, cause(err))
		} else if err != nil {
			w.log.Error("the broker cannot be administered from the command line", "socket", path, "error", err)
		} else {
			w.serve(ln, b.Owner())
		}
	}
	if o.management == "" {
		return nil
	}
	ln, err := listen(ctx, "--management", o.management)
	if err != nil {
		return err
	}
	protocol := "http"
	if files != nil {
		protocol = "https"
	}
	b.Listens(broker.Listener{Protocol: protocol, Addr: ln.Addr(), Certificate: files.shown()})
	w.serve(files.wrap(ln), b.Management())
	w.log.Info("management interface is ready", "address", ln.Addr().String(), "tls", files != nil)
	return nil
}

// greet waits for the first who comes, and returns a listener that gives him to who accepts. An HTTP server makes much ready when it begins,
// and most brokers are never asked anything.
func greet(ln net.Listener) net.Listener {
	c, err := ln.Accept()
	if err != nil { // The server finds the same, and knows what to do.
		return ln
	}
	first := make(chan net.Conn, 1)
	first <- c
	return &greeted{ln, first}
}

type greeted struct {
	net.Listener
	first chan net.Conn // until it is accepted
}

func (l *greeted) Accept() (net.Conn, error) {
	select {
	case c := <-l.first:
		return c, nil
	default:
		return l.Listener.Accept()
	}
}

func (l *greeted) Close() error {
	select {
	case c := <-l.first:
		_ = c.Close()
	default:
	}
	return l.Listener.Close()
}
