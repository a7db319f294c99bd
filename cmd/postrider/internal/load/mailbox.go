package load

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/cmd/postrider/internal/probe"
	"github.com/postrider-mq/postrider/internal/client"
)

// A Broker is one that the user has named, seen from outside.
type Broker struct {
	Address string
	Product string
	Version string
}

// Look asks who a broker is, and makes sure that nobody's messages are in a mailbox, which may be missing.
func Look(ctx context.Context, url, mailbox string, trust *tls.Config) (b Broker, exists bool, err error) {
	err = withLine(ctx, url, trust, func(ctx context.Context, l *probe.Line, at client.Address) error {
		b = Broker{at.String(), l.Server().Product, l.Server().Version}
		messages, consumers, err := l.Queue(ctx, mailbox)
		var refused *amqp.Error
		switch {
		case errors.As(err, &refused) && refused.Code == amqp.NotFound:
			return nil
		case err != nil:
			return fmt.Errorf("mailbox %s: %w", mailbox, err)
		case messages > 0:
			return fmt.Errorf("mailbox %s holds %d messages, which the load would take: name an empty one, or none", mailbox, messages)
		case consumers > 0:
			return fmt.Errorf("%d consumers work on mailbox %s, and would take the load's messages: name another one, or none", consumers, mailbox)
		}
		exists = true
		return nil
	})
	return b, exists, err
}

// Remove removes a mailbox with what is in it.
func Remove(ctx context.Context, url, mailbox string, trust *tls.Config) error {
	return withLine(ctx, url, trust, func(ctx context.Context, l *probe.Line, _ client.Address) error {
		c, err := l.Channel(ctx)
		if err == nil {
			_, err = c.Delete(ctx, mailbox, false, false)
		}
		return err
	})
}

const lineTime = 15 * time.Second

func withLine(ctx context.Context, url string, trust *tls.Config, do func(context.Context, *probe.Line, client.Address) error) error {
	ctx, cancel := context.WithTimeout(ctx, lineTime)
	defer cancel()
	at, err := client.ParseURL(url)
	if err != nil {
		return err
	}
	l, err := probe.Dial(ctx, at, trust)
	if err != nil {
		return fmt.Errorf("cannot reach %s: %w", at, err)
	}
	defer l.Close()
	return do(ctx, l, at)
}
