package brokers

import (
	"testing"

	"github.com/postrider-mq/postrider/internal/rabbitmq"
)

// Rabbit is a RabbitMQ that runs.
type Rabbit struct{ *rabbitmq.Node }

// RabbitMQ runs a RabbitMQ of its own until the test ends, with the virtual host
// "/" and the given ones, in all of which guest may do everything. Where none is
// installed the test is skipped, loudly.
func RabbitMQ(t testing.TB, vhosts ...string) *Rabbit {
	t.Helper()
	return with(t, vhosts, "rabbitmq_consistent_hash_exchange")
}

// FederatingRabbitMQ is one that shovels and federates.
func FederatingRabbitMQ(t testing.TB) *Rabbit {
	t.Helper()
	return with(t, nil, "rabbitmq_shovel", "rabbitmq_federation")
}

func with(t testing.TB, vhosts []string, plugins ...string) *Rabbit {
	t.Helper()
	installed(t)
	n, err := rabbitmq.Start(t.Context(), rabbitmq.Config{
		Dir: t.TempDir(), VHosts: vhosts, Plugins: append(plugins, "rabbitmq_management"),
	})
	if err != nil {
		t.Fatal(err)
	}
	ends(t, n)
	return &Rabbit{n}
}

func installed(t testing.TB) {
	t.Helper()
	if _, err := rabbitmq.Installed(); err != nil {
		t.Skipf("NOTHING IS COMPARED: %v; interop/install.sh installs it", err)
	}
}

// ends ends what runs when the test does.
func ends(t testing.TB, what interface{ Close() error }) {
	t.Cleanup(func() {
		if err := what.Close(); err != nil {
			t.Error(err)
		}
	})
}
