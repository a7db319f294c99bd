package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/postrider-mq/postrider"
)

// answerLimit bounds what a command may answer, in bytes.
const answerLimit = 16 << 20

func newReply() *cobra.Command {
	var o nodeOptions
	var count, workers int
	cmd := &cobra.Command{
		Use:   "reply mailbox:NAME|topic:NAME|inbox -- COMMAND [ARGUMENT]...",
		Short: "Answer calls with the output of a command",
		Long: text(`
			Run COMMAND for each message of a mailbox, a topic, or this node's own inbox, with the message on its
			stdin, and answer with its stdout. A command that fails answers with an error that has the
			last line of its stderr. POSTRIDER_ID, POSTRIDER_FROM and POSTRIDER_KEY tell the command
			about the message.

			The output for a message that wants no answer is printed; when the command fails for
			such a message it comes again.`),
		Example: examples(`
			postrider reply mailbox:upper -- tr a-z A-Z
			postrider reply mailbox:thumbs --workers 4 -- ./thumbnail.sh
			postrider reply inbox --name bob --listen 127.0.0.1:5681 -- date`),
		ValidArgsFunction: completeTargets("mailbox:", "topic:", "inbox"),
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) < 2 || cmd.ArgsLenAtDash() != 1 {
				return errors.New("want a target, -- and a command")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := exec.LookPath(args[1])
			if err != nil {
				return usagef("command: %w", err)
			}
			if workers < 1 {
				return usagef("--workers %d: want 1 or more", workers)
			}
			r, err := newReceiver(cmd, &o, args[0], count)
			if err != nil {
				return err
			}
			defer r.end()
			c := &command{path: path, args: args[2:], out: r.out}
			return r.run(workers, c.handle)
		},
	}
	f := cmd.Flags()
	o.flags(f, 0, "`duration` to answer, as in 1.5s; 0 is for ever")
	o.receiving(f)
	f.IntVar(&count, "count", 0, "`number` of messages to answer; 0 is no limit")
	f.IntVar(&workers, "workers", 1, "`number` of commands that may run at a time")
	return cmd
}

// command is what answers messages.
type command struct {
	path string
	args []string
	out  *printer // for what nobody waits for
}

func (c *command) handle(ctx context.Context, m *postrider.Message) error {
	answer, err := c.run(ctx, m)
	switch {
	case err != nil && m.WantsReply():
		if err := m.Reply(ctx, &postrider.RemoteError{Code: 500, Reason: err.Error()}); err != nil {
			return err
		}
		return nil // answered
	case err != nil:
		return err
	case m.WantsReply():
		return m.Reply(ctx, answer)
	}
	return c.out.print(ctx, asLine(answer))
}

// run runs the command for one message. A command that is interrupted may clean up for a second.
func (c *command) run(ctx context.Context, m *postrider.Message) ([]byte, error) {
	cmd := exec.CommandContext(ctx, c.path, c.args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = time.Second
	cmd.Env = append(os.Environ(), "POSTRIDER_ID="+m.ID, "POSTRIDER_FROM="+m.From, "POSTRIDER_KEY="+m.Key())
	cmd.Stdin = bytes.NewReader(m.Body)
	stdout, stderr := limited{room: answerLimit}, lastLine{}
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case stdout.overrun:
		return nil, fmt.Errorf("the answer is longer than %d MiB", answerLimit>>20)
	case errors.As(err, &exit) && stderr.text() != "":
		return nil, fmt.Errorf("%w: %s", err, stderr.text())
	}
	return stdout.b.Bytes(), err
}

// limited keeps what is written to it, up to a limit.
type limited struct {
	b       bytes.Buffer
	room    int
	overrun bool
}

func (l *limited) Write(p []byte) (int, error) {
	if len(p) > l.room {
		l.overrun = true
		return 0, errors.New("too long")
	}
	l.room -= len(p)
	return l.b.Write(p)
}

// lastLine keeps the end of what is written to it.
type lastLine struct{ tail []byte }

const maxReason = 500

func (l *lastLine) Write(p []byte) (int, error) {
	l.tail = append(l.tail, p...)
	if over := len(l.tail) - maxReason; over > 0 {
		l.tail = append(l.tail[:0], l.tail[over:]...)
	}
	return len(p), nil
}

// text is the last line that is not empty, or its end.
func (l *lastLine) text() string {
	s := strings.TrimSpace(string(l.tail))
	return strings.ToValidUTF8(s[strings.LastIndexByte(s, '\n')+1:], "?")
}
