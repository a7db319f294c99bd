package client_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/client"
	"github.com/postrider-mq/postrider/internal/pack"
)

var (
	halfMiB  = strings.Repeat("A large body. ", 40_000)
	otherMiB = strings.Repeat("Another large body. ", 50_000)
)

// halfWritten begins a story with a large message of which the first piece is written, and no more.
func halfWritten(t *testing.T, f *fake, c *client.Conn) (*line, *client.Fate) {
	l := f.line()
	synctest.Wait()
	l.pause()
	fate := post(t, c, halfMiB)
	synctest.Wait()
	if fate.Stage() != client.Written {
		t.Fatalf("stage %v while it is written", fate.Stage())
	}
	return l, fate
}

// The fake's session would find anything else on the channel a breach of the protocol.
func TestNothingComesBetweenThePiecesOfALargeMessage(t *testing.T) {
	story(t, func(t *testing.T, f *fake, c *client.Conn) {
		l, fate := halfWritten(t, f, c)
		go c.Publisher().Call(t.Context(), time.Hour, asking, []byte("x"), []byte("question")) // has replies consumed on the channel
		l.send(0, &amqp.ConnectionBlocked{Reason: "low on disk"})
		synctest.Wait()
		l.resume()
		l.wantPublished(halfMiB)
		next[amqp.BasicConsume](l)
		l.send(0, &amqp.ConnectionUnblocked{})
		l.wantPublished("question")
		l.ack(1)
		wantFate(t, fate, nil, true)
		l.cut()
	})
}

// A message of the largest size that lies in one chunk, and those that are a little smaller and larger, wherever the chunks end.
func TestMessagesAboutAsLargeAsAPack(t *testing.T) {
	story(t, func(t *testing.T, f *fake, c *client.Conn) {
		l := f.line()
		synctest.Wait()
		l.pause()
		var bodies []string
		for n := range 40 {
			for range 9 {
				bodies = append(bodies, strings.Repeat(string(rune('a'+n%26)), pack.MaxBytes-30+n))
			}
		}
		for _, body := range bodies {
			post(t, c, body)
		}
		l.resume()
		for _, body := range bodies {
			l.wantPublished(body)
		}
		l.cut()
	})
}

func TestALargeMessageGivenUpHalfWrittenIsWrittenToItsEnd(t *testing.T) {
	story(t, func(t *testing.T, f *fake, c *client.Conn) {
		l := f.line()
		synctest.Wait()
		l.pause()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		written, err := c.Publisher().Send(ctx, toJobs, []byte("x"), []byte(halfMiB))
		if !written || !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("written %v, %v", written, err)
		}
		l.resume()
		l.wantPublished(halfMiB)
		next := post(t, c, otherMiB)
		l.wantPublished(otherMiB)
		l.ackUpTo(2)
		wantFate(t, next, nil, true)
		l.cut()
	})
}

// A broker that confirms what it cannot have yet gets the rest of it all the same, and nothing that was sent meanwhile in its place.
func TestALargeMessageThatIsConfirmedHalfWrittenKeepsItsBytes(t *testing.T) {
	story(t, func(t *testing.T, f *fake, c *client.Conn) {
		l, fate := halfWritten(t, f, c)
		l.ack(1)
		wantFate(t, fate, nil, true)
		post(t, c, otherMiB)
		l.resume()
		l.wantPublished(halfMiB)
		l.wantPublished(otherMiB)
		l.cut()
	})
}

func TestALargeMessageIsReplayedFromItsBeginning(t *testing.T) {
	story(t, func(t *testing.T, f *fake, c *client.Conn) {
		l, fate := halfWritten(t, f, c)
		post(t, c, otherMiB)
		l.cut()
		l.resume()
		l = f.line()
		l.wantPublished(halfMiB)
		l.wantPublished(otherMiB)
		l.ack(1)
		wantFate(t, fate, nil, true)
		l.cut()
	})
}
