package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

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

			MAILBOX is the name of the mailbox they were in before: jobs, for the dead letters in jobs.dead. Where an
			application has made a queue of another name for them, with a dead letter exchange, say --queue and
			the name of that queue. Of letters that a broker put there, the header x-death tells the queue that they
			died in, why, when, and how they had come there. A quorum queue with a delivery limit, which those of nodes have not, counts each look at them.`),
	}
	cmd.Example = examples(`
		postrider dead ls jobs
		postrider dead show jobs order-7
		postrider dead redrive jobs
		postrider dead ls orders-dlq --queue`)
	cmd.AddCommand(newDeadList(), newDeadShow(), newDeadRedrive(), newDeadPurge())
	return cmd
}

// morgue is which queue the letters are in.
type morgue struct{ itself bool }

func (m *morgue) flag(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().BoolVar(&m.itself, "queue", false, "MAILBOX is the queue that the dead letters are in, whatever its name")
	return cmd
}

func (m *morgue) of(mailbox string) string {
	if m.itself {
		return mailbox
	}
	return mailbox + deadSuffix
}

// letters takes up to limit of them in turn, as each does.
func (d *desk) letters(ctx context.Context, queue string, limit int, do func(*probe.Message, *letter) error) error {
	position := 0
	return d.each(ctx, queue, limit, func(m *probe.Message) error {
		position++
		l, err := newLetter(m, position)
		if err != nil {
			return err
		}
		return do(m, l)
	})
}

func newDeadList() *cobra.Command {
	var limit int
	var in morgue
	cmd := in.flag(deskVerb(&cobra.Command{
		Use:     "ls MAILBOX",
		Aliases: []string{"list"},
		Short:   "List the dead letters of a mailbox",
		Long: text(`
			List the dead letters of a mailbox, from the oldest. One without an id is called by its position,
			as in @3, until the letters before it have gone.`),
		Example: examples(`
			postrider dead ls jobs
			postrider dead ls jobs --limit 0 --json
			postrider dead ls orders-dlq --queue`),
		Args: cobra.ExactArgs(1),
	}, func(ctx context.Context, d *desk, args []string) error {
		err := d.letters(ctx, in.of(args[0]), limit, func(_ *probe.Message, l *letter) error {
			if d.options.json {
				return json.NewEncoder(d.out).Encode(l)
			}
			d.say("%s  from %s  %s\n", l.name(), orDash(l.From), l.history())
			return nil
		})
		if err == nil {
			d.looked(ctx, in.of(args[0]))
		}
		return d.noneDead(ctx, in, args[0], err)
	}))
	cmd.Flags().IntVar(&limit, "limit", 100, "`number` of letters to list, from the oldest; 0 is all")
	return cmd
}

// noneDead puts err into words if it is that there are no dead letters to be found: that of a mailbox which exists is no
// failure, for their own mailbox is made with the first of them.
func (d *desk) noneDead(ctx context.Context, in morgue, mailbox string, err error) error {
	if !isNotFound(err) || in.itself {
		return err
	}
	err = d.patiently(func() error {
		_, _, err := d.line.Queue(ctx, mailbox)
		return err
	})
	if isNotFound(err) {
		return remedied{fmt.Errorf("there is no mailbox %s at %s, nor one for its dead letters", mailbox, d.at), seeNames}
	}
	if err == nil {
		fmt.Fprintf(d.notes, "postrider: note: there is no %s, where nodes put what they give up; for dead letters in a queue of another name give that name and --queue\n", in.of(mailbox))
	}
	return err
}

func orDash(s string) string { return cmp.Or(s, "-") }

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

func newDeadShow() *cobra.Command {
	var in morgue
	return in.flag(deskVerb(&cobra.Command{
		Use:   "show MAILBOX ID",
		Short: "Show a dead letter with its body",
		Long: text(`
			Show a dead letter with its body. One that is sealed is opened if the key of the mailbox is in
			--keys; see postrider keys seal. One without an id is named by its position, as postrider dead ls does.`),
		Example: examples(`
			postrider dead show jobs order-7
			postrider dead show jobs @3
			postrider dead show jobs order-7 --keys ./postrider-keys --name bob`),
		Args: cobra.ExactArgs(2),
	}, func(ctx context.Context, d *desk, args []string) error {
		found := 0
		err := d.letters(ctx, in.of(args[0]), 0, func(m *probe.Message, l *letter) error {
			if _, is := l.among(args[1:]); !is {
				return nil
			}
			found++
			if l.ContentType != sealedType {
				return d.show(l, m.Body)
			}
			u, err := d.unseal(args[0], &l.props, m.Body)
			switch {
			case err == nil:
				l.ContentType, l.SealedBy, l.Reason = u.contentType, u.by, cmp.Or(u.reason, l.Reason)
				return d.show(l, u.body)
			case d.options.json:
				return d.show(l, m.Body)
			}
			return d.show(l, stillSealed(m.Body, err))
		})
		if err == nil {
			d.looked(ctx, in.of(args[0]))
		}
		if err = d.noneDead(ctx, in, args[0], err); err == nil && found == 0 {
			err = fmt.Errorf("there is no dead letter %s in %s", args[1], in.of(args[0]))
		}
		return err
	}))
}

func (d *desk) show(l *letter, body []byte) error {
	if d.options.json {
		l.Body, l.BodyBase64 = textOrBytes(body)
		return json.NewEncoder(d.out).Encode(l)
	}
	d.say("id             %s\nfrom           %s\ncontent type   %s\n", l.name(), orDash(l.From), orDash(l.ContentType))
	if l.SealedBy != "" {
		d.say("sealed by      %s\n", l.SealedBy)
	}
	if l.handled() {
		d.say("tries          %d\n", l.Tries)
	}
	if l.FirstFailure != nil && l.LastFailure != nil {
		d.say("first failure  %s\nlast failure   %s\n", l.FirstFailure.Format(time.RFC3339), l.LastFailure.Format(time.RFC3339))
	}
	if l.handled() || len(l.Deaths) == 0 {
		d.say("reason         %s\n", paragraph(orDash(l.Reason)))
	} else {
		for _, death := range l.Deaths {
			d.say("died           %s\n", &death)
		}
	}
	d.say("\n")
	return printLine(d.out, body)
}

func newDeadPurge() *cobra.Command {
	var in morgue
	return in.flag(deskVerb(&cobra.Command{
		Use:     "purge MAILBOX",
		Short:   "Delete all dead letters of a mailbox",
		Example: examples(`postrider dead purge jobs`),
		Args:    cobra.ExactArgs(1),
	}, func(ctx context.Context, d *desk, args []string) error {
		return d.noneDead(ctx, in, args[0], d.purge(ctx, in.of(args[0])))
	}))
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
