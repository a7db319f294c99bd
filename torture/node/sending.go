package node

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/torture/told"
)

// What some calls are called, see told.Line.
const (
	SendUntilHandled = "send until handled"
	PostUntilHandled = "post until handled"
	Called           = "call"
)

// line is a goroutine that sends to one target, one message after the other.
type line struct {
	*self
	to   *postrider.Target
	name string
	peer bool
	way  told.Way // as far as is known of all
	sent int
}

// send begins to send to everything that there is.
func (s *self) send() {
	for _, name := range slices.Sorted(maps.Keys(s.Peers)) {
		l := &line{self: s, to: s.node.Peer(name), name: name, peer: true}
		if s.Relay {
			l.to, l.way = s.node.Peer(name, postrider.Relay()), told.Either
		}
		s.begin(l)
	}
	s.begin(&line{self: s, to: s.node.Mailbox(Jobs), name: Jobs})
	s.begin(&line{self: s, to: s.node.Mailbox(Parts, postrider.Partitions(partitions)), name: Parts})
	s.begin(&line{self: s, to: s.node.Topic(News), name: News})
}

func (s *self) begin(l *line) {
	s.senders.Go(func() {
		for s.sends.Err() == nil {
			l.one()
			pause(s.sends, time.Duration(s.random.roll(20_000))*time.Microsecond)
		}
	})
}

// one sends one message in one of the ways.
func (l *line) one() {
	patience := time.Duration(50+l.random.roll(2500)) * time.Millisecond
	switch d := l.random.roll(100); {
	case d < 40:
		l.waiting("send", patience, l.stored())
	case d < 70:
		l.posting("post", 0)
	case d < 75:
		for range l.random.roll(30) {
			l.posting("post", 0)
		}
	case d < 82:
		l.waiting(SendUntilHandled, patience, told.WasHandled, postrider.Until(postrider.Handled))
	case d < 86:
		l.posting(PostUntilHandled, postrider.Handled)
	case d < 90 && l.Dir != "":
		l.waiting("send until kept", patience, told.WasKept, postrider.Until(postrider.Kept))
	case d < 97:
		l.calling(patience)
	case l.peer:
		l.pinging(patience)
	}
}

// stored is how far a message comes without more ado, at least.
func (l *line) stored() told.Outcome {
	if l.peer && l.way == told.Direct {
		return told.WasReceived
	}
	return told.WasStored
}

// next is the next message, and what goes with it.
func (l *line) next() (m told.Message, body []byte, opts []postrider.SendOption) {
	l.sent++
	m = told.Message{Sender: l.Name, Life: l.Life, Target: l.name, N: l.sent}
	if l.name == Parts {
		m.Key = fmt.Sprint("k", l.random.roll(6))
		opts = append(opts, postrider.Key(m.Key))
	}
	if l.sent%10 == 0 {
		opts = append(opts, postrider.ID(m.String()))
	}
	size := l.random.roll(1500)
	if l.random.roll(200) == 0 {
		size = l.random.roll(300_000)
	}
	return m, m.Body(size), opts
}

// waiting sends and waits.
func (l *line) waiting(op string, patience time.Duration, well told.Outcome, more ...postrider.SendOption) {
	m, body, opts := l.next()
	l.timed(op, m.String(), patience, func(ctx context.Context) (told.Outcome, error) {
		err := l.to.Send(ctx, body, append(opts, more...)...)
		return l.outcome(err, well, well == told.WasKept), err
	})
}

func (l *line) calling(patience time.Duration) {
	m, body, opts := l.next()
	l.timed(Called, m.String(), patience, func(ctx context.Context) (told.Outcome, error) {
		answer, err := postrider.Call[string](ctx, l.to, body, opts...)
		if err == nil && answer != m.String() {
			l.wrong(fmt.Sprintf("the answer to %v is %.80q", m, answer))
		}
		return l.outcome(err, told.WasAnswered, false), err
	})
}

func (l *line) pinging(patience time.Duration) {
	l.timed("ping", "", patience, func(ctx context.Context) (told.Outcome, error) {
		_, err := l.to.Ping(ctx)
		return l.outcome(err, told.WasAnswered, false), err
	})
}

// timed tells of a call before and after, and how late it ended.
func (l *line) timed(op, msg string, patience time.Duration, do func(context.Context) (told.Outcome, error)) {
	ctx, done := context.WithTimeout(context.Background(), patience)
	defer done()
	l.pen.Tell(told.Line{Kind: told.Begin, Op: op, Msg: msg, Way: l.way, Text: patience.String()})
	deadline, starved := told.Now()+patience, l.hunger.total()
	how, err := do(ctx)
	late := told.Now() - deadline
	l.pen.Tell(told.Line{Kind: told.End, Op: op, Msg: msg, How: how, Text: text(err), Late: max(0, late), Starved: l.hunger.total() - starved})
}

// posting posts, and has the receipt followed.
func (l *line) posting(op string, until postrider.Grade) {
	m, body, opts := l.next()
	if until != 0 {
		opts = append(opts, postrider.Until(until))
	}
	l.timed(op, m.String(), 0, func(context.Context) (told.Outcome, error) {
		r, err := l.to.Post(context.Background(), body, opts...)
		if err != nil {
			return l.outcome(err, "", false), err
		}
		following := &l.receipts
		if until == postrider.Handled {
			following = &l.handled
		}
		following.Go(func() { l.follow(r, m.String()) })
		return told.Unknown, nil
	})
}

// follow tells what a receipt says, until its end.
func (s *self) follow(r *postrider.Receipt, msg string) {
	forever := context.Background()
	way := told.Direct
	if r.Relayed() {
		way = told.Relayed
	}
	if s.Dir != "" && r.WaitFor(forever, postrider.Kept) == nil {
		s.pen.Tell(told.Line{Kind: told.Kept, Msg: msg, Way: way})
	}
	grade, err := r.Wait(forever)
	s.pen.Tell(told.Line{Kind: told.Fate, Msg: msg, Way: way, How: s.outcome(err, graded[grade], true), Text: text(err)})
}

var graded = map[postrider.Grade]told.Outcome{
	postrider.Kept: told.WasKept, postrider.Stored: told.WasStored, postrider.Received: told.WasReceived, postrider.Handled: told.WasHandled,
}

// outcome puts how a send ended into a word. What the outbox keeps when the node is closed goes out after the next start.
func (s *self) outcome(err error, well told.Outcome, posted bool) told.Outcome {
	var failed *postrider.SendError
	switch {
	case err == nil:
		return well
	case !errors.As(err, &failed), errors.As(err, new(*postrider.RemoteError)):
		return told.Unknown
	case posted && s.Dir != "" && errors.Is(err, postrider.ErrClosed):
		return told.Unknown
	case failed.MaybeDelivered:
		return told.Maybe
	}
	return told.Never
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
