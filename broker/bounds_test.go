package broker_test

import (
	"strings"
	"testing"
	"time"

	"github.com/postrider-mq/postrider/broker"
)

// What makes no sense is refused, in words that say what it is of, what was given and what is wanted.
func TestWhatMakesNoSense(t *testing.T) {
	type config = broker.Config
	for want, spoil := range map[string]func(*config){
		"Config.SegmentSize is -1: want bytes":         func(c *config) { c.SegmentSize = -1 },
		"Config.MessageMemory is -1: want bytes":       func(c *config) { c.MessageMemory = -1 },
		"Config.Goodbye is -1s: want a time":           func(c *config) { c.Goodbye = -time.Second },
		"Config.PackSize is -1: want ":                 func(c *config) { c.PackSize = -1 },
		"Config.MaxMessage is -1: want 0 to ":          func(c *config) { c.MaxMessage = -1 },
		"Config.MaxMessage is 134217729: want 0 to ":   func(c *config) { c.MaxMessage = 128<<20 + 1 },
		"Config.MaxUnsettled is -1: want deliveries":   func(c *config) { c.MaxUnsettled = -1 },
		"Config.MaxUnsettledBytes is -1: want bytes":   func(c *config) { c.MaxUnsettledBytes = -1 },
		"Config.Heartbeat is -1s: want whole seconds":  func(c *config) { c.Heartbeat = -time.Second },
		"Config.Heartbeat is 1.5s: want whole seconds": func(c *config) { c.Heartbeat = 1500 * time.Millisecond },
		"Config.Sync is 9: want SyncAlways":            func(c *config) { c.Sync = 9 },
		"Config.ConsumerTimeout is -1s: want a time":   func(c *config) { c.ConsumerTimeout = -time.Second },
		"Config.Users: ":                               func(c *config) { c.Users = map[string]string{"": "secret"} },
	} {
		var cfg config
		spoil(&cfg)
		b, err := broker.Open(cfg)
		if err == nil {
			b.Close()
		}
		wantText(t, err, "broker: "+want)
	}
	b, err := broker.Open(broker.Config{MemoryMark: -1, MinFree: -1, ConsumerTimeout: broker.NoTimeout})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	c := dial(t, b)
	declare(t, c, broker.QueueOptions{Name: "q"})
	for _, prefetch := range []int{-1, 70000} {
		_, err := c.Consume(t.Context(), "q", broker.ConsumeOptions{Prefetch: prefetch}, func(broker.Delivery) {})
		wantText(t, err, "ConsumeOptions.Prefetch is ")
	}
	wantText(t, b.Bound("q", -1, 0), "Bound of queue 'q' is -1 messages and 0 bytes: want ")
	wantText(t, b.Bound("q", 0, -1), "Bound of queue 'q' is 0 messages and -1 bytes: want ")
	_, err = c.DeclareQueue(t.Context(), broker.QueueOptions{Name: strings.Repeat("q", 256)})
	wantText(t, err, "queue name is 256 bytes long, at most 255 are allowed")
	wantText(t, b.PutUser(t.Context(), "", "secret"), "name")
}

func wantText(t *testing.T, err error, text string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("got %v\nwant an error with %q", err, text)
	}
}
