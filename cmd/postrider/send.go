package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"
)

const (
	sendTimeout  = 10 * time.Second
	eachTimeout  = "`duration` to wait for each message, as in 1.5s; 0 is for ever"
	messageUsage = "TARGET [MESSAGE]"
)

func newSend() *cobra.Command {
	var o nodeOptions
	var m messageOptions
	cmd := &cobra.Command{
		Use:   "send " + messageUsage,
		Short: "Send messages and wait until each has arrived",
		Long: text(`
			Send MESSAGE, or each line of stdin as a message, and wait until it has arrived: until it
			is in the peer's inbox, or stored by the mailbox's broker, or as far as --until says. A
			target that is down is waited for, up to --timeout. The first message that fails ends it.`),
		Example: examples(`
			postrider send mailbox:jobs "resize photo 7"
			postrider send peer:bob hello --peer bob=127.0.0.1:5681
			postrider send amqp://127.0.0.1:5681/bob hello
			postrider send mailbox:orders "a lamp" --key customer-7 --header lang=de --expires 1h
			postrider send mailbox:orders "a chair" --until handled --timeout 30s
			postrider send topic:prices 17.3 --key eu.dax
			postrider send mailbox:photos --file photo.jpg --header name=photo.jpg
			seq 1000 | postrider send mailbox:jobs --broker amqp://user:secret@mq1:5672`),
		ValidArgsFunction: completeTargets("peer:", "mailbox:", "topic:", "amqp://", "amqps://"),
		Args:              cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := newSender(cmd, &o, &m, args)
			if err != nil {
				return err
			}
			defer s.node.Close()
			return s.each(cmd, args, s.send)
		},
	}
	o.flags(cmd.Flags(), sendTimeout, eachTimeout)
	m.carried(cmd.Flags())
	m.kept(cmd.Flags())
	return cmd
}

func (s *sender) send(ctx context.Context, n int, body string) error {
	ctx, cancel := s.options.within(ctx)
	defer cancel()
	defer s.telling()()
	id, options := s.message.of(n, s.lines)
	err := s.target.Send(ctx, typed(body), options...)
	r := result{ID: id}
	if err == nil {
		r.Grade = s.grade().String()
	}
	if printErr := s.print(r, err); err == nil {
		err = printErr
	}
	return err
}
