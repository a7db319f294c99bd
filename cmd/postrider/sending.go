package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/postrider-mq/postrider"
)

// sender is a running command that sends: its node, its target and where its results go.
type sender struct {
	options *nodeOptions
	node    *postrider.Node
	kind    kind
	target  *postrider.Target
	out     io.Writer
	errors  io.Writer
}

// newSender starts what the command line asks for.
func newSender(cmd *cobra.Command, o *nodeOptions, target string) (*sender, error) {
	t, err := parseTarget(target)
	if err == nil {
		err = t.sendable(o)
	}
	if err != nil {
		return nil, err
	}
	trust, err := clientTLS(o.tlsCA)
	if err != nil {
		return nil, err
	}
	n, err := o.start(cmd.Context(), cmd.ErrOrStderr())
	if err != nil {
		return nil, err
	}
	ctx, cancel := o.within(cmd.Context())
	defer cancel()
	to, err := t.of(ctx, n, trust)
	if err != nil {
		n.Close()
		return nil, err
	}
	return &sender{o, n, t.kind, to, cmd.OutOrStdout(), cmd.ErrOrStderr()}, nil
}

// wondering is how long a person wonders before being told what is going on.
const wondering = time.Second

// telling says after a while that the target is waited for; the function that it returns ends that.
func (s *sender) telling() func() {
	limit := "for ever"
	if s.options.timeout > 0 {
		limit = "up to " + s.options.timeout.String()
	}
	told := time.AfterFunc(wondering, func() {
		fmt.Fprintf(s.errors, "postrider: waiting for %s, %s; --log-level warn tells why\n", s.target, limit)
	})
	return func() { told.Stop() }
}

// result is what --json prints of one message.
type result struct {
	ID           string `json:"id,omitempty"`
	Target       string `json:"target"`
	Grade        string `json:"grade,omitempty"` // how far it came
	Answer       string `json:"answer,omitempty"`
	AnswerBase64 []byte `json:"answerBase64,omitempty"` // in place of Answer when that is not UTF-8
	Error        string `json:"error,omitempty"`
	// MaybeDelivered: it failed, and may have arrived all the same.
	MaybeDelivered bool `json:"maybeDelivered,omitempty"`
}

// grade is how far a message has come when Send returns.
func (s *sender) grade() postrider.Grade {
	if s.kind == toMailbox {
		return postrider.Stored
	}
	return postrider.Received
}

// print prints a result if results were asked for.
func (s *sender) print(r result, err error) error {
	if !s.options.json {
		return nil
	}
	r.Target = s.target.String()
	if err != nil {
		r.Error = err.Error()
		var failed *postrider.SendError
		if errors.As(err, &failed) {
			r.ID, r.MaybeDelivered = failed.ID, failed.MaybeDelivered
		}
	}
	return json.NewEncoder(s.out).Encode(r)
}

// explain says what can be done about the fate of a message, and which message it was when there were many.
func explain(ctx context.Context, n int, err error) error {
	if errors.Is(err, context.DeadlineExceeded) && errors.Is(err, postrider.ErrPeerDown) && remedy(err) == "" {
		err = fmt.Errorf("%w: see --timeout", err)
	}
	err = withRemedy(err)
	if ctx.Err() != nil {
		err = errInterrupted
	}
	if n > 1 {
		return fmt.Errorf("line %d: %w", n, err)
	}
	return err
}

var errInterrupted = errors.New("interrupted")
