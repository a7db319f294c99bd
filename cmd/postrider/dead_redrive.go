package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/cmd/postrider/internal/probe"
)

func newDeadRedrive() *cobra.Command {
	var r redrive
	var in morgue
	cmd := in.flag(deskVerb(&cobra.Command{
		Use:   "redrive MAILBOX [ID...]",
		Short: "Put dead letters back into the mailbox they were in",
		Long: text(`
			Put all dead letters, or those with the ids given, back into their mailbox, or into the one that --to
			names. They are tried as if they had never failed. Each is stored in the mailbox before it leaves the dead
			letters: if this is interrupted, nothing is lost, and it can be run again.

			A letter that a broker put there, as a dead letter exchange has it, goes back to the queue where it was rejected,
			dropped or given up last, as its header x-death says, or where it expired, if it only did that;
			and to no other queue, whatever its exchange, keys and CC were.`),
		Example: examples(`
			postrider dead redrive jobs
			postrider dead redrive jobs order-7 order-9
			postrider dead redrive jobs --to jobs-debug --limit 1
			postrider dead redrive orders-dlq --queue`),
		Args: cobra.MinimumNArgs(1),
	}, func(ctx context.Context, d *desk, args []string) error {
		r.desk, r.from, r.ids, r.missing = d, in.of(args[0]), args[1:], slices.Clone(args[1:])
		if !in.itself {
			r.home = args[0]
		}
		err := d.noneDead(ctx, in, args[0], r.run(ctx))
		if len(r.moved) == 0 && err == nil {
			r.moved = []moved{{cmp.Or(r.to, r.home), 0}}
		}
		for _, m := range r.moved {
			err = errors.Join(err, r.tell(m))
		}
		if err == nil && len(r.missing) > 0 && (r.limit == 0 || r.total < r.limit) {
			err = fmt.Errorf("there is no dead letter %s in %s", strings.Join(r.missing, ", "), r.from)
		}
		return err
	}))
	cmd.Flags().StringVar(&r.to, "to", "", "`mailbox` to put them into (default the one they were in)")
	cmd.Flags().IntVar(&r.limit, "limit", 0, "`number` of letters to move, from the oldest; 0 is all")
	return cmd
}

// redrive moves what is in a queue when it begins, so that a letter that dies again meanwhile is not moved twice.
type redrive struct {
	desk  *desk
	from  string
	to    string   // where all go; empty: each where it was
	home  string   // where those go that do not say where they were; empty: nowhere
	ids   []string // if there are any, only those letters are moved
	limit int      // 0: none

	moved   []moved
	total   int
	missing []string // the ids of which no letter was moved
}

// moved is how many letters went to a queue.
type moved struct {
	to string
	n  int
}

func (r *redrive) run(ctx context.Context) error {
	left := -1
	err := r.desk.letters(ctx, r.from, 0, func(m *probe.Message, l *letter) error {
		if left < 0 {
			left = m.Left + 1
		}
		if left--; left < 0 || r.limit > 0 && r.total == r.limit {
			return errDone
		}
		id, named := l.among(r.ids)
		if len(r.ids) > 0 && !named {
			return nil
		}
		if err := r.move(ctx, m, l); err != nil {
			return err
		}
		r.missing = slices.DeleteFunc(r.missing, func(s string) bool { return s == id })
		return nil
	})
	if err == errDone {
		return nil
	}
	return err
}

// tell tells what has been moved to a queue; it has no name where nothing was, and nobody has named one.
func (r *redrive) tell(m moved) error {
	if r.desk.options.json {
		return json.NewEncoder(r.desk.out).Encode(map[string]any{"mailbox": r.from, "to": m.to, "moved": m.n})
	}
	r.desk.say("%s in %s\n", several(m.n, "message is back", "messages are back"), cmp.Or(m.to, "any queue"))
	return nil
}

// errDone ends a loop in good order.
var errDone = errors.New("enough")

func (r *redrive) move(ctx context.Context, m *probe.Message, l *letter) error {
	to := cmp.Or(r.to, r.homeOf(l))
	if to == "" {
		return remedied{fmt.Errorf("the letter %s in %s does not say where it was before", l.name(), r.from), "name the queue that it is to go to, with --to"}
	}
	props, err := l.revived(r.desk.at.User)
	if err != nil {
		return err
	}
	if err := r.desk.patiently(func() error { return r.desk.channel.Publish(ctx, to, props, m.Body) }); err != nil {
		if err = fmt.Errorf("mailbox %s: %w", to, err); errors.Is(err, probe.ErrUnroutable) {
			err = remedied{err, "make it with: postrider mailbox create " + to}
		}
		return err
	}
	if i := slices.IndexFunc(r.moved, func(m moved) bool { return m.to == to }); i >= 0 {
		r.moved[i].n++
	} else {
		r.moved = append(r.moved, moved{to, 1})
	}
	r.total++
	return r.desk.channel.Ack(m.Tag)
}

// homeOf is the queue that a letter goes back to. What a handler has given up goes to the mailbox that is named; a part of a mailbox would
// say so itself.
func (r *redrive) homeOf(l *letter) string {
	if l.handled() {
		return cmp.Or(r.home, l.Origin)
	}
	return cmp.Or(l.Origin, r.home)
}

// pastHeaders are what nodes have written about failures, and brokers about deaths and deliveries, and what has brokers publish a message to more than one
// queue. The rest under nodeHeader is the message's own, as its key is, and a seal may be bound to it.
var pastHeaders = []string{
	nodeHeader + "tries", nodeHeader + "reason", nodeHeader + "first-failure", nodeHeader + "last-failure", nodeHeader + "target", nodeHeader + "due",
	nodeHeader + "sealed-reason",
	"x-death", "x-first-death-queue", "x-first-death-reason", "x-first-death-exchange", "x-last-death-queue", "x-last-death-reason", "x-last-death-exchange",
	"x-delivery-count", "CC", "BCC",
}

// revived are the properties of a letter without its failures, for user to publish.
func (l *letter) revived(user string) (amqp.RawProperties, error) {
	p := l.props
	if p.UserID != user {
		p.UserID = "" // the broker lets nobody speak for another
	}
	var err error
	if p.RawHeaders, err = amqp.WithoutNames(p.RawHeaders, pastHeaders...); err != nil {
		return nil, err
	}
	p.Headers = amqp.Table{nodeHeader + "due": time.Now().UnixMilli()} // by which a node tells it from the one that died
	return p.Append(nil)
}
