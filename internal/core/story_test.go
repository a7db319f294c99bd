package core

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/disk"
	"github.com/postrider-mq/postrider/internal/route"
)

func TestPublishDeliverSettle(t *testing.T) {
	w := newWorld(t, nil)
	w.declare(QueueSpec{Name: "q"})
	s := &sink{}
	w.consume("q", 1, s)
	w.publish(message("", "q", "a", false))
	w.publish(message("", "q", "b", false))
	a := s.want(t, "a")
	if s.wakes != 1 {
		t.Errorf("woken %d times for one delivery", s.wakes)
	}
	w.ack(a...)
	b := s.want(t, "b")
	w.ack(b...)
	w.ack(b...) // twice: nothing is out at that position any more
	w.wantContents("q")
}

func TestRequeueGoesBackToItsPlaceMarked(t *testing.T) {
	w := newWorld(t, nil)
	w.declare(QueueSpec{Name: "q"})
	for _, body := range []string{"a", "b", "c"} {
		w.publish(message("", "q", body, false))
	}
	s := &sink{}
	c := w.consume("q", 2, s)
	out := s.want(t, "a", "b")
	w.cancel(c)
	w.requeue(out[0])
	if d, _ := w.get("q", false); string(d.Message.Body) != "a" || !d.Redelivered {
		t.Errorf("got %s, redelivered %v", d.Message.Body, d.Redelivered)
	}
	w.wantContents("q", "a", "b", "c")
	w.discard(out[1])
	w.wantContents("q", "a", "c")
}

func TestNothingIsDeliveredAfterCancel(t *testing.T) {
	w := newWorld(t, nil)
	w.declare(QueueSpec{Name: "q"})
	s := &sink{}
	c := w.consume("q", 0, s)
	w.cancel(c)
	w.publish(message("", "q", "a", false))
	s.want(t)
	w.wantContents("q", "a")
}

// Who starts is told so before the first delivery.
func TestStartedComesBeforeTheFirstDelivery(t *testing.T) {
	w := newWorld(t, nil)
	w.declare(QueueSpec{Name: "q"})
	w.publish(message("", "q", "a", false))
	s := &sink{}
	w.do(func(b *Burst) {
		_, err := w.client.Consume(t.Context(), b, ConsumeSpec{Queue: "q", Tag: "c"}, s, func(*Consumer) {
			if len(s.got) > 0 {
				t.Error("delivered before the start was told")
			}
		})
		w.must(err)
	})
	s.want(t, "a")
}

func TestAFullSinkPausesItsConsumerAlone(t *testing.T) {
	w := newWorld(t, nil)
	w.declare(QueueSpec{Name: "q"})
	slow, quick := &sink{room: 2}, &sink{}
	c := w.consume("q", 0, slow)
	w.consume("q", 0, quick)
	for _, body := range []string{"a", "b", "c", "d", "e", "f"} {
		w.publish(message("", "q", body, false))
	}
	slow.want(t, "a", "c")
	quick.want(t, "b", "d", "e", "f")
	w.do(c.Resume)
	w.publish(message("", "q", "g", false))
	w.publish(message("", "q", "h", false))
	if got := len(slow.take()) + len(quick.take()); got != 2 {
		t.Errorf("%d of 2 delivered after the pause", got)
	}
}

// A consumer without limit that is paused in the midst of many gets no more
// than what one event hands out.
func TestAPauseHoldsInAFlood(t *testing.T) {
	w := newWorld(t, nil)
	w.declare(QueueSpec{Name: "q"})
	for range 1000 {
		w.publish(message("", "q", "x", false))
	}
	s := &sink{room: 1}
	c := w.consume("q", 0, s)
	if n := len(s.take()); n == 0 || n > 100 {
		t.Errorf("%d delivered into a sink that is full after one", n)
	}
	s.room = 0
	w.do(c.Resume)
	s.take()
	w.wantInfo("q", 0, 1)
}

func (w *world) wantInfo(queue string, messages, consumers int) {
	w.t.Helper()
	want := QueueInfo{Name: queue, Messages: messages, Consumers: consumers}
	if got := w.queue(queue).info(); got != want {
		w.t.Errorf("%+v, want %+v", got, want)
	}
}

