package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/postrider-mq/postrider"
)

// receiver is a running command that receives: until count messages have come, if there is a count.
type receiver struct {
	ctx     context.Context // ends with the timeout, and by stop
	stop    context.CancelCauseFunc
	cancel  context.CancelFunc
	options *nodeOptions
	node    *postrider.Node
	target  *postrider.Target
	kind    kind
	count   int // 0 is no limit
	out     *printer
	errors  io.Writer
}

func newReceiver(cmd *cobra.Command, o *nodeOptions, target string, count int) (*receiver, error) {
	if count < 0 {
		return nil, usagef("--count %d: want 0, which is no limit, or more", count)
	}
	t, err := parseTarget(target)
	if err == nil {
		err = t.receivable(o)
	}
	if err == nil && o.listen != "" {
		err = checkAddress("--listen", o.listen)
	}
	if err != nil {
		return nil, err
	}
	// An inbox is found through a broker, and needs none.
	o.alone = t.kind == toInbox && !o.namesBroker() && !listens(cmd.Context(), usualPlace)
	ctx, cancel := o.within(cmd.Context())
	if t.kind.onBroker() {
		err = o.awaitBroker(ctx, cmd.ErrOrStderr(), t)
	}
	ctx, stop := context.WithCancelCause(ctx)
	o.observe = func(_ *postrider.Message, step postrider.Step, err error) {
		if step == postrider.StepFailed && errors.Is(err, postrider.ErrNoKey) { // it comes again: to who has the key
			stop(plainly(err, 0))
		}
	}
	var n *postrider.Node
	if err == nil {
		n, err = o.start(cmd.Context(), cmd.ErrOrStderr())
	}
	if err != nil {
		cancel()
		return nil, err
	}
	if a := n.Addr(); a != nil {
		scheme := "amqp"
		if o.tlsCert != "" {
			scheme = "amqps"
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "inbox at %s://%s/%s\n", scheme, a, n.Name())
	}
	from, err := t.of(cmd.Context(), n, o)
	if err != nil {
		n.Close()
		cancel()
		return nil, err
	}
	return &receiver{ctx, stop, cancel, o, n, from, t.kind, count, newPrinter(cmd.OutOrStdout()), cmd.ErrOrStderr()}, nil
}

// run has handle act upon messages until there are enough, the timeout is over, or the command is interrupted. An
// error of fatal ends it: one that no other message will mend.
func (r *receiver) run(workers int, handle func(context.Context, *postrider.Message) error) error {
	ctx := r.ctx
	c := counter{left: r.count, stop: r.stop}
	err := r.node.Handle(ctx, r.target, func(ctx context.Context, m *postrider.Message) error {
		if !c.begin() { // enough are being handled
			wait(ctx, giveBackAfter)
			return m.Requeue()
		}
		err := handle(ctx, m)
		var broken fatal
		if errors.As(err, &broken) {
			r.stop(broken.error)
		}
		c.end(err == nil)
		return err
	}, r.handleOptions(workers)...)
	if err != nil && ctx.Err() == nil {
		r.node.Close()
		return plainly(err, 0)
	}
	if err == nil && r.kind == toTopic { // what was published before is not received
		fmt.Fprintf(r.errors, "subscribed to %s\n", r.target)
	}
	go r.out.leftBy(ctx, r.stop)
	<-ctx.Done()
	return r.ended(context.Cause(ctx), c.seen())
}

// giveBackAfter keeps a message that may be wanted if another fails from coming again at once, and again.
const giveBackAfter = 200 * time.Millisecond

// askAgain is how long after a broker did not answer it is asked again, and askedFor how long it is asked.
const (
	askAgain = 200 * time.Millisecond
	askedFor = 5 * time.Second
)

// awaitBroker waits until the broker answers, and says that it waits, and why. That a broker lets nobody in is an error at once.
func (o *nodeOptions) awaitBroker(ctx context.Context, stderr io.Writer, target targetName) error {
	asking := *o
	if asking.timeout <= 0 || asking.timeout > askedFor {
		asking.timeout = askedFor
	}
	began, told := time.Now(), false
	for {
		err := asking.seeBroker(ctx)
		if err == nil || refuses(err) {
			return err
		}
		if !told && ctx.Err() == nil && time.Since(began) > wondering {
			told = true
			waiting(stderr, target, o.timeout, err)
		}
		switch {
		case ctx.Err() == nil && wait(ctx, askAgain):
		case errors.As(context.Cause(ctx), new(timedOut)):
			return err
		default:
			return errInterrupted
		}
	}
}

// handleOptions keep messages that this command will not handle from coming here.
func (r *receiver) handleOptions(workers int) []postrider.HandleOption {
	if r.count == 0 {
		return []postrider.HandleOption{postrider.Workers(workers)}
	}
	workers = min(workers, r.count)
	return []postrider.HandleOption{postrider.Workers(workers), postrider.Prefetch(workers)}
}

// ended is what the end of a command means: only a count that was not reached is a failure.
func (r *receiver) ended(why error, seen int) error {
	var late timedOut
	closing, cancel := context.WithTimeout(context.Background(), shutdownTime)
	defer cancel()
	err := r.node.Shutdown(closing) // settles what was handled
	switch {
	case errors.Is(why, errEnough):
		return err
	case errors.As(why, &late) && r.count > 0:
		return fmt.Errorf("%w: %d of %d messages came", late, seen, r.count)
	case errors.Is(why, errReaderGone) && r.count > 0:
		return fmt.Errorf("%w: %d of %d messages were read", why, seen, r.count)
	case errors.As(why, &late), errors.Is(why, errReaderGone):
		return err
	case !errors.Is(why, context.Canceled):
		return why
	case r.count > 0:
		return errInterrupted
	}
	return err
}

// end ends the node and all that waits.
func (r *receiver) end() {
	r.node.Close()
	r.cancel()
}

// fatal is an error for which the command ends.
type fatal struct{ error }

var errEnough = errors.New("all messages have come")

// counter counts messages down.
type counter struct {
	stop func(error)

	mu    sync.Mutex
	left  int // 0 at the begin: no limit
	begun int
	done  int
}

// begin reports whether one more message is wanted.
func (c *counter) begin() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left > 0 && c.begun == c.left {
		return false
	}
	c.begun++
	return true
}

func (c *counter) end(ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !ok {
		c.begun--
		return
	}
	c.done++
	if c.done == c.left {
		c.stop(errEnough)
	}
}

func (c *counter) seen() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.done
}
