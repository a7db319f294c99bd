package rabbitmq

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// A NameServer is Erlang's epmd, by which nodes find each other's ports. Left to themselves, nodes start one that outlives them.
type NameServer struct {
	dir  string
	port string
	life *life
}

// cookie is the secret that nodes show each other.
const cookie = "POSTRIDERPOSTRIDER"

// naming bounds how long a name server may take until it listens.
const naming = 20 * time.Second

// StartNameServer returns one that listens, and writes the cookie of its nodes into dir.
func StartNameServer(ctx context.Context, dir string) (*NameServer, error) {
	ports, err := freePorts(1)
	if err != nil {
		return nil, err
	}
	s := &NameServer{dir: dir, port: ports[0]}
	file := filepath.Join(dir, ".erlang.cookie")
	if _, err := os.Stat(file); err != nil {
		if err := os.WriteFile(file, []byte(cookie), 0o400); err != nil {
			return nil, err
		}
	}
	if s.life, err = begin(exec.Command("epmd", "-port", s.port, "-address", "127.0.0.1")); err != nil {
		return nil, fmt.Errorf("the name server of Erlang: %w", err)
	}
	if err := s.listens(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *NameServer) listens(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, naming)
	defer cancel()
	var d net.Dialer
	for {
		conn, err := d.DialContext(ctx, "tcp", loopback+s.port)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-s.life.ended:
			return fmt.Errorf("%w: its name server ended:\n%s", errEnded, s.life.words.last())
		case <-ctx.Done():
			return fmt.Errorf("the name server of Erlang does not listen: %w", err)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// Close ends it, at once.
func (s *NameServer) Close() error { return s.life.kill(0) }
