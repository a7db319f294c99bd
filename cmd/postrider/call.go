package main

import (
	"bytes"
	"context"
	"io"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/postrider-mq/postrider"
)

func newCall() *cobra.Command {
	var o nodeOptions
	var m messageOptions
	cmd := &cobra.Command{
		Use:   "call " + messageUsage,
		Short: "Send messages and print the answers",
		Long: text(`
			Send MESSAGE, or each line of stdin as a message, wait for the answer of whoever handles it,
			and print it. An answer that says no, an error of the handler, makes it fail.`),
		Example: examples(`
			postrider call mailbox:upper "hello"
			postrider call peer:bob 42 --peer bob=127.0.0.1:5681 --timeout 2s
			postrider call mailbox:quotes "one lamp" --header lang=de
			postrider reply mailbox:upper -- tr a-z A-Z     # elsewhere`),
		ValidArgsFunction: completeTargets("peer:", "mailbox:", "topic:", "amqp://", "amqps://"),
		Args:              cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := newSender(cmd, &o, &m, args)
			if err != nil {
				return err
			}
			defer s.node.Close()
			return s.each(cmd, args, s.call)
		},
	}
	o.flags(cmd.Flags(), sendTimeout, eachTimeout)
	m.carried(cmd.Flags())
	return cmd
}

func (s *sender) call(ctx context.Context, n int, body string) error {
	ctx, cancel := s.options.within(ctx)
	defer cancel()
	defer s.telling()()
	id, options := s.message.of(n, s.lines)
	answer, err := postrider.Call[[]byte](ctx, s.target, typed(body), options...)
	if s.options.json {
		r := result{ID: id}
		if err == nil {
			r.Answer, r.AnswerBase64 = textOrBytes(answer)
		}
		if printErr := s.print(r, err); err == nil {
			err = printErr
		}
		return err
	}
	if err != nil {
		return err
	}
	return printLine(s.out, answer)
}

// printLine prints a body, ended by a newline.
func printLine(w io.Writer, body []byte) error {
	_, err := w.Write(asLine(shownOn(w, body)))
	return err
}

// shownOn is a body as it is written there: as it is, but that a terminal is given no orders by who wrote it.
func shownOn(w io.Writer, body []byte) []byte {
	if !isTerminal(w) {
		return body
	}
	return []byte(tamed(string(body), inText(unicode.IsControl)))
}

// asLine is a body with a newline at its end.
func asLine(body []byte) []byte {
	if !bytes.HasSuffix(body, []byte("\n")) {
		body = append(body[:len(body):len(body)], '\n')
	}
	return body
}

// textOrBytes is a body as JSON can hold it: a text, or bytes where it is none.
func textOrBytes(body []byte) (string, []byte) {
	if utf8.Valid(body) {
		return string(body), nil
	}
	return "", body
}