func TestAnExclusiveQueueBelongsToItsClient(t *testing.T) {
	w := newWorld(t, disk.NewMem())
	other := w.client.VHost.NewClient("other")
	name := w.declare(QueueSpec{Exclusive: true, Durable: true}).Name
	locked := "cannot obtain exclusive access to locked queue '" + name + "' in vhost '/'. It could be originally declared " +
		"on another connection or the exclusive property value does not match that of the original declaration."
	_, err := w.tryDeclare(other, QueueSpec{Name: name, Exclusive: true, Durable: true})
	wantCode(t, err, amqp.ResourceLocked, locked)
	_, err = w.tryConsume(other, ConsumeSpec{Queue: name}, &sink{})
	wantCode(t, err, amqp.ResourceLocked, locked)
	w.do(func(b *Burst) {
		_, _, _, _, err := other.Get(t.Context(), b, name, true)
		wantCode(t, err, amqp.ResourceLocked, locked)
		_, err = other.DeleteQueue(context.Background(), b, name, false, false)
		wantCode(t, err, amqp.ResourceLocked, locked)
		_, err = other.PurgeQueue(b, name)
		wantCode(t, err, amqp.ResourceLocked, locked)
		_, err = other.InspectQueue(b, name)
		wantCode(t, err, amqp.ResourceLocked, locked)
		wantCode(t, other.Bind(context.Background(), b, toQueue(name, "amq.direct", "k")), amqp.ResourceLocked, locked)
	})
	if !w.publish(message("", name, "anybody may publish", true)).Routed {
		t.Error("a publish by name was not routed")
	}
	w.closeClient(w.client)
	if w.exists(name) {
		t.Error("the queue outlived its client")
	}
	if _, err := w.tryDeclare(w.client, QueueSpec{Name: "late", Exclusive: true}); err != ErrClosed || w.exists("late") {
		t.Errorf("a closed client declared: %v", err)
	}
}

func TestAnAutoDeleteQueueGoesWithItsLastConsumer(t *testing.T) {
	w := newWorld(t, nil)
	w.declare(QueueSpec{Name: "q", AutoDelete: true})
	a, b := w.consume("q", 0, &sink{}), w.consume("q", 0, &sink{})
	w.cancel(a)
	if !w.exists("q") {
		t.Fatal("gone with a consumer left")
	}
	w.cancel(b)
	if w.exists("q") {
		t.Fatal("still there without a consumer")
	}
	if w.publish(message("", "q", "late", false)).Routed {
		t.Error("routed to a deleted queue")
	}
}

// Between the end of a queue's life and the end of the burst, a name is free.
func TestAQueueThatWaitsToBeDeletedIsGone(t *testing.T) {
	w := newWorld(t, nil)
	w.declare(QueueSpec{Name: "q", AutoDelete: true})
	c := w.consume("q", 0, &sink{})
	w.do(func(b *Burst) {
		c.Cancel(b)
		_, err := w.client.InspectQueue(b, "q")
		wantCode(t, err, amqp.NotFound, "no queue 'q' in vhost '/'")
		_, err = w.client.DeclareQueue(context.Background(), b, QueueSpec{Name: "q", Durable: true})
		w.must(err)
	})
	if q := w.queue("q"); q == nil || !q.Durable {
		t.Error("the new queue went with the old one")
	}
}

func TestDeletingAQueueTellsItsConsumers(t *testing.T) {
	w := newWorld(t, nil)
	w.declare(QueueSpec{Name: "q"})
	s := &sink{}
	w.consume("q", 1, s)
	w.publish(message("", "q", "a", false))
	w.publish(message("", "q", "b", false))
	out := s.want(t, "a")
	if n := w.delete("q"); n != 1 {
		t.Errorf("%d ready messages went, want 1", n)
	}
	if !slices.Equal(s.cancelled, []string{"c"}) {
		t.Errorf("told %v", s.cancelled)
	}
	w.ack(out...) // late: ignored
	w.requeue(out...)
	w.delete("q") // what is not there is deleted already
}

func TestDeleteOnlyIf(t *testing.T) {
	w := newWorld(t, nil)
	w.declare(QueueSpec{Name: "q"})
	w.publish(message("", "q", "a", false))
	try := func(unused, empty bool) (err error) {
		w.do(func(b *Burst) { _, err = w.client.DeleteQueue(context.Background(), b, "q", unused, empty) })
		return err
	}
	wantCode(t, try(false, true), amqp.PreconditionFailed, "queue 'q' in vhost '/' not empty")
	c := w.consume("q", 0, &sink{})
	wantCode(t, try(true, false), amqp.PreconditionFailed, "queue 'q' in vhost '/' in use")
	w.cancel(c)
	w.must(try(true, true))
}

