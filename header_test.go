package postrider_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/postrider-mq/postrider"
)

func TestHeadersTravel(t *testing.T) {
	at := time.Unix(1_700_000_000, 0)
	tell := func(t *testing.T, target *postrider.Target, got <-chan *postrider.Message) {
		err := target.Send(t.Context(), "a", postrider.Header("tenant", "acme"), postrider.Header("attempt", 7),
			postrider.Header("at", at), postrider.Key("user 3"))
		if err != nil {
			t.Fatal(err)
		}
		m := wantBody(t, got, "a")
		if m.Key() != "user 3" || m.Header("tenant") != "acme" || m.Header("attempt") != int64(7) || m.Header("none") != nil {
			t.Errorf("key %q, headers %v", m.Key(), m.Headers())
		}
		if when, _ := m.Header("at").(time.Time); !when.Equal(at) {
			t.Errorf("at %v", m.Header("at"))
		}
		if len(m.Headers()) != 3 {
			t.Errorf("headers %v, want three and none of the package's own", m.Headers())
		}
	}
	onBoth(t, func(t *testing.T, producer, worker *postrider.Node) {
		tell(t, producer.Mailbox("jobs"), collect(t, worker, worker.Mailbox("jobs")))
	})
	t.Run("peer", func(t *testing.T) {
		inMemory(t, func(t *testing.T, net *network) {
			alice, bob := net.node("alice"), net.node("bob")
			tell(t, alice.Peer("bob"), collect(t, bob, bob.Inbox()))
		})
	})
}

func TestAHeaderThatCannotTravel(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		jobs := net.node("alice").Mailbox("jobs")
		for _, c := range []struct {
			option postrider.SendOption
			want   string
		}{
			{postrider.Header("x", struct{}{}), `header "x": a struct {} cannot travel`},
			{postrider.Header("x", uint64(1)), `header "x": a uint64 cannot travel: want a string, []byte, bool, time.Time or a number, but no uint or uint64`},
			{postrider.Header("x-postrider-tries", 1), "reserved"},
			{postrider.Header(strings.Repeat("n", 256), 1), "too long"},
		} {
			err := jobs.Send(t.Context(), "a", c.option)
			if err == nil || !strings.Contains(fmt.Sprint(err), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		}
	})
}
