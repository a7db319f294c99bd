package nodes

import (
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strings"
)

// manner is how the nodes of a run reach each other and their broker, which its seed decides.
type manner struct {
	relay bool   // over the broker while they cannot otherwise
	keys  string // the directory of those by which they know each other; "": there is no TLS
}

// manner draws it, and has the broker's program make the keys that it needs.
func (cfg *Config) manner() (m manner, err error) {
	random := rand.New(rand.NewPCG(cfg.Seed, 'M'))
	m.relay = random.IntN(2) == 0
	if random.IntN(2) == 0 {
		m.keys = filepath.Join(cfg.Dir, "keys")
		args := append([]string{"keys", "new", "--dir", m.keys, theBroker}, names()...)
		if out, err := exec.Command(cfg.Program, args...).CombinedOutput(); err != nil {
			return m, fmt.Errorf("postrider %s: %w\n%s", strings.Join(args, " "), err, out)
		}
	}
	return m, nil
}

// url is that of a node or the broker.
func (m *manner) url(at string) string {
	if m.keys == "" {
		return "amqp://guest:guest@" + at
	}
	return "amqps://guest:guest@" + at
}

// brokerURL is where the nodes find the broker. RabbitMQ has no TLS here.
func (r *Run) brokerURL() string {
	at := r.proxies[theBroker].Addr()
	if r.rabbit != nil {
		return new(manner).url(at)
	}
	return r.manner.url(at)
}

// serve are the flags of the broker.
func (m *manner) serve() []string {
	if m.keys == "" {
		return nil
	}
	file := func(name string) string { return filepath.Join(m.keys, name) }
	return []string{"--tls-cert", file(theBroker + ".pem"), "--tls-key", file(theBroker + ".key"), "--tls-ca", file("ca.pem")}
}

func (m *manner) String() string {
	how := "directly"
	if m.relay {
		how = "directly, or over the broker"
	}
	if m.keys != "" {
		how += "; all by TLS, with certificates on both sides"
	}
	return how
}
