package queue

import "testing"

func TestAnEntryGoesToTheConsumer(t *testing.T) {
	q := New[string](0, Config{})
	if _, err := q.Attach(0, Consumer{ID: 7, Prefetch: 1}); err != nil {
		t.Fatal(err)
	}
	fx := q.Push(0, q.Reserve(), "hello")
	if len(fx.Deliver) != 1 || fx.Deliver[0].Consumer != 7 || fx.Deliver[0].Entry.Msg != "hello" {
		t.Fatalf("delivered %v", fx.Deliver)
	}
	if m, ok, _ := q.Settle(0, fx.Deliver[0].Entry.Pos); !ok || m != "hello" {
		t.Fatalf("settled %q, %v", m, ok)
	}
	if q.Len()+q.Unacked() != 0 {
		t.Fatalf("ready %d, unacked %d", q.Len(), q.Unacked())
	}
}
