package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/postrider-mq/postrider/amqp"
)

// ErrNoAnswer ends a connection whose other side said nothing though it was asked, while somebody waited for it.
var ErrNoAnswer = errors.New("the other side does not answer")

// doubt notices that a process has stopped without a word, as one that is frozen does, whose connections stay: long before heartbeats do, and only
// where somebody waits. While nothing was read for one look to the next the other side is asked for a channel, which costs it nothing and is answered at
// once; what is read in place of the answer does as well. But the question may lie behind a large message on a slow line, or be left unread by one whose
// disk is slow. So before the connection ends, somebody knocks at the door. It belongs to the manager.
//
//	something was read ──nothing since, and somebody waits──► asked ──nothing for another look──► a knock: nobody opens, and the connection ends
//	        ▲──────────────────────anything is read──────────────┘                                  │
//	        └─────────────────────────────────────────────────────────────────────────somebody does─┘
//
// A machine that stands still for a while and goes on has looked once, not as often as it has missed.
type doubt struct {
	*pulse // nil: nobody doubts
	w      *wire
	reads  uint64
	asked  bool
}

const (
	doubtEvery = 3 * time.Second
	knockFor   = 5 * time.Second
)

func newDoubt(w *wire) *doubt {
	d := &doubt{w: w}
	if w.conn.cfg.Doubts {
		d.pulse = newPulse(doubtEvery)
	}
	return d
}

func (d *doubt) look() {
	d.again()
	reads, _ := d.w.link.Activity()
	read := reads != d.reads
	d.reads = reads
	switch {
	case read:
		d.asked = false
	case !d.asked && d.w.conn.pub.waits():
		d.asked = true
		d.w.probe()
	case d.asked:
		d.asked = false
		if err := d.w.conn.knock(d.w.at); err != nil {
			d.w.link.Close(fmt.Errorf("%w: %w", ErrNoAnswer, err))
		}
	}
}

// knock connects once more, and returns why it got no word.
func (c *Conn) knock(at Address) error {
	ctx, cancel := context.WithTimeout(c.ctx, knockFor)
	defer cancel()
	nc, err := c.open(ctx, at)
	if err != nil {
		return err
	}
	defer nc.Close()
	stop := context.AfterFunc(ctx, func() { nc.Close() })
	defer stop()
	if _, err = nc.Write(amqp.ProtocolHeader[:]); err == nil {
		_, err = nc.Read(make([]byte, 1))
	}
	if errors.Is(err, io.EOF) { // it has no room for strangers
		err = nil
	}
	return err
}

// probe asks for a channel, and gives it up when it is there. It leaves the question to the writer, who may be held up.
func (w *wire) probe() {
	w.mu.Lock()
	if n, b, err := w.proto.OpenChannel(); err == nil {
		w.asked[n] = &question{done: make(chan error, 1), got: func(amqp.Method) { w.closeChannel(n) }}
		w.send(b)
	}
	w.mu.Unlock()
	w.link.Wake()
	w.turns.call()
}

// waits says that something is on its way and not confirmed, or not answered, and that the other side has not said that it takes nothing.
func (p *Publisher) waits() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.reason() == nil && (p.log.live > 0 || len(p.calls) > 0)
}