func TestDeclareAgain(t *testing.T) {
	w := newWorld(t, nil)
	w.declare(QueueSpec{Name: "q", Args: amqp.Table{"x-expires": int32(60000), "x-unknown": true}})
	w.declare(QueueSpec{Name: "q", Args: amqp.Table{"x-expires": int64(60000)}})
	w.declare(QueueSpec{Name: "q", Args: amqp.Table{"x-expires": int64(60000), "x-delivery-limit": int32(3)}}) // quorum queues have it
	for name, spec := range map[string]QueueSpec{
		"inequivalent arg 'durable' for queue 'q' in vhost '/': received 'true' but current is 'false'":     {Name: "q", Durable: true},
		"inequivalent arg 'auto_delete' for queue 'q' in vhost '/': received 'true' but current is 'false'": {Name: "q", AutoDelete: true},
		"inequivalent arg 'x-expires' for queue 'q' in vhost '/': received none but current is the value '60000' of type 'signedint'": {
			Name: "q"},
	} {
		_, err := w.tryDeclare(w.client, spec)
		wantCode(t, err, amqp.PreconditionFailed, name)
	}
	w.declare(QueueSpec{Name: "plain"})
	for value, want := range map[any]string{
		float32(5): "'5.0' of type 'float'", float32(0.1): "'0.10000000149011612' of type 'float'", 1.5: "'1.5' of type 'double'", -2.0: "'-2.0' of type 'double'",
		1e22: "'1.0e22' of type 'double'", 1.25e-7: "'1.25e-7' of type 'double'",
	} {
		_, err := w.tryDeclare(w.client, QueueSpec{Name: "plain", Args: amqp.Table{"x-expires": value}})
		wantCode(t, err, amqp.PreconditionFailed, "inequivalent arg 'x-expires' for queue 'plain' in vhost '/': received the value "+want+" but current is none")
	}
	w.declare(QueueSpec{Name: "quorum", Durable: true, Args: amqp.Table{"x-queue-type": "quorum"}})
	w.declare(QueueSpec{Name: "plain", Args: amqp.Table{"x-queue-type": "classic"}})
	for want, spec := range map[string]QueueSpec{
		"queue 'quorum' in vhost '/': received none but current is the value 'quorum' of type 'longstr'": {Name: "quorum", Durable: true},
		"queue 'quorum' in vhost '/': received 'classic' but current is 'quorum'":                        {Name: "quorum", Durable: true, Args: amqp.Table{"x-queue-type": "classic"}},
		"queue 'plain' in vhost '/': received the value 'quorum' of type 'longstr' but current is none":  {Name: "plain", Args: amqp.Table{"x-queue-type": "quorum"}},
	} {
		_, err := w.tryDeclare(w.client, spec)
		wantCode(t, err, amqp.PreconditionFailed, "inequivalent arg 'x-queue-type' for "+want)
	}
	_, err := w.tryDeclare(w.client, QueueSpec{Name: "amq.mine"})
	wantCode(t, err, amqp.AccessRefused, "queue name 'amq.mine' contains reserved prefix 'amq.*'")
	for _, bad := range []string{"a\x00b", "\xff", "line\nbreak"} {
		_, err := w.tryDeclare(w.client, QueueSpec{Name: bad})
		wantCode(t, err, amqp.PreconditionFailed, "")
	}
}

func TestDirectReplies(t *testing.T) {
	w := newWorld(t, nil)
	s := &sink{}
	r := w.client.ConsumeReplies("tag", 7, s)
	w.must(w.client.CheckReply(r.Name))
	if !w.publish(message("", r.Name, "answer", false)).Routed {
		t.Error("not routed")
	}
	if got := s.want(t, "answer"); got[0].Consumer.Tag != "tag" || got[0].Consumer.Channel != 7 || !got[0].Consumer.NoAck {
		t.Errorf("delivered to %+v", got[0].Consumer)
	}
	if s.wakes != 1 {
		t.Errorf("woken %d times", s.wakes)
	}
	r.Cancel()
	if w.publish(message("", r.Name, "too late", false)).Routed {
		t.Error("routed after the requester left")
	}
	s.want(t)
	wantCode(t, w.client.CheckReply(r.Name), amqp.NotFound, "no queue '"+r.Name+"' in vhost '/'")
}

func TestAnUnusedQueueExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, disk.NewMem())
		for _, name := range []string{"idle", "consumed", "got", "declared"} {
			w.declare(QueueSpec{Name: name, Durable: true, Args: amqp.Table{"x-expires": int32(60_000)}})
		}
		c := w.consume("consumed", 0, &sink{})
		time.Sleep(40 * time.Second)
		w.get("got", true)
		w.declare(QueueSpec{Name: "declared", Durable: true, Args: amqp.Table{"x-expires": int32(60_000)}})
		time.Sleep(40 * time.Second)
		synctest.Wait()
		if w.exists("idle") || !w.exists("consumed") || !w.exists("got") || !w.exists("declared") {
			t.Error("at 80 s: only the idle one should be gone")
		}
		w.cancel(c)
		time.Sleep(59 * time.Second)
		synctest.Wait()
		if !w.exists("consumed") || w.exists("got") || w.exists("declared") {
			t.Error("at 139 s: only the one that was consumed from should be left")
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if w.exists("consumed") {
			t.Error("at 141 s: nothing should be left")
		}
		w.sync()
		w.crash(1)
		if w.exists("idle") || w.exists("consumed") {
			t.Error("an expired queue came back")
		}
	})
}

func TestOneRecordForAllQueues(t *testing.T) {
	w := newWorld(t, disk.NewMem())
	w.exchange("x", route.Fanout, true)
	w.durable("a", "b", "c")
	w.declare(QueueSpec{Name: "transient"})
	for _, name := range []string{"a", "b", "c", "transient"} {
		w.bind(name, "x", "")
	}
	w.sync()
	before := w.core.journal.Stats().Appended
	out := w.publish(message("x", "", "m", true))
	if n := w.core.journal.Stats().Appended - before; n != 1 || out.LSN == 0 {
		t.Errorf("%d records, position %d", n, out.LSN)
	}
	if out := w.publish(message("x", "", "light", false)); out.LSN != 0 {
		t.Error("a transient message waits for the disk")
	}
	if out := w.publish(message("", "transient", "kept nowhere", true)); out.LSN != 0 {
		t.Error("a message for a transient queue alone waits for the disk")
	}
}

// A waiter is told once for each time that it asks.
func TestWhoWaitsForTheDiskIsTold(t *testing.T) {
	w := newWorld(t, disk.NewMem())
	w.durable("q")
	told := waiter(make(chan struct{}, 4))
	for range 100 {
		out := w.publish(message("", "q", "m", true))
		for !w.core.IsDurable(out.LSN) {
			if w.core.NotifyDurable(told, out.LSN) {
				<-told
			}
		}
	}
}

type waiter chan struct{}

func (c waiter) Durable(bool) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Whoever has to wait for the disk in the midst of a burst first lets go of
// what the burst has delivered.
func TestABurstThatWaitsKeepsNobodyWaiting(t *testing.T) {
	w, slow, gate := stuckWorld(t)
	defer w.core.Close()
	w.declare(QueueSpec{Name: "q"})
	s := &sink{}
	w.consume("q", 0, s)
	asked := 0
	w.burst.Waiting = func() { asked++; close(gate) }
	slow.Store(true)
	w.do(func(b *Burst) {
		w.via.Publish(b, message("", "q", "m", false))
		w.client.DeclareQueue(context.Background(), b, QueueSpec{Name: "d", Durable: true})
		if s.wakes != 1 || asked != 1 {
			t.Errorf("%d wakes, asked %d times", s.wakes, asked)
		}
	})
}

func TestAFailedDiskEndsADeclaration(t *testing.T) {
	broken := make(chan error, 1)
	faulty := disk.NewFaulty(disk.NewMem(), func(op disk.Op) error {
		if op.Kind == disk.OpSync && op.Index > 20 {
			return context.DeadlineExceeded
		}
		return nil
	}, nil)
	c, err := Open(Config{FS: faulty, OnFailure: func(err error) { broken <- err }})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	v, _ := c.VHost("/")
	client := v.NewClient("test")
	var b Burst
	for err == nil {
		_, err = client.DeclareQueue(context.Background(), &b, QueueSpec{Durable: true})
	}
	if <-broken; c.IsDurable(c.append(kindSettled, false, nil)) {
		t.Error("a record is durable on a failed disk")
	}
}
