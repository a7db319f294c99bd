package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/cmd/postrider/internal/probe"
	"github.com/postrider-mq/postrider/internal/client"
)

func newMailbox() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "mailbox",
		Short: "Work on mailboxes: list, create, look into, empty, move, remove",
		Long: text(`
			Work on the mailboxes of any AMQP 0-9-1 broker, ours or RabbitMQ. A mailbox is a durable queue;
			one that does not exist is made when it is first used.`),
	}
	cmd.Example = examples(`
		postrider mailbox ls
		postrider mailbox create jobs
		postrider mailbox peek jobs --limit 1
		postrider mailbox move jobs --to amqp://guest:guest@rabbit:5672`)
	cmd.AddCommand(newMailboxList(), newMailboxCreate(), newMailboxPeek(), newMailboxPurge(), newMailboxMove(), newMailboxRemove())
	return cmd
}

func newMailboxList() *cobra.Command {
	var o owner
	var vhost string
	var every bool
	cmd := &cobra.Command{
		Use:     "ls",
		Aliases: []string{"list"},
		Short:   "List the mailboxes of a running broker of this machine",
		Long: text(`
			List the durable queues of the broker in --dir, with what is in them. RETRYING are messages that a handler has
			failed upon, and that wait for another try. The queues that nodes make for their own use are listed with --all.

			AMQP itself has no way to ask for that: of a RabbitMQ, its own rabbitmqctl list_queues does.`),
		Example: examples(`
			postrider mailbox ls
			postrider mailbox ls --dir /var/lib/postrider --json | jq -r .name`),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var all []map[string]any
			columns := []column{{"MAILBOX", "name"}, {"READY", "messages_ready"}, {"UNACKED", "messages_unacknowledged"}, {"CONSUMERS", "consumers"}}
			path := o.only(resource("queues", vhost), columns, "durable", "arguments")
			_, err := o.ask(cmd.Context(), http.MethodGet, path, nil, &all)
			if err != nil {
				return absent(err, "there is no virtual host %s: see postrider vhost list", vhost)
			}
			all = slices.DeleteFunc(all, func(q map[string]any) bool { return q["durable"] != true })
			if !every {
				all = withoutHelpers(all)
				columns = slices.Insert(columns, 3, column{"RETRYING", "messages_retrying"})
			}
			return o.print(cmd.OutOrStdout(), all, columns...)
		},
	}
	o.flags(cmd)
	cmd.Flags().StringVar(&vhost, "vhost", "/", "virtual `host`")
	cmd.Flags().BoolVar(&every, "all", false, "all durable queues, those of nodes for retries and receipts, too")
	return cmd
}

func newMailboxCreate() *cobra.Command {
	return deskVerb(&cobra.Command{
		Use:   "create NAME...",
		Short: "Make mailboxes that do not exist yet",
		Long: text(`
			Make mailboxes as nodes do: durable, and on RabbitMQ as quorum queues. One that exists is left
			as it is.`),
		Example: examples(`
			postrider mailbox create jobs invoices
			postrider mailbox create jobs --broker amqp://guest:guest@rabbit:5672`),
		Args: cobra.MinimumNArgs(1),
	}, func(ctx context.Context, d *desk, args []string) error {
		for _, name := range args {
			if err := d.create(ctx, name); err != nil {
				return fmt.Errorf("mailbox %s: %w", name, err)
			}
		}
		return nil
	})
}

// create looks first: declaring what exists with other arguments is an error.
func (d *desk) create(ctx context.Context, name string) error {
	_, _, err := d.line.Queue(ctx, name)
	if !isNotFound(err) {
		return err
	}
	return d.patiently(func() error { return d.channel.Declare(ctx, name, mailboxArgs(d.line.Server().Product)) })
}

// mailboxArgs is how a node declares a mailbox on a broker of that make.
func mailboxArgs(product string) amqp.Table {
	if product == "RabbitMQ" {
		return client.Mailbox("").OnRabbitMQ
	}
	return nil
}

func newMailboxPeek() *cobra.Command {
	var limit int
	cmd := deskVerb(&cobra.Command{
		Use:   "peek NAME",
		Short: "Print the first messages of a mailbox and leave them there",
		Long: text(`
			Print the first messages of a mailbox, each as a line. They stay where they are; afterwards they
			are marked as redelivered; a quorum queue with a delivery limit counts each look. Those that are sealed are opened if the key of the mailbox is in --keys.`),
		Example: examples(`
			postrider mailbox peek jobs
			postrider mailbox peek jobs --limit 1 --json`),
		Args: cobra.ExactArgs(1),
	}, func(ctx context.Context, d *desk, args []string) error {
		err := d.each(ctx, args[0], limit, func(m *probe.Message) error { return d.peek(args[0], m) })
		if err == nil {
			d.looked(ctx, args[0])
		}
		return err
	})
	cmd.Flags().IntVar(&limit, "limit", 10, "`number` of messages to print; 0 is all")
	return cmd
}

