package brokers

import (
	"net"
	"testing"
)

func TestBothStart(t *testing.T) {
	for _, addr := range []string{Postrider(t), RabbitMQ(t, "other").Addr} {
		nc, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		nc.Close()
	}
}
