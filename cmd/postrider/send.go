package main

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/spf13/cobra"

	"github.com/postrider-mq/postrider"
)

const (
	sendTimeout  = 10 * time.Second
	eachTimeout  = "`duration` to wait for each message, as in 1.5s; 0 is for ever"
	messageUsage = "TARGET [MESSAGE]"
)

func newSend() *cobra.Command {
	var o nodeOptions
	var transient bool
	cmd := &cobra.Command{
		Use:   "send " + messageUsage,
		Short: "Send messages and wait until each has arrived",
		Long: text(`
			Send MESSAGE, or each line of stdin as a message, and wait until it has arrived: until it
			is in the peer's inbox, or stored by the mailbox's broker. A target that is down is
			waited for, up to --timeout. The first message that fails ends it.`),
		Example: examples(`
			postrider send mailbox:jobs "resize photo 7"
			postrider send peer:bob hello --peer bob=127.0.0.1:5681
			postrider send amqp://127.0.0.1:5681/bob hello
			seq 1000 | postrider send mailbox:jobs --broker amqp://user:secret@mq1:5672`),
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := newSender(cmd, &o, args[0])
			if err != nil {
				return err
			}
			defer s.node.Close()
			n := 0
			for body, err := range bodies(cmd.Context(), args[1:], cmd.InOrStdin()) {
				n++
				if err == nil {
					err = s.send(cmd.Context(), body, transient)
				}
				if err != nil {
					return explain(cmd.Context(), n, err)
				}
			}
			return nil
		},
	}
	o.flags(cmd.Flags(), sendTimeout, eachTimeout)
	transientFlag(cmd, &transient)
	return cmd
}

func transientFlag(cmd *cobra.Command, transient *bool) {
	cmd.Flags().BoolVar(transient, "transient", false, "let a broker forget the messages when it stops; it need not wait for its disk")
}

func (s *sender) send(ctx context.Context, body string, transient bool) error {
	ctx, cancel := s.options.within(ctx)
	defer cancel()
	defer s.telling()()
	id := rand.Text()
	err := s.target.Send(ctx, body, sendOptions(transient, id)...)
	r := result{ID: id}
	if err == nil {
		r.Grade = s.grade().String()
	}
	if printErr := s.print(r, err); err == nil {
		err = printErr
	}
	return err
}

func sendOptions(transient bool, id string) []postrider.SendOption {
	options := []postrider.SendOption{postrider.ID(id)}
	if transient {
		options = append(options, postrider.Transient())
	}
	return options
}
