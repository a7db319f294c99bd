package client_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/client"
)

func doubting(cfg *client.Config) { cfg.Doubts = true }

// wantKept fails if the client gives its only connection up within some time.
func (f *fake) wantKept(c *client.Conn, within time.Duration) {
	f.t.Helper()
	time.Sleep(within)
	synctest.Wait()
	if state, _ := c.State(); !state.Up || f.logins.Load() != 1 {
		f.t.Errorf("the connection was given up: %v", state.Err)
	}
}

// soonerThanHeartbeats is more than doubt takes, and shorter than all else that ends a connection.
const soonerThanHeartbeats = 20 * time.Second

// deafen has the line read nothing more, after something that it still reads.
func (l *line) deafen(t *testing.T, c *client.Conn) {
	t.Helper()
	synctest.Wait() // it is connected
	l.pause()
	post(t, c, "last words")
	l.wantPublished("last words")
	synctest.Wait()
}

func TestWhoDoesNotAnswerIsGivenUpWithinSeconds(t *testing.T) {
	story(t, func(t *testing.T, f *fake, c *client.Conn) {
		l := f.line()
		a := post(t, c, "a")
		l.wantPublished("a")
		l.deafen(t, c)
		f.setFrozen(true)
		began := time.Now()
		_, changed := c.State()
		<-changed
		if state, _ := c.State(); !errors.Is(state.Err, client.ErrNoAnswer) || time.Since(began) > 14*time.Second {
			t.Error(state.Err, "after", time.Since(began))
		}
		f.setFrozen(false)
		l.resume()
		next := f.line()
		next.wantPublished("a")
		next.ack(1)
		wantFate(t, a, nil, true)
	}, doubting)
}

// One that does not come to read, or whose line is slow, still opens to who knocks.
func TestWhoOpensIsWaitedFor(t *testing.T) {
	story(t, func(t *testing.T, f *fake, c *client.Conn) {
		l := f.line()
		l.deafen(t, c)
		f.wantKept(c, soonerThanHeartbeats)
		l.resume()
		l.ack(1)
	}, doubting)
}

// One that takes its time with a message is not one that does not answer.
func TestWhoAnswersIsWaitedFor(t *testing.T) {
	story(t, func(t *testing.T, f *fake, c *client.Conn) {
		l := f.line()
		a := post(t, c, "a")
		l.wantPublished("a")
		f.wantKept(c, 10*time.Minute)
		l.ack(1)
		wantFate(t, a, nil, true)
	}, doubting)
}

// Nor is one that has said that it takes nothing for now, and may not read.
func TestWhoTakesNothingIsWaitedFor(t *testing.T) {
	story(t, func(t *testing.T, f *fake, c *client.Conn) {
		l := f.line()
		l.deafen(t, c)
		f.setFrozen(true) // as far as anybody sees
		l.send(0, &amqp.ConnectionBlocked{Reason: "low on memory"})
		f.wantKept(c, soonerThanHeartbeats)
		l.resume()
	}, doubting)
}

func TestNobodyIsDoubtedWhileNobodyWaits(t *testing.T) {
	story(t, func(t *testing.T, f *fake, c *client.Conn) {
		l := f.line()
		l.deafen(t, c)
		f.setFrozen(true) // as far as anybody sees
		l.ack(1)
		f.wantKept(c, soonerThanHeartbeats)
		l.resume()
	}, doubting)
}
