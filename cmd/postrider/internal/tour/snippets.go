package tour

import (
	"context"
	_ "embed"
	"strings"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/cmd/postrider/internal/ways"
)

// What follows is all that a program writes to send a message. The tour runs it, and counts
// its lines for the table.

func sendDirectly(ctx context.Context, bobsAddress string) error {
	n, err := postrider.Start(ctx, postrider.Config{
		Name:  "alice",
		Peers: map[string]string{"bob": bobsAddress},
	})
	if err != nil {
		return err
	}
	defer n.Close()
	return n.Peer("bob").Send(ctx, "direct-send/program")
}

func postDirectly(ctx context.Context, bobsAddress string) error {
	n, err := postrider.Start(ctx, postrider.Config{
		Name:  "alice",
		Peers: map[string]string{"bob": bobsAddress},
	})
	if err != nil {
		return err
	}
	defer n.Shutdown(ctx)
	_, err = n.Peer("bob").Post(ctx, "direct-post/program")
	return err
}

func sendToMailbox(ctx context.Context, brokersURL string) error {
	n, err := postrider.Start(ctx, postrider.Config{
		Name:    "alice",
		Brokers: []string{brokersURL},
	})
	if err != nil {
		return err
	}
	defer n.Close()
	return n.Mailbox("jobs").Send(ctx, "mailbox-send/program")
}

func postToMailbox(ctx context.Context, brokersURL string) error {
	n, err := postrider.Start(ctx, postrider.Config{
		Name:    "alice",
		Brokers: []string{brokersURL},
	})
	if err != nil {
		return err
	}
	defer n.Shutdown(ctx)
	_, err = n.Mailbox("jobs").Post(ctx, "mailbox-post/program")
	return err
}

// programs are the functions above, by way.
var programs = [ways.Count]struct {
	name string
	run  func(ctx context.Context, address string) error
}{
	{"sendDirectly", sendDirectly},
	{"postDirectly", postDirectly},
	{"sendToMailbox", sendToMailbox},
	{"postToMailbox", postToMailbox},
}

//go:embed snippets.go
var source string

// codeLines counts the lines of a function's body in this file.
func codeLines(function string) int {
	_, body, _ := strings.Cut(source, "\nfunc "+function+"(")
	body, _, _ = strings.Cut(body, "\n}\n")
	return strings.Count(body, "\n")
}
