package client_test

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/postrider-mq/postrider/internal/client"
)

// from is one end of a connection, whose other end is elsewhere.
type from struct {
	net.Conn
	addr string
}

func (f from) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(f.addr)) }

// Who was found without TLS is on this machine, or hears nothing.
func TestNothingIsSaidToWhoCountsOnThisMachineAlone(t *testing.T) {
	for addr, said := range map[string]bool{"192.0.2.1:5671": false, "[2001:db8::1]:5671": false, "127.0.0.1:5671": true, "[::ffff:127.0.0.1]:1": true} {
		far, near := net.Pipe()
		c := client.New(client.Config{
			Addresses: []client.Address{{Host: "bob:5671", User: "node", Password: "secret", VHost: "/", Near: true}},
			Publishes: true,
			Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
				return from{near, addr}, nil
			},
		})
		n, _ := far.Read(make([]byte, 8))
		if said != (n > 0) {
			t.Errorf("%d bytes were said to %s", n, addr)
		}
		far.Close()
		for state, changed := c.State(); !said && (state.Err == nil || !strings.Contains(state.Err.Error(), "without TLS")); state, changed = c.State() {
			<-changed
		}
		c.Close()
	}
}
