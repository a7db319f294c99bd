package core

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/disk"
)

// with is a persistent message with more properties than usual.
func with(queue, body string, p amqp.Properties) *Message {
	p.DeliveryMode = 2
	props, err := p.Append(nil)
	if err != nil {
		panic(err)
	}
	return &Message{Address: &Address{Key: queue}, Props: props, Body: []byte(body)}
}

func args(t amqp.Table) func(name string) QueueSpec {
	return func(name string) QueueSpec { return QueueSpec{Name: name, Durable: true, Args: t} }
}

// dying is a queue whose dead letters go to the queue named dead.
func dying(more amqp.Table) QueueSpec {
	more["x-dead-letter-exchange"], more["x-dead-letter-routing-key"] = "", "dead"
	return args(more)("q")
}

// take gets and acknowledges everything that is ready.
func (w *world) take(queue string) (list []*Message) {
	w.t.Helper()
	for {
		d, ok := w.get(queue, false)
		if !ok {
			return list
		}
		w.ack(d)
		list = append(list, d.Message)
	}
}

func (w *world) wantTaken(queue string, bodies ...string) (list []*Message) {
	w.t.Helper()
	list = w.take(queue)
	var got []string
	for _, m := range list {
		got = append(got, string(m.Body))
	}
	if !slices.Equal(got, bodies) {
		w.t.Errorf("queue %s gave %v, want %v", queue, got, bodies)
	}
	return list
}

// deaths are those of a message, as "reason queue count".
func deaths(t testing.TB, m *Message) (list []amqp.Table) {
	t.Helper()
	all, _ := m.headers()["x-death"].([]any)
	for _, x := range all {
		list = append(list, x.(amqp.Table))
	}
	return list
}

func TestArgumentsThatMeanNothing(t *testing.T) {
	w := newWorld(t, nil)
	for _, c := range []struct {
		args amqp.Table
		want string
	}{
		{amqp.Table{"x-message-ttl": int32(-1)}, "invalid arg 'x-message-ttl' for %: {value_negative,-1}"},
		{amqp.Table{"x-message-ttl": "s"}, "invalid arg 'x-message-ttl' for %: \"expected integer, got longstr\""},
		{amqp.Table{"x-message-ttl": int64(315360000001)}, "invalid arg 'x-message-ttl' for %: {value_too_large,315360000001}"},
		{amqp.Table{"x-expires": int32(0)}, "invalid arg 'x-expires' for %: {value_zero,0}"},
		{amqp.Table{"x-max-length": int32(-1)}, "invalid arg 'x-max-length' for %: {value_negative,-1}"},
		{amqp.Table{"x-max-length-bytes": true}, "invalid arg 'x-max-length-bytes' for %: \"expected integer, got bool\""},
		{amqp.Table{"x-max-priority": int32(256)}, "invalid arg 'x-max-priority' for %: {max_value_exceeded,256}"},
		{amqp.Table{"x-max-priority": int32(-1)}, "invalid arg 'x-max-priority' for %: {value_negative,-1}"},
		{amqp.Table{"x-overflow": "foo"}, "invalid arg 'x-overflow' for %: invalid_overflow"},
		{amqp.Table{"x-overflow": int32(1)}, "invalid arg 'x-overflow' for %: {unacceptable_type,signedint}"},
		{amqp.Table{"x-dead-letter-exchange": int32(1)}, "invalid type 'signedint' for arg 'x-dead-letter-exchange' in %"},
		{amqp.Table{"x-dead-letter-routing-key": "k"}, "invalid arg 'x-dead-letter-routing-key' for %: routing_key_but_no_dlx_defined"},
		{amqp.Table{"x-dead-letter-routing-key": int32(1)}, "invalid arg 'x-dead-letter-routing-key' for %: {unacceptable_type,signedint}"},
		{amqp.Table{"x-single-active-consumer": "true"}, "invalid arg 'x-single-active-consumer' for %: {unacceptable_type,longstr}"},
		{amqp.Table{"x-delivery-limit": int32(1)}, "invalid arg 'x-delivery-limit' for % of queue type rabbit_classic_queue"},
		{amqp.Table{"x-queue-type": "quorum", "x-max-priority": int32(1)}, "invalid arg 'x-max-priority' for % of queue type rabbit_quorum_queue"},
	} {
		_, err := w.tryDeclare(w.client, args(c.args)("q"))
		wantCode(t, err, amqp.PreconditionFailed, strings.ReplaceAll(c.want, "%", "queue 'q' in vhost '/'"))
	}
}

