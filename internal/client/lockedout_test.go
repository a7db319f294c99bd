package client_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/postrider-mq/postrider/internal/client"
)

// letIn takes what connections are made until the returned function is called, which cuts them.
func (f *fake) letIn() (end func()) {
	ended, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		var all []*line
		for {
			select {
			case l := <-f.lines:
				all = append(all, l)
			case <-ended:
				for _, l := range all {
					l.cut()
				}
				return
			}
		}
	}()
	return func() { close(ended); <-over }
}

// Who refuses the login is asked again seldom, and the log tells of each of them once. When it is mended, that is found out.
func TestWhoRefusesTheLoginIsAskedSeldom(t *testing.T) {
	var log bytes.Buffer
	story(t, func(t *testing.T, f *fake, c *client.Conn) {
		defer f.letIn()()
		time.Sleep(10 * time.Minute)
		f.mu.Lock()
		before := f.dials
		f.mu.Unlock()
		time.Sleep(10 * time.Minute)
		f.mu.Lock()
		dials := f.dials - before
		f.mu.Unlock()
		if dials < 2*19 || dials > 2*41 { // every half minute, or up to twice as often
			t.Errorf("%d dials in ten minutes", dials)
		}
		f.setPassword("")
		time.Sleep(31 * time.Second)
		if state, _ := c.State(); !state.Up {
			t.Errorf("it is not connected: %v", state.Err)
		}
		if n := strings.Count(log.String(), "cannot connect"); n != 2 {
			t.Errorf("told %d times: %s", n, log.String())
		}
	}, lockedOut, func(cfg *client.Config) {
		at := cfg.Addresses[0]
		at.Host = "another:5672"
		cfg.Addresses = append(cfg.Addresses, at)
		cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
	})
}

// Who is found in the place of somebody who refuses the login is tried at once.
func TestWhoIsFoundInThePlaceOfWhoRefusesIsTriedAtOnce(t *testing.T) {
	var password atomic.Value
	password.Store("guest")
	story(t, func(t *testing.T, f *fake, c *client.Conn) {
		defer f.letIn()()
		time.Sleep(10 * time.Minute)
		password.Store("secret")
		time.Sleep(2500 * time.Millisecond)
		if state, _ := c.State(); !state.Up {
			t.Errorf("it is not connected: %v", state.Err)
		}
	}, lockedOut, func(cfg *client.Config) {
		cfg.Addresses, cfg.Find = nil, func(context.Context) ([]client.Address, error) {
			return []client.Address{{Host: "fake:5672", User: "guest", Password: password.Load().(string), VHost: "/"}}, nil
		}
	})
}
