package child

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
)

// A process that comes back must get its port again, so the ports are taken from below
// those that systems hand out to connections.
const (
	firstPort = 20000
	lastPort  = 30000
)

// FreeAddress finds an address of this machine that nobody listens on.
func FreeAddress() (string, error) {
	for range 100 {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(firstPort+rand.IntN(lastPort-firstPort)))
		ln, err := net.Listen("tcp", address)
		if err == nil {
			return address, ln.Close()
		}
	}
	return "", errors.New("no free port found")
}