func TestPrioritiesComeFirstAndSurvive(t *testing.T) {
	w := newWorld(t, disk.NewMem())
	w.declare(args(amqp.Table{"x-max-priority": int32(5)})("q"))
	for _, m := range []struct {
		body     string
		priority uint8
	}{{"none", 0}, {"low", 1}, {"high", 5}, {"low too", 1}, {"higher than high", 200}} {
		w.publish(with("q", m.body, amqp.Properties{Priority: m.priority}))
	}
	d, _ := w.get("q", false)
	if string(d.Message.Body) != "high" {
		t.Errorf("first came %s", d.Message.Body)
	}
	w.ack(d)
	w.sync()
	w.crash(1)
	w.publish(with("q", "new", amqp.Properties{Priority: 1}))
	w.wantTaken("q", "higher than high", "low", "low too", "new", "none")
}

// A quorum queue has two levels, as in RabbitMQ 4; a crash leaves each message in its own.
func TestQuorumQueuesHaveTwoLevelsThatSurvive(t *testing.T) {
	w := newWorld(t, disk.NewMem())
	w.declare(args(amqp.Table{"x-queue-type": "quorum"})("q"))
	send := func(body string, priority uint8) {
		w.publish(with("q", body, amqp.Properties{Priority: priority}))
	}
	send("n1", 0)
	send("n2", 4)
	send("h1", 5)
	send("h2", 9)
	send("h3", 255)
	send("h4", 5)
	for _, body := range []string{"h1", "h2", "n1"} {
		d, _ := w.get("q", false)
		if string(d.Message.Body) != body {
			t.Fatalf("%s came, not %s", d.Message.Body, body)
		}
		w.ack(d)
	}
	w.sync()
	w.crash(1)
	send("n3", 0)
	send("h5", 7)
	w.wantTaken("q", "h3", "h4", "n2", "h5", "n3")
	w.sync()
	w.crash(2)
	send("n4", 0)
	send("h6", 7)
	w.wantTaken("q", "h6", "n4")
}

func TestMessagesExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.declare(args(amqp.Table{"x-message-ttl": int32(1000)})("q"))
		w.durable("plain")
		w.publish(with("q", "queue's", amqp.Properties{Expiration: "5000"}))
		w.publish(with("plain", "own", amqp.Properties{Expiration: "500"}))
		w.publish(with("plain", "for ever", amqp.Properties{}))
		w.publish(with("plain", "never", amqp.Properties{Expiration: "0"}))
		time.Sleep(499 * time.Millisecond)
		synctest.Wait()
		w.wantContents("q", "queue's")
		w.wantContents("plain", "own", "for ever", "never")
		time.Sleep(time.Millisecond)
		synctest.Wait()
		w.wantContents("plain", "for ever", "never")
		time.Sleep(500 * time.Millisecond)
		synctest.Wait()
		w.wantContents("q")
		w.publish(with("q", "next", amqp.Properties{Expiration: "100"}))
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		w.wantContents("q")
	})
}

// A nearer deadline moves the timer, and what is due is not given out.
func TestANearerExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.declare(args(amqp.Table{"x-message-ttl": int32(60_000), "x-expires": int32(3600_000)})("q"))
		w.publish(with("q", "late", amqp.Properties{}))
		d, _ := w.get("q", false)
		w.publish(with("q", "soon", amqp.Properties{Expiration: "10"}))
		time.Sleep(10 * time.Millisecond)
		synctest.Wait()
		w.wantContents("q", "late")
		w.requeue(d)
		time.Sleep(60 * time.Second)
		synctest.Wait()
		w.wantContents("q")
	})
}

