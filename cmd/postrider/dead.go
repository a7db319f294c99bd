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

// deadSuffix ends the name of the mailbox of dead letters; what nodes write about them is under nodeHeader, see
// Message.Failure of package postrider.
const deadSuffix = ".dead"

func newDead() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dead",
		Short: "Look at dead letters, and give them another try",
		Long: text(`
			Messages that a handler rejected, or failed upon too often, are kept in the mailbox NAME.dead
			with the reason, the number of tries, and when the first and the last one were.

			MAILBOX is the name of the mailbox they were in before: jobs, for the dead letters in jobs.dead.`),
	}
	cmd.Example = examples(`
		postrider dead ls jobs
		postrider dead show jobs order-7
		postrider dead redrive jobs`)
	cmd.AddCommand(newDeadList(), newDeadShow(), newDeadRedrive(), newDeadPurge())
	return cmd
}

// letter is a dead letter as --json prints it.
type letter struct {
	ID           string     `json:"id,omitempty"`
	From         string     `json:"from,omitempty"`
	Tries        int64      `json:"tries,omitempty"`
	Reason       string     `json:"reason,omitempty"`
	FirstFailure *time.Time `json:"firstFailure,omitempty"`
	LastFailure  *time.Time `json:"lastFailure,omitempty"`
	ContentType  string     `json:"contentType,omitempty"`
	SealedBy     string     `json:"sealedBy,omitempty"`
	Body         string     `json:"body,omitempty"`
	BodyBase64   []byte     `json:"bodyBase64,omitempty"`
}

func newLetter(m *probe.Message) (letter, *amqp.Properties, error) {
	var p amqp.Properties
	if err := p.Parse(m.Props, nil); err != nil {
		return letter{}, nil, err
	}
	l := letter{ID: p.MessageID, From: p.AppID, ContentType: p.ContentType}
	l.Tries, _ = p.Headers[nodeHeader+"tries"].(int64)
	l.Reason, _ = p.Headers[nodeHeader+"reason"].(string)
	l.FirstFailure = moment(p.Headers, nodeHeader+"first-failure")
	l.LastFailure = moment(p.Headers, nodeHeader+"last-failure")
	if l.Reason == "" { // the broker's doing, not a handler's
		l.Reason, _ = p.Headers["x-first-death-reason"].(string)
	}
	return l, &p, nil
}

func moment(headers amqp.Table, name string) *time.Time {
	ms, ok := headers[name].(int64)
	if !ok {
		return nil
	}
	t := time.UnixMilli(ms).UTC()
	return &t
}

func newDeadList() *cobra.Command {
	var limit int
	cmd := deskVerb(&cobra.Command{
		Use:     "ls MAILBOX",
		Aliases: []string{"list"},
		Short:   "List the dead letters of a mailbox",
		Example: examples(`
			postrider dead ls jobs
			postrider dead ls jobs --limit 0 --json`),
		Args: cobra.ExactArgs(1),
	}, func(ctx context.Context, d *desk, args []string) error {
		err := d.each(ctx, args[0]+deadSuffix, limit, func(m *probe.Message) error {
			l, _, err := newLetter(m)
			if err != nil {
				return err
			}
			if d.options.json {
				return json.NewEncoder(d.out).Encode(l)
			}
			d.say("%s  from %s  %s  %s\n", orDash(l.ID), orDash(l.From), several(int(l.Tries), "try", "tries"), firstLine(l.Reason))
			return nil
		})
		return d.noneDead(ctx, args[0], err)
	})
	cmd.Flags().IntVar(&limit, "limit", 100, "`number` of letters to list, from the oldest; 0 is all")
	return cmd
}

