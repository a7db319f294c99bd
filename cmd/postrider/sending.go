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
	"github.com/postrider-mq/postrider/internal/client"
)

// sender is a running command that sends: its node, its target and where its results go.
type sender struct {
	options *nodeOptions
	message *messageOptions
	lines   bool // messages are the lines of stdin
	node    *postrider.Node
	kind    kind
	unknown string // the name of a peer that the broker is asked for; "": no need to
	target  *postrider.Target
	out     io.Writer
	errors  io.Writer
}

// newSender starts what the command line asks for: its arguments are a target and perhaps a message.
func newSender(cmd *cobra.Command, o *nodeOptions, m *messageOptions, args []string) (*sender, error) {
	t, err := parseTarget(args[0])
	if err == nil {
		err = t.sendable(o)
	}
	if err == nil {
		err = m.check(t.kind)
	}
	if err == nil && m.file != "" && len(args) > 1 {
		err = usagef("--file and MESSAGE exclude each other")
	}
	if err != nil {
		return nil, err
	}
	unknown := t.unknown(o)
	if unknown != "" {
		if err := o.seeBroker(cmd.Context()); err != nil {
			return nil, lookingFor(unknown, err)
		}
	}
	n, err := o.start(cmd.Context(), cmd.ErrOrStderr())
	if err != nil {
		return nil, err
	}
	ctx, cancel := o.within(cmd.Context())
	defer cancel()
	to, err := t.of(ctx, n, o)
	if err != nil {
		n.Close()
		return nil, err
	}
	return &sender{o, m, len(args) == 1 && m.file == "", n, t.kind, unknown, to, cmd.OutOrStdout(), cmd.ErrOrStderr()}, nil
}

// each has one message after the other sent, as the command line or stdin has them, until one fails.
func (s *sender) each(cmd *cobra.Command, args []string, send func(ctx context.Context, n int, body string) error) error {
	ctx, n := cmd.Context(), 0
	for body, err := range bodies(ctx, args[1:], s.message.file, cmd.InOrStdin()) {
		n++
		if err == nil {
			err = send(ctx, n, body)
		}
		if err != nil {
			return s.explain(ctx, n, err)
		}
	}
	return nil
}

// wondering is how long a person wonders before being told what is going on.
const wondering = time.Second

// telling says after a while that the target is waited for; the function that it returns ends that.
func (s *sender) telling() func() {
	told := time.AfterFunc(wondering, func() { waiting(s.errors, s.target, s.options.timeout, missing(s.node)) })
	return func() { told.Stop() }
}

// waiting says for whom one waits, how long, and why.
func waiting(stderr io.Writer, target fmt.Stringer, timeout time.Duration, why error) {
	limit := "for ever"
	if timeout > 0 {
		limit = "up to " + timeout.String()
	}
	complain(stderr, fmt.Errorf("waiting for %s, %s: %w", target, limit, why))
}

var errNoAnswer = errors.New("no answer yet")

// missing is why a connection of a node is not there, or takes nothing.
func missing(n *postrider.Node) error {
	all := n.Stats().Connections
	for _, c := range all {
		if !c.Up && c.Err != nil {
			return c.Err
		}
	}
	for _, c := range all {
		if c.Blocked != "" {
			return blocked(c.Blocked)
		}
	}
	return errNoAnswer
}

// blocked is that a broker takes nothing, with the reason that it gives.
func blocked(why string) error { return fmt.Errorf("%w: %s", client.ErrBlocked, why) }

// result is what --json prints of one message.
type result struct {
	ID           string `json:"id,omitempty"`
	Target       string `json:"target"`
	Grade        string `json:"grade,omitempty"` // how far it came
	Answer       string `json:"answer,omitempty"`
	AnswerBase64 []byte `json:"answerBase64,omitempty"` // in place of Answer when that is not UTF-8
	Error        string `json:"error,omitempty"`
	Advice       string `json:"advice,omitempty"`
	// MaybeDelivered: it failed, and may have arrived all the same.
	MaybeDelivered bool `json:"maybeDelivered,omitempty"`
}

// grade is how far a message has come when Send returns.
func (s *sender) grade() postrider.Grade {
	switch {
	case s.message.until != 0:
		return postrider.Grade(s.message.until)
	case s.kind.onBroker():
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
		r.Error, r.Advice = oneLine(s.plainly(err)), remedy(s.plainly(err))
		var failed *postrider.SendError
		if errors.As(err, &failed) {
			r.ID, r.MaybeDelivered = failed.ID, failed.MaybeDelivered
		}
	}
	return json.NewEncoder(s.out).Encode(r)
}

// explain puts the fate of a message into words, and says which message it was when there were many.
func (s *sender) explain(ctx context.Context, n int, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		err = errInterrupted
	default:
		err = s.plainly(err)
	}
	if n > 1 {
		err = fmt.Errorf("line %d: %w", n, err)
	}
	return err
}

// plainly is an error of the library as this program tells it.
func (s *sender) plainly(err error) error {
	lost := errors.Is(err, postrider.ErrPeerDown) || errors.Is(err, client.ErrDown)
	unnamed := s.unknown != "" && lost && reachRemedy(err) == ""
	err = plainly(err, timedOut(s.options.timeout))
	if unnamed {
		err = remedied{err, sayWhere(s.unknown)}
	}
	return err
}

var errInterrupted = errors.New("interrupted")