func TestExpirySurvivesARestart(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	life := life{from: now.UnixMilli(), span: 1000}
	for elapsed, left := range map[time.Duration]time.Duration{
		0:                       time.Second,
		400 * time.Millisecond:  600 * time.Millisecond,
		-100 * time.Hour:        time.Second, // the clock was put back
		1000 * time.Millisecond: 0,
		100 * time.Hour:         0,
	} {
		if got := life.end(7, now.Add(elapsed).UnixMilli()); time.Duration(got) != 7+left {
			t.Errorf("after %v it has %v left, want %v", elapsed, time.Duration(got)-7, left)
		}
	}
	w := newWorld(t, disk.NewMem())
	w.declare(dying(amqp.Table{"x-message-ttl": int32(3600_000)}))
	w.durable("dead")
	w.publish(with("q", "hour", amqp.Properties{}))
	w.publish(with("q", "two", amqp.Properties{Expiration: "7200000"}))
	w.sync()
	w.crash(1)
	w.wantContents("q", "hour", "two")
	q := w.queue("q")
	q.mu.Lock()
	for e := range q.core.All() {
		end, ok := q.core.Expiry(e.Pos)
		if left := time.Duration(end - w.core.Now()); !ok || left > time.Hour || left < time.Minute {
			t.Errorf("%s expires in %v (%v)", w.message(e.Msg).Body, left, ok)
		}
	}
	q.mu.Unlock()
}

func TestDeadLettersSayWhy(t *testing.T) {
	w := newWorld(t, disk.NewMem())
	w.declare(dying(amqp.Table{"x-max-length": int32(1)}))
	w.durable("dead")
	w.publish(with("q", "first", amqp.Properties{Expiration: "60000", Headers: amqp.Table{"mine": int32(1)}}))
	w.publish(with("q", "second", amqp.Properties{}))
	w.wantContents("q", "second")
	d, _ := w.get("q", false)
	w.discard(d)
	w.sync()
	w.crash(1)
	w.wantContents("q")
	letters := w.wantTaken("dead", "first", "second")
	for i, reason := range []string{"maxlen", "rejected"} {
		h := letters[i].headers()
		if h["x-first-death-reason"] != reason || h["x-first-death-queue"] != "q" || h["x-first-death-exchange"] != "" {
			t.Errorf("headers are %v", h)
		}
		death := deaths(t, letters[i])[0]
		if _, ok := death["time"].(time.Time); !ok || death["count"] != int64(1) || death["reason"] != reason || death["queue"] != "q" ||
			death["exchange"] != "" || !slices.Equal(death["routing-keys"].([]any), []any{"q"}) {
			t.Errorf("it died of %v", death)
		}
	}
	if letters[0].expires() || deaths(t, letters[0])[0]["original-expiration"] != "60000" || letters[0].headers()["mine"] != int32(1) {
		t.Errorf("expiration: %v, headers: %v", letters[0].expires(), letters[0].headers())
	}
}

// At whatever moment the power fails, a message that is being dead-lettered is
// in one of the queues at least.
func TestNoDeadLetterIsLost(t *testing.T) {
	for seed := range uint64(30) {
		w := newWorld(t, disk.NewMem())
		w.declare(dying(amqp.Table{}))
		w.durable("dead")
		w.send("q", "m")
		d, _ := w.get("q", false)
		w.discard(d)
		w.crash(seed)
		if len(w.contents("q"))+len(w.contents("dead")) == 0 {
			t.Fatalf("seed %d: the message is in neither queue", seed)
		}
	}
}

func TestADeadLetterDoesNotGoRoundForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.declare(QueueSpec{Name: "a", Args: amqp.Table{"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "b", "x-message-ttl": int32(10)}})
		w.declare(QueueSpec{Name: "b", Args: amqp.Table{"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "a", "x-message-ttl": int32(10)}})
		w.publish(with("a", "m", amqp.Properties{}))
		time.Sleep(15 * time.Millisecond)
		synctest.Wait()
		w.wantContents("b", "m")
		d, _ := w.get("b", false)
		w.discard(d) // a rejection may bring it back
		w.wantContents("a", "m")
		time.Sleep(15 * time.Millisecond)
		synctest.Wait()
		w.wantContents("b", "m")
		d, _ = w.get("b", false)
		if got := deaths(t, d.Message); len(got) != 2 || got[0]["queue"] != "a" || got[0]["count"] != int64(2) || got[1]["reason"] != "rejected" {
			t.Errorf("it died of %v", got)
		}
		w.requeue(d)
		time.Sleep(15 * time.Millisecond)
		synctest.Wait()
		w.wantContents("a")
		w.wantContents("b")
	})
}

func TestAFullQueue(t *testing.T) {
	for overflow, c := range map[string]struct {
		full    bool
		q, dead []string
	}{
		"drop-head":          {false, []string{"cc"}, []string{"aa", "bb"}},
		"reject-publish":     {true, []string{"aa"}, nil},
		"reject-publish-dlx": {true, []string{"aa"}, []string{"bb", "cc"}},
	} {
		t.Run(overflow, func(t *testing.T) {
			w := newWorld(t, disk.NewMem())
			w.declare(dying(amqp.Table{"x-max-length-bytes": int32(3), "x-overflow": overflow}))
			w.durable("dead", "other")
			w.exchange("x", "fanout", true)
			w.bind("q", "x", "")
			w.bind("other", "x", "")
			w.send("q", "aa")
			if out := w.publish(message("", "q", "bb", true)); !out.Routed || out.Full != c.full {
				t.Errorf("one queue: %+v", out)
			}
			if out := w.publish(message("x", "", "cc", true)); !out.Routed || out.Full != c.full {
				t.Errorf("two queues: %+v", out)
			}
			w.sync()
			w.crash(1)
			w.wantContents("q", c.q...)
			w.wantContents("other", "cc")
			w.wantContents("dead", c.dead...)
		})
	}
}

func TestOneConsumerIsActive(t *testing.T) {
	w := newWorld(t, nil)
	w.declare(args(amqp.Table{"x-single-active-consumer": true})("q"))
	var first, second sink
	c := w.consume("q", 0, &first)
	w.consume("q", 0, &second)
	w.send("q", "a", "b")
	out := first.want(t, "a", "b")
	second.want(t)
	w.cancel(c)
	w.requeue(out...)
	second.want(t, "a*", "b*")
	_, err := w.tryConsume(w.client, ConsumeSpec{Queue: "q", Tag: "x", Exclusive: true}, &first)
	wantCode(t, err, amqp.AccessRefused, "queue 'q' in vhost '/' in exclusive use")
}

// comesBack has the message in q taken and put back so many times.
func comesBack(t *testing.T, w *world, times int) {
	t.Helper()
	for range times {
		d, ok := w.get("q", false)
		if !ok {
			t.Fatal("it was dropped too early")
		}
		w.requeue(d)
	}
}

func TestAMessageThatComesBackTooOften(t *testing.T) {
	w := newWorld(t, disk.NewMem())
	w.declare(dying(amqp.Table{"x-queue-type": "quorum", "x-delivery-limit": int32(2)}))
	w.durable("dead")
	w.send("q", "m")
	comesBack(t, w, 3)
	w.wantContents("q")
	if got := deaths(t, w.wantTaken("dead", "m")[0]); got[0]["reason"] != "delivery_limit" {
		t.Errorf("it died of %v", got)
	}
}

// Queues of RabbitMQ 4 have a limit of 20 unless they say that they have none, as programs for it do: by -1.
func TestAMessageMayComeBackForEver(t *testing.T) {
	w := newWorld(t, disk.NewMem())
	w.declare(dying(amqp.Table{"x-queue-type": "quorum", "x-delivery-limit": int32(-1)}))
	w.durable("dead")
	w.send("q", "m")
	comesBack(t, w, 50)
	w.crash(1)
	w.wantContents("q", "m")
	w.wantContents("dead")
}

// The compaction writes an expiring message anew with the rest of its life.
func TestCompactionKeepsTheExpiry(t *testing.T) {
	w := newWorld(t, disk.NewMem())
	w.declare(args(amqp.Table{"x-message-ttl": int32(3600_000)})("q"))
	w.send("q", "m")
	q := w.queue("q")
	e, _, _ := q.core.Lookup(1)
	rec, err := w.core.journal.Read(e.Msg.lsn())
	w.must(err)
	w.core.carry(rec)
	w.sync()
	w.crash(1)
	w.wantContents("q", "m")
	q = w.queue("q")
	end, ok := q.core.Expiry(1)
	if left := time.Duration(end - w.core.Now()); !ok || left > time.Hour || left < time.Minute {
		t.Errorf("it expires in %v (%v)", left, ok)
	}
}
