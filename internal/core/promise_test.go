package core

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/disk"
	"github.com/postrider-mq/postrider/internal/journal"
	"github.com/postrider-mq/postrider/internal/route"
)

// The dead letter that took a message's place may lie in the gap.
func TestASettlementBehindAGapIsNotBelieved(t *testing.T) {
	for gap, left := range map[bool]int{false: 0, true: 1} {
		r := newRecovery()
		q := r.queue(7)
		q.entries.put(1, pagedRef(4096, false, 1))
		err := r.settled(journal.Record{AfterGap: gap, Body: appendSettled(nil, 7, []span{{first: 1, count: 1}})})
		if err != nil || q.entries.n != left || q.next != 2 {
			t.Errorf("behind a gap %v: %d messages are left, the next position is %d, %v", gap, q.entries.n, q.next, err)
		}
	}
}

// A crash between two records leaves the message in both queues, never in neither.
func TestADeadLetterIsWrittenFirst(t *testing.T) {
	w := newWorld(t, disk.NewMem())
	w.declare(dying(amqp.Table{}))
	w.durable("dead")
	w.send("q", "m")
	d, _ := w.get("q", false)
	before := w.core.journal.Last()
	w.discard(d)
	w.sync()
	var kinds []journal.Kind
	j, err := journal.Open(journal.Config{FS: w.disk.Snapshot()}, func(r journal.Record) error {
		if r.LSN > before {
			kinds = append(kinds, r.Kind)
		}
		return nil
	})
	w.must(err)
	w.must(j.Close())
	if want := []journal.Kind{kindEnqueued, kindSettled}; fmt.Sprint(kinds) != fmt.Sprint(want) {
		t.Errorf("records of the kinds %d were written, want %d", kinds, want)
	}
}

func TestACheckpointIsGoneBeforeTheJournalGoesOn(t *testing.T) {
	w := newWorld(t, disk.NewMem())
	w.durable("q")
	w.send("q", "a")
	w.must(w.core.Close())
	w.open(w.disk)
	for seed := range uint64(10) {
		if _, err := w.disk.Crash(seed).Open("checkpoint"); !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("after a crash with seed %d there is an old checkpoint: %v", seed, err)
		}
	}
	w.send("q", "b")
	w.crash(1)
	w.wantContents("q", "a", "b")
}

// Who declares what is there already may rely on it as much as who made it, who may still be waiting for the disk.
func TestWhatIsThereAlreadyIsAnsweredWhenItIsOnDisk(t *testing.T) {
	w, stuck, gate := stuckWorld(t)
	defer w.core.Close()
	w.durable("there")
	w.exchange("there", route.Direct, true)
	impatient, cancel := context.WithCancel(t.Context())
	cancel()
	stuck.Store(true)
	for what, declare := range map[string]func(context.Context, *Burst) error{
		"a queue": func(ctx context.Context, b *Burst) error {
			_, err := w.client.DeclareQueue(ctx, b, QueueSpec{Name: "q", Durable: true})
			return err
		},
		"an exchange": func(ctx context.Context, b *Burst) error {
			return w.client.DeclareExchange(ctx, b, route.Exchange{Name: "x", Kind: route.Direct, Durable: true, Args: amqp.Table{"made": "first"}})
		},
		"a delayed exchange": func(ctx context.Context, b *Burst) error {
			return w.client.DeclareExchange(ctx, b, route.Exchange{Name: "later", Kind: route.Delayed, Durable: true, Args: amqp.Table{"x-delayed-type": "direct"}})
		},
		"a binding": func(ctx context.Context, b *Burst) error {
			return w.client.Bind(ctx, b, toQueue("there", "there", "key"))
		},
		"a binding of an exchange": func(ctx context.Context, b *Burst) error {
			return w.client.Bind(ctx, b, route.Binding{Source: "there", Destination: "amq.fanout"})
		},
	} {
		for _, who := range []string{"who made it", "who comes next"} {
			w.do(func(b *Burst) {
				if err := declare(impatient, b); !errors.Is(err, context.Canceled) {
					t.Errorf("%s: %s was answered before it was on disk: %v", what, who, err)
				}
			})
		}
		defer w.do(func(b *Burst) { w.must(declare(t.Context(), b)) })
	}
	close(gate)
}

// What is in a declaration is there after a restart, or it is not made.
func TestArgumentsThatCannotBeKeptAreRefused(t *testing.T) {
	w := newWorld(t, disk.NewMem())
	deep := amqp.Table{}
	for range amqp.MaxTableDepth {
		deep = amqp.Table{"deeper": deep}
	}
	for text, args := range map[string]amqp.Table{
		`table: "note" is a []string, which has no wire type`:     {"x-max-length": 1, "note": []string{"of Go's"}},
		"table: more than 8 tables and arrays inside one another": {"x-max-length": 1, "note": deep},
		"table: more than 65536 octets":                           {"x-max-length": 1, "note": strings.Repeat("x", amqp.MaxTableBytes)},
		"table: a name of 256 octets is too long":                 {"x-max-length": 1, strings.Repeat("x", 256): 1},
	} {
		_, err := w.tryDeclare(w.client, QueueSpec{Name: "q", Durable: true, Args: args})
		wantCode(t, err, amqp.PreconditionFailed, "arguments of queue 'q' in vhost '/' cannot be kept: "+text)
		w.do(func(b *Burst) {
			err := w.client.DeclareExchange(t.Context(), b, route.Exchange{Name: "x", Kind: route.Direct, Durable: true, Args: args})
			wantCode(t, err, amqp.PreconditionFailed, "arguments of exchange 'x' in vhost '/' cannot be kept: "+text)
		})
	}
	if w.exists("q") || w.exchangeExists("x") {
		t.Error("what cannot be kept was made nevertheless")
	}
	w.declare(QueueSpec{Name: "q", Durable: true, Args: amqp.Table{"x-max-length": 1, "note": []any{"of the protocol's"}}})
	w.restart()
	if got := fmt.Sprint(w.queue("q").Args); got != "map[note:[of the protocol's] x-max-length:1]" {
		t.Error("after a restart the arguments are", got)
	}
}