func (d *desk) peek(mailbox string, m *probe.Message) error {
	p, err := propertiesOf(m.Props)
	if err != nil {
		return err
	}
	if p.Headers == nil {
		p.Headers = amqp.Table{}
	}
	var sealedBy string
	if p.ContentType == sealedType {
		u, err := d.unseal(strings.TrimSuffix(mailbox, deadSuffix), &p, m.Body)
		switch {
		case err == nil:
			sealedBy, m.Body, p.ContentType = u.by, u.body, u.contentType
			maps.Copy(p.Headers, u.headers)
		case !d.options.json:
			m.Body = stillSealed(m.Body, err)
		}
	}
	if !d.options.json {
		return printLine(d.out, m.Body)
	}
	line := received{ID: p.MessageID, From: p.AppID, To: mailbox, ContentType: p.ContentType, Redelivered: m.Redelivered, SealedBy: sealedBy}
	line.Key, _ = p.Headers[nodeHeader+"key"].(string)
	delete(p.Headers, nodeHeader+"key")
	line.Headers = headersOf(p.Headers)
	line.Body, line.BodyBase64 = textOrBytes(m.Body)
	return json.NewEncoder(d.out).Encode(line)
}

func newMailboxPurge() *cobra.Command {
	return deskVerb(&cobra.Command{
		Use:   "purge NAME",
		Short: "Delete all messages of a mailbox that nobody is working on",
		Long: text(`
			Delete all messages of a mailbox that nobody is working on, those that wait for another try among them. Dead letters
			stay: see postrider dead purge.`),
		Example: examples(`postrider mailbox purge jobs`),
		Args:    cobra.ExactArgs(1),
	}, func(ctx context.Context, d *desk, args []string) error {
		retries, err := d.retries(ctx, args[0])
		if err != nil {
			return err
		}
		for _, name := range slices.Sorted(maps.Keys(retries)) { // first: what comes back meanwhile goes with the rest
			if retries[name] == 0 {
				continue
			}
			if err := d.purge(ctx, name); err != nil {
				return err
			}
		}
		return d.purge(ctx, args[0])
	})
}

func newMailboxRemove() *cobra.Command {
	var force bool
	cmd := deskVerb(&cobra.Command{
		Use:     "rm NAME...",
		Aliases: []string{"remove", "delete"},
		Short:   "Remove mailboxes",
		Long: text(`
			Remove mailboxes that are empty and that nobody receives from, with their queues for what waits for another try; with
			--force, any, with the messages in them. Dead letters stay.`),
		Example: examples(`
			postrider mailbox rm old-jobs
			postrider mailbox rm old-jobs --force`),
		Args: cobra.MinimumNArgs(1),
	}, func(ctx context.Context, d *desk, args []string) error {
		for _, name := range args {
			if err := d.remove(ctx, name, force); err != nil {
				return err
			}
		}
		return nil
	})
	cmd.Flags().BoolVar(&force, "force", false, "remove it with its messages, and though somebody receives from it")
	return cmd
}

// remove looks what is in a mailbox before it asks for less than all: RabbitMQ's quorum queues cannot be
// deleted only if they are empty.
func (d *desk) remove(ctx context.Context, name string, force bool) error {
	messages, consumers, err := d.line.Queue(ctx, name)
	if err != nil {
		return err
	}
	retries, err := d.retries(ctx, name)
	if err != nil {
		return err
	}
	switch waiting := total(retries); {
	case force:
	case waiting > 0:
		return fmt.Errorf("mailbox %s has %s in it, and %d that wait for another try; to remove it all the same: --force", name, count(messages, "message"), waiting)
	case messages > 0:
		return fmt.Errorf("mailbox %s has %s in it; to remove it all the same: --force", name, count(messages, "message"))
	case consumers > 0:
		return fmt.Errorf("mailbox %s has %s; to remove it all the same: --force", name, count(consumers, "consumer"))
	}
	for retry := range retries {
		err := d.patiently(func() error {
			_, err := d.channel.Delete(ctx, retry, false, false)
			return err
		})
		if err != nil {
			return err
		}
	}
	return d.patiently(func() error {
		n, err := d.channel.Delete(ctx, name, false, false)
		if err == nil && d.options.json {
			err = json.NewEncoder(d.out).Encode(map[string]any{"mailbox": name, "deleted": n})
		}
		return err
	})
}