// noneDead puts err into words if it is that there are no dead letters to be found: that of a mailbox which exists is no
// failure, for their own mailbox is made with the first of them.
func (d *desk) noneDead(ctx context.Context, mailbox string, err error) error {
	if !isNotFound(err) {
		return err
	}
	err = d.patiently(func() error {
		_, _, err := d.line.Queue(ctx, mailbox)
		return err
	})
	if isNotFound(err) {
		return remedied{fmt.Errorf("there is no mailbox %s at %s, nor one for its dead letters", mailbox, d.at), seeNames}
	}
	return err
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

func newDeadShow() *cobra.Command {
	return deskVerb(&cobra.Command{
		Use:   "show MAILBOX ID",
		Short: "Show a dead letter with its body",
		Long: text(`
			Show a dead letter with its body. One that is sealed is opened if the key of the mailbox is in
			--keys; see postrider keys seal.`),
		Example: examples(`
			postrider dead show jobs order-7
			postrider dead show jobs order-7 --keys ./postrider-keys --name bob`),
		Args: cobra.ExactArgs(2),
	}, func(ctx context.Context, d *desk, args []string) error {
		found := 0
		err := d.each(ctx, args[0]+deadSuffix, 0, func(m *probe.Message) error {
			l, p, err := newLetter(m)
			if err != nil || l.ID != args[1] {
				return err
			}
			found++
			if l.ContentType != sealedType {
				return d.show(l, m.Body)
			}
			u, err := d.unseal(args[0], p, m.Body)
			switch {
			case err == nil:
				l.ContentType, l.SealedBy, l.Reason = u.contentType, u.by, cmp.Or(u.reason, l.Reason)
				return d.show(l, u.body)
			case d.options.json:
				return d.show(l, m.Body)
			}
			return d.show(l, stillSealed(m.Body, err))
		})
		if err = d.noneDead(ctx, args[0], err); err == nil && found == 0 {
			err = fmt.Errorf("there is no dead letter %s in %s%s", args[1], args[0], deadSuffix)
		}
		return err
	})
}

func (d *desk) show(l letter, body []byte) error {
	if d.options.json {
		l.Body, l.BodyBase64 = textOrBytes(body)
		return json.NewEncoder(d.out).Encode(l)
	}
	d.say("id             %s\nfrom           %s\ncontent type   %s\ntries          %d\n", l.ID, orDash(l.From), orDash(l.ContentType), l.Tries)
	if l.SealedBy != "" {
		d.say("sealed by      %s\n", l.SealedBy)
	}
	if l.FirstFailure != nil && l.LastFailure != nil {
		d.say("first failure  %s\nlast failure   %s\n", l.FirstFailure.Format(time.RFC3339), l.LastFailure.Format(time.RFC3339))
	}
	d.say("reason         %s\n\n", l.Reason)
	return printLine(d.out, body)
}

func newDeadRedrive() *cobra.Command {
	var to string
	var limit int
	cmd := deskVerb(&cobra.Command{
		Use:   "redrive MAILBOX [ID...]",
		Short: "Put dead letters back into the mailbox they were in",
		Long: text(`
			Put all dead letters, or those with the ids given, back into their mailbox, or into the one that --to
			names. They are tried as if they had never failed. Each is stored in the mailbox before it leaves the dead
			letters: if this is interrupted, nothing is lost, and it can be run again.`),
		Example: examples(`
			postrider dead redrive jobs
			postrider dead redrive jobs order-7 order-9
			postrider dead redrive jobs --to jobs-debug --limit 1`),
		Args: cobra.MinimumNArgs(1),
	}, func(ctx context.Context, d *desk, args []string) error {
		if to == "" {
			to = args[0]
		}
		n, missing, err := d.redrive(ctx, args[0]+deadSuffix, to, args[1:], limit)
		if isNotFound(err) {
			err = d.noneDead(ctx, args[0], err)
		}
		if err == nil || n > 0 {
			d.say("%s in %s\n", several(n, "message is back", "messages are back"), to)
		}
		if err == nil && len(missing) > 0 && (limit == 0 || n < limit) {
			err = fmt.Errorf("there is no dead letter %s in %s", strings.Join(missing, ", "), args[0]+deadSuffix)
		}
		return err
	})
	cmd.Flags().StringVar(&to, "to", "", "`mailbox` to put them into (default the one they were in)")
	cmd.Flags().IntVar(&limit, "limit", 0, "`number` of letters to move, from the oldest; 0 is all")
	return cmd
}

// redrive moves what is in a queue when it begins, so that a letter that dies again meanwhile is not moved twice. If there are ids, only those
// letters are, and missing are the ids of which none was.
func (d *desk) redrive(ctx context.Context, from, to string, ids []string, limit int) (moved int, missing []string, err error) {
	left := -1
	missing = slices.Clone(ids)
	err = d.each(ctx, from, 0, func(m *probe.Message) error {
		if left < 0 {
			left = m.Left + 1
		}
		if left--; left < 0 || limit > 0 && moved == limit {
			return errDone
		}
		props, id, err := revived(m.Props, ids)
		if err != nil || props == nil {
			return err
		}
		if err := d.patiently(func() error { return d.channel.Publish(ctx, to, props, m.Body) }); err != nil {
			if err = fmt.Errorf("mailbox %s: %w", to, err); errors.Is(err, probe.ErrUnroutable) {
				err = remedied{err, "make it with: postrider mailbox create " + to}
			}
			return err
		}
		moved++
		missing = slices.DeleteFunc(missing, func(s string) bool { return s == id })
		return d.channel.Ack(m.Tag)
	})
	if err == errDone {
		err = nil
	}
	return moved, missing, err
}

// errDone ends a loop in good order.
var errDone = errors.New("enough")

// failureHeaders are what nodes write about failures, under nodeHeader. The rest there is the message's own, as its key is, and a seal may be bound to it.
var failureHeaders = []string{"tries", "reason", "first-failure", "last-failure", "target", "due", "sealed-reason"}

// revived returns the properties of a letter without its failures, and its id; nil if ids are given and that is not among them.
func revived(raw amqp.RawProperties, ids []string) (props amqp.RawProperties, id string, err error) {
	var p amqp.Properties
	if err := p.Parse(raw, nil); err != nil {
		return nil, "", err
	}
	if len(ids) > 0 && !slices.Contains(ids, p.MessageID) {
		return nil, "", nil
	}
	for name := range p.Headers {
		ours, is := strings.CutPrefix(name, nodeHeader)
		if is && slices.Contains(failureHeaders, ours) || name == "x-death" || strings.HasPrefix(name, "x-first-death-") || strings.HasPrefix(name, "x-last-death-") {
			delete(p.Headers, name)
		}
	}
	if p.Headers == nil {
		p.Headers = amqp.Table{}
	}
	p.Headers[nodeHeader+"due"] = time.Now().UnixMilli() // by which a node tells it from the one that died
	props, err = p.Append(nil)
	return props, p.MessageID, err
}

func newDeadPurge() *cobra.Command {
	return deskVerb(&cobra.Command{
		Use:     "purge MAILBOX",
		Short:   "Delete all dead letters of a mailbox",
		Example: examples(`postrider dead purge jobs`),
		Args:    cobra.ExactArgs(1),
	}, func(ctx context.Context, d *desk, args []string) error {
		return d.noneDead(ctx, args[0], d.purge(ctx, args[0]+deadSuffix))
	})
}

func (d *desk) purge(ctx context.Context, queue string) error {
	return d.patiently(func() error {
		n, err := d.channel.Purge(ctx, queue)
		if err != nil {
			return err
		}
		if d.options.json {
			return json.NewEncoder(d.out).Encode(map[string]any{"mailbox": queue, "deleted": n})
		}
		d.say("%s deleted from %s\n", count(int(n), "message"), queue)
		return nil
	})
}
