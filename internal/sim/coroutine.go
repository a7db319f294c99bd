package sim

import (
	"errors"
	"fmt"
	"iter"
	"runtime/debug"
)

// coroutine is a piece of the product that may have to wait: a connection's
// reader, the journal's writer. It runs when it is resumed, until it parks. At
// any moment one of them runs, or none: the Go scheduler has no say.
type coroutine struct {
	world *World
	next  func() (struct{}, bool)
	stop  func()
	yield func(struct{}) bool
	over  bool
	onIO  bool // it is parked in the midst of an operation on the disk
}

// errKilled unwinds a coroutine whose process has died.
var errKilled = errors.New("the process has died")

func (w *World) spawn(name string, body func()) *coroutine {
	c := &coroutine{world: w}
	c.next, c.stop = iter.Pull(func(yield func(struct{}) bool) {
		c.yield = yield
		defer func() {
			c.over = true
			if p := recover(); p != nil && p != errKilled {
				w.violate("panic", "in %s: %v\n%s", name, p, debug.Stack())
			}
		}()
		body()
	})
	w.coroutines = append(w.coroutines, c)
	return c
}

// resume runs c until it parks or is over.
func (c *coroutine) resume() {
	if c.over {
		return
	}
	before := c.world.running
	c.world.running = c
	c.next()
	c.world.running = before
}

// park is called by the running coroutine: others go on now.
func (w *World) park() {
	c := w.running
	if c == nil {
		panic(fmt.Sprintf("sim: %s", "something waits that nobody runs as a coroutine"))
	}
	if w.dead || !c.yield(struct{}{}) {
		panic(errKilled)
	}
}

// killAll ends all coroutines, as the death of their process does.
func (w *World) killAll() {
	for _, c := range w.coroutines {
		c.stop()
	}
	w.coroutines = w.coroutines[:0]
}
