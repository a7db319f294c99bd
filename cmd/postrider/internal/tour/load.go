package tour

import (
	"bytes"
	"context"
	"time"

	"github.com/postrider-mq/postrider"
)

// maxSamples bounds how many times of calls are reported.
const maxSamples = 1000

// load sends as fast as it can for Within, and reports how many messages were confirmed in how many
// seconds, and how long single calls took.
func (p *nodeProcess) load(_ context.Context, o order) (report, error) {
	body := bytes.Repeat([]byte{loadMark}, loadBodyBytes)
	run := loadPosts
	if o.Way.Waits() {
		run = loadSends
	}
	began := time.Now()
	took, n, err := run(p.ctx, p.target(o), body, began.Add(o.Within))
	return report{Count: n, Seconds: time.Since(began).Seconds(), Micros: thinned(took)}, err
}

func loadSends(ctx context.Context, to *postrider.Target, body []byte, end time.Time) (took []time.Duration, n int, err error) {
	for last := time.Now(); last.Before(end); n++ {
		if err := to.Send(ctx, body); err != nil {
			return took, n, err
		}
		now := time.Now()
		took = append(took, now.Sub(last))
		last = now
	}
	return took, n, nil
}

// postsPerSample: looking at the clock takes a part of the time that a Post takes.
const postsPerSample = 64

func loadPosts(ctx context.Context, to *postrider.Target, body []byte, end time.Time) (took []time.Duration, n int, err error) {
	var open [loadWindow]*postrider.Receipt
	for oldest := 0; ; {
		began := time.Now()
		if !began.Before(end) {
			return took, n, settled(ctx, open[:], oldest, n)
		}
		if n+postsPerSample-oldest > loadWindow {
			for range postsPerSample {
				if _, err := open[oldest%loadWindow].Wait(ctx); err != nil {
					return took, n, err
				}
				oldest++
			}
			began = time.Now()
		}
		for range postsPerSample {
			if open[n%loadWindow], err = to.Post(ctx, &body); err != nil {
				return took, n, err
			}
			n++
		}
		took = append(took, time.Since(began)/postsPerSample)
	}
}

func settled(ctx context.Context, open []*postrider.Receipt, from, to int) error {
	for ; from < to; from++ {
		if _, err := open[from%len(open)].Wait(ctx); err != nil {
			return err
		}
	}
	return nil
}

// thinned is every k-th of many samples, in microseconds.
func thinned(took []time.Duration) []float64 {
	step := len(took)/maxSamples + 1
	var us []float64
	for i := 0; i < len(took); i += step {
		us = append(us, float64(took[i].Nanoseconds())/1000)
	}
	return us
}
