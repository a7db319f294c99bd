package client

import (
	"testing"
	"time"
)

func TestAWatchEndsWithItsConsumer(t *testing.T) {
	for _, released := range []string{"before it is watched", "after"} {
		u := &Consumer{conn: &Conn{}, first: newSignal(), gone: newSignal()}
		if released == "after" {
			u.Watch(time.Hour, nil)
		}
		u.finish()
		if u.Watch(time.Hour, nil); u.watch != nil && u.watch.timer.Stop() {
			t.Errorf("released %s: a timer keeps the consumer for a quarter of an hour", released)
		}
	}
}
