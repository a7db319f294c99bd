package sim

import (
	"context"
	"log/slog"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/access"
	"github.com/postrider-mq/postrider/internal/core"
	"github.com/postrider-mq/postrider/internal/server"
)

// Result is what a run led to.
type Result struct {
	Violation *Violation // nil: every promise was kept
	Steps     int        // done
	Hash      uint64     // of all that happened
	Messages  int
	Starts    int // of the broker
	Resumes   int // of these, from a checkpoint
}

// Execute runs a program. trace, if not nil, is told what happens, line by line.
func Execute(p Program, trace func(string)) (res Result) {
	w := newWorld(p, trace)
	defer func() {
		w.dead = true
		w.killAll()
		res.Violation, res.Hash, res.Messages = w.violation, w.hash, len(w.ledger.messages)
		res.Starts, res.Resumes = w.epoch, w.resumes
	}()
	w.boot()
	if w.violation == nil {
		w.declareAll()
	}
	for _, s := range p.Steps {
		if w.violation != nil {
			return res
		}
		w.apply(s)
		res.Steps++
	}
	if w.violation == nil {
		w.finish()
	}
	return res
}

// declareAll makes the names that every run has.
func (w *World) declareAll() {
	c := w.newClient()
	for _, x := range []*amqp.ExchangeDeclare{
		{Exchange: directX, Type: "direct", Durable: true},
		{Exchange: fanoutX, Type: "fanout", Durable: true},
		{Exchange: deadExchange, Type: "fanout", Durable: true},
	} {
		c.ask(x, expect(amqp.ExchangeDeclareOkID))
	}
	if w.program.Setup.Delayed {
		c.ask(&amqp.ExchangeDeclare{
			Exchange: delayedX, Type: "x-delayed-message", Durable: true, Arguments: amqp.Table{"x-delayed-type": "direct"},
		}, expect(amqp.ExchangeDeclareOkID))
	}
	if w.program.Setup.Shares {
		c.ask(&amqp.ExchangeDeclare{Exchange: sharedX, Type: "x-consistent-hash", Durable: true}, expect(amqp.ExchangeDeclareOkID))
	}
	for _, q := range w.queues {
		if q.Name != volatileQueue {
			c.declare(q)
		}
	}
	w.quiesce()
	w.names = w.manual.Stats().LiveRecords
	if c.peer != nil {
		c.send(0, &amqp.ConnectionClose{ReplyCode: 200})
		c.leave()
		w.quiesce()
	}
	for _, q := range w.queues {
		if !q.stable && q.Name != volatileQueue && w.violation == nil {
			w.violate("declare", "queue %s could not be declared", q.Name)
		}
	}
}

func newServer(c *core.Core) *server.Server {
	users := access.NewUsers()
	users.AddGuest(access.Full())
	return server.New(server.Config{Core: c, Access: access.NewAuthority(users), Logger: slog.New(silent{})})
}

// silent is a log that nobody reads.
type silent struct{}

func (silent) Enabled(context.Context, slog.Level) bool  { return false }
func (silent) Handle(context.Context, slog.Record) error { return nil }
func (s silent) WithAttrs([]slog.Attr) slog.Handler      { return s }
func (s silent) WithGroup(string) slog.Handler           { return s }
