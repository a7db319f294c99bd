package admin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
)

// SocketName is the local socket's in a broker's data directory.
const SocketName = "admin.sock"

// maxSocketPath is what every system takes as the path of a socket, in bytes.
const maxSocketPath = 103

// ListenLocal makes the local socket at path, in place of one that a broker left behind, and lets nobody but the owner
// of the process open it. The caller must be the only broker there. Closing the listener removes it.
func ListenLocal(path string) (net.Listener, error) {
	// It is made where nobody else can reach it, for it has its final mode only after it is there.
	dir, err := os.MkdirTemp(filepath.Dir(path), ".sock-") // mode 0700
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	fresh := filepath.Join(dir, "s")
	if len(fresh) > maxSocketPath || len(path) > maxSocketPath {
		return nil, fmt.Errorf("the path of the socket %s is %d bytes long, at most %d work: choose a shorter one", path, max(len(path), len(fresh)), maxSocketPath)
	}
	ln, err := net.Listen("unix", fresh)
	if err != nil {
		return nil, err
	}
	unix := ln.(*net.UnixListener)
	unix.SetUnlinkOnClose(false)
	if err := errors.Join(os.Chmod(fresh, 0o600), os.Rename(fresh, path)); err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	return &localListener{unix, path}, nil
}

type localListener struct {
	*net.UnixListener
	path string
}

func (l *localListener) Close() error {
	err := l.UnixListener.Close()
	if err != nil {
		return err
	}
	return os.Remove(l.path)
}

// DialLocal connects to the local socket at path.
func DialLocal(ctx context.Context, path string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "unix", path)
}
