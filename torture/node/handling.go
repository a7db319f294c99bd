package node

import (
	"context"
	"errors"
	"time"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/torture/told"
)

// handle receives from everything that there is.
func (s *self) handle(ctx context.Context) error {
	for _, r := range []struct {
		from    *postrider.Target
		workers int
	}{
		{s.node.Inbox(), 1},
		{s.node.Mailbox(Jobs), 1},
		{s.node.Mailbox(Parts, postrider.Partitions(partitions)), 4},
		{s.node.Topic(News, postrider.Durable(s.Name)), 1},
	} {
		h := func(ctx context.Context, m *postrider.Message) error { return s.receive(ctx, m) }
		soon := postrider.Backoff(func(int) time.Duration { return 50 * time.Millisecond })
		if err := s.node.Handle(context.WithoutCancel(ctx), r.from, h, postrider.Workers(r.workers), soon); err != nil {
			return err
		}
	}
	return nil
}

// maxFailures is how often a message is failed upon: too seldom to become a dead letter.
const maxFailures = 2

// receive is the handler: slow now and then, and failing now and then.
func (s *self) receive(ctx context.Context, m *postrider.Message) error {
	is, err := told.Open(m.Body)
	if err != nil {
		s.wrong(err.Error())
		return nil
	}
	s.pen.Tell(told.Line{Kind: told.Got, Msg: is.String(), Again: m.Redelivered})
	switch d := s.random.roll(100); {
	case d == 0:
		pause(ctx, time.Duration(s.random.roll(100))*time.Millisecond)
	case d < 20:
		pause(ctx, time.Duration(s.random.roll(3000))*time.Microsecond)
	}
	f, _ := m.Failure()
	switch {
	case ctx.Err() != nil:
		err = ctx.Err()
	case !m.WantsReply() && f.Tries < maxFailures && s.random.roll(20) == 0:
		err = errNotNow
	}
	if err != nil {
		s.pen.Tell(told.Line{Kind: told.Failed, Msg: is.String(), Text: err.Error()})
		return err
	}
	s.pen.Tell(told.Line{Kind: told.Done, Msg: is.String()})
	return m.Reply(ctx, is.String())
}

var errNotNow = errors.New("not now")

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
