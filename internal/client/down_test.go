package client_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider/internal/client"
)

// Between a connection that was lost and the first attempt to make another, too, the
// reason is that it is down.
func TestASendGivenUpBeforeTheNextAttemptSaysThatItIsDown(t *testing.T) {
	story(t, func(t *testing.T, f *fake, c *client.Conn) {
		first := post(t, c, "first")
		l := f.line()
		l.wantPublished("first")
		l.ack(1)
		wantFate(t, first, nil, true)
		l.cut()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		written, err := c.Publisher().Send(ctx, toJobs, []byte("x"), []byte("given up"))
		if written || !errors.Is(err, client.ErrDown) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("written %v, %v", written, err)
		}
	})
}
