package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/postrider-mq/postrider"
)

func newReceive() *cobra.Command {
	var o nodeOptions
	var count int
	cmd := &cobra.Command{
		Use:   "receive [mailbox:NAME | topic:NAME | inbox]",
		Short: "Print the messages that come",
		Long: text(`
			Print each message of a mailbox, a topic, or this node's own inbox, as a line, and acknowledge
			it once it is printed: in a pipe, once it has been read there, so what head -1 leaves is not lost.
			Without a target it is the inbox, which needs --listen. With --json its
			id, sender, key and headers are printed, too. It ends after --count messages, after --timeout, when nobody
			reads the pipe any more, or when it is interrupted; only a count that was not reached is a failure.

			Of a topic, what is published from now on comes; with --subscription the broker keeps it from
			now on, also while nobody receives.`),
		Example: examples(`
			postrider receive mailbox:jobs
			postrider receive mailbox:jobs --count 1 --timeout 5s
			postrider receive mailbox:orders --partitions 8 --json
			postrider receive topic:prices --match "eu.*" --subscription archive
			postrider receive inbox --name bob --listen 127.0.0.1:5681 --json`),
		ValidArgsFunction: completeTargets("mailbox:", "topic:", "inbox"),
		Args:              cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := newReceiver(cmd, &o, append(args, "inbox")[0], count)
			if err != nil {
				return err
			}
			defer r.end()
			return r.run(1, func(ctx context.Context, m *postrider.Message) error {
				line, err := r.line(m)
				if err != nil {
					return err
				}
				return r.out.print(ctx, line)
			})
		},
	}
	f := cmd.Flags()
	o.flags(f, 0, "`duration` to receive, as in 1.5s; 0 is for ever")
	o.receiving(f)
	f.IntVar(&count, "count", 0, "`number` of messages to receive; 0 is no limit")
	return cmd
}

// received is what --json prints of a message.
type received struct {
	ID          string         `json:"id,omitempty"`
	From        string         `json:"from,omitempty"`
	To          string         `json:"to"`
	Key         string         `json:"key,omitempty"`
	Headers     map[string]any `json:"headers,omitempty"`
	ContentType string         `json:"contentType,omitempty"`
	Redelivered bool           `json:"redelivered,omitempty"`
	SealedBy    string         `json:"sealedBy,omitempty"`
	Body        string         `json:"body,omitempty"`
	BodyBase64  []byte         `json:"bodyBase64,omitempty"` // in place of Body when that is not UTF-8
}

// line is a message as it is printed.
func (r *receiver) line(m *postrider.Message) ([]byte, error) {
	if !r.options.json {
		return asLine(shownOn(r.out.out, m.Body)), nil
	}
	line := received{ID: m.ID, From: m.From, To: m.To, Key: m.Key(), Headers: headersOf(m.Headers()), ContentType: m.ContentType, Redelivered: m.Redelivered, SealedBy: m.SealedBy()}
	line.Body, line.BodyBase64 = textOrBytes(m.Body)
	text, err := json.Marshal(line)
	return asLine(text), err
}

// headersOf are headers as JSON can hold them, whoever wrote them.
func headersOf(headers map[string]any) map[string]any {
	for name, v := range headers {
		if _, err := json.Marshal(v); err != nil { // not a number, say
			headers[name] = fmt.Sprint(v)
		}
	}
	return headers
}
