package main

import "context"

// A credit bounds what is under way: the sender takes a place for each message, and whoever learns that messages are confirmed
// gives so many back.
type credit struct {
	free  int // the sender's own
	given chan int
	done  context.Context
	fail  context.CancelCauseFunc
}

func newCredit(places int) *credit {
	c := &credit{free: places, given: make(chan int, places)}
	c.done, c.fail = context.WithCancelCause(context.Background())
	return c
}

// give may be called by one goroutine beside the sender's.
func (c *credit) give(n int) {
	if n > 0 {
		c.given <- n
	}
}

// take waits for a place. idle is called before it has to wait: to flush.
func (c *credit) take(idle func() error) error {
	for c.free == 0 {
		select {
		case n := <-c.given:
			c.free += n
			continue
		default:
		}
		if idle != nil {
			if err := idle(); err != nil {
				return err
			}
		}
		select {
		case n := <-c.given:
			c.free += n
		case <-c.done.Done():
			return context.Cause(c.done)
		}
	}
	c.free--
	return nil
}

// drain waits until all places are back.
func (c *credit) drain(places int) error {
	for c.free < places {
		select {
		case n := <-c.given:
			c.free += n
		case <-c.done.Done():
			return context.Cause(c.done)
		}
	}
	return nil
}
