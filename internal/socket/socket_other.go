//go:build !unix

package socket

import "net"

// Socket has no form here.
type Socket struct{}

// Of returns nil: what a connection is written by may wait.
func Of(net.Conn) *Socket { return nil }

func (*Socket) Read([]byte) (int, error)     { return 0, net.ErrClosed }
func (*Socket) TryWrite([]byte) (int, error) { return 0, net.ErrClosed }

// Under returns conn.
func Under(conn net.Conn) net.Conn { return conn }
