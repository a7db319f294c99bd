package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
)

// watch looks at a broker again and again.
type watch struct {
	owner    *owner
	view     *topView
	interval time.Duration
}

// once prints one summary.
func (w *watch) once(ctx context.Context, out io.Writer) error {
	was, err := w.owner.look(ctx)
	if err != nil {
		return err
	}
	if !wait(ctx, w.interval) {
		return errInterrupted
	}
	is, err := w.owner.look(ctx)
	if err != nil {
		return err
	}
	s := w.view.compare(was, is)
	if w.owner.json {
		return json.NewEncoder(out).Encode(s)
	}
	_, err = fmt.Fprintln(out, strings.Join(s.lines(w.view.sort, 0), "\n"))
	return err
}

// looked is what came of a look.
type looked struct {
	sample *sample
	err    error
}

// live shows one summary after the other until q is pressed or ctx ends. A broker that was there, and is not any more, is waited for.
func (w *watch) live(ctx context.Context, t *terminal) error {
	is, err := w.owner.look(ctx)
	if err != nil {
		return err
	}
	if err := t.open(); err != nil {
		return err
	}
	defer t.close()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	answers := make(chan looked, 1)
	asking, asked := false, time.Time{}
	look := func() {
		if asking {
			return
		}
		asking, asked = true, time.Now()
		go func() {
			s, err := w.owner.look(ctx)
			answers <- looked{s, err}
		}()
	}
	tick := time.NewTicker(w.interval)
	defer tick.Stop()
	was := is
	for {
		lost := err
		if lost == nil && asking && time.Since(asked) > slowAnswer {
			lost = errNoAnswer
		}
		t.show(w.page(t, was, is, lost))
		select {
		case <-ctx.Done():
			return nil
		case key := <-t.keys:
			if key == 'q' || key == ctrlC || key == ctrlD {
				return nil
			}
			if w.press(key) {
				look()
			}
		case <-tick.C:
			look()
		case a := <-answers:
			asking = false
			switch {
			case a.err != nil:
			case err != nil: // it is back, and counts from nothing
				was, is = a.sample, a.sample
			default:
				was, is = is, a.sample
			}
			err = a.err
		}
	}
}

// slowAnswer is how long an answer may take before it is told that there is none.
const slowAnswer = 3 * time.Second

// page is what is shown: the last that is known, and above it that the broker does not answer, if it does not.
func (w *watch) page(t *terminal, was, is *sample, lost error) []string {
	s := w.view.compare(was, is)
	width, _ := t.size()
	lines := s.lines(w.view.sort, width)
	if lost != nil {
		lines = append([]string{"NO ANSWER: " + oneLine(lost) + "; this is how it was:"}, lines...)
	}
	return lines
}

// press does what a key means, and reports whether to look again.
func (w *watch) press(key byte) bool {
	for _, order := range sortOrders {
		if order[0] == key {
			w.view.sort = order
		}
	}
	return key == ' '
}
