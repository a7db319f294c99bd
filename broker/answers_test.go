package broker_test

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider/broker"
)

// Who waits for answers gets them with the last of those that go out together; when Flush is called, there are enough, or the Conn ends; or
// a millisecond later. Time stands still while there is something to do.
func TestAnswersGoOutTogether(t *testing.T) {
	const enough = 32
	for how, last := range map[string]func(*broker.Conn){
		"with the last": func(c *broker.Conn) { answer(c, enough, false) },
		"by Flush":      func(c *broker.Conn) { c.Flush() },
		"being many":    func(c *broker.Conn) { answer(c, enough, true) },
		"by Close":      func(c *broker.Conn) { c.Close() },
		"in time":       func(*broker.Conn) { time.Sleep(time.Millisecond); synctest.Wait() },
	} {
		t.Run(how, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := open(t, "")
				mine, theirs := dial(t, b), dial(t, b)
				declare(t, theirs, broker.QueueOptions{Name: "answers"})
				came := make(chan string, enough)
				if _, err := theirs.Consume(t.Context(), "answers", broker.ConsumeOptions{NoAck: true}, func(d broker.Delivery) { came <- string(d.Body) }); err != nil {
					t.Fatal(err)
				}
				for n := range enough - 1 {
					if err := answer(mine, n, true); err != nil || len(came) > 0 {
						t.Fatalf("%v, and %d came", err, len(came))
					}
				}
				last(mine)
				if len(came) < enough-1 {
					t.Fatalf("%d answers came", len(came))
				}
				for n := range enough - 1 {
					if got := <-came; got != strconv.Itoa(n) {
						t.Fatalf("answer %d is %q", n, got)
					}
				}
			})
		})
	}
}

func answer(c *broker.Conn, n int, more bool) error {
	return c.Answer([]byte("answers"), nil, []byte(strconv.Itoa(n)), more)
}

// Where two answers in a row take their time none waits for the next, until they come quickly again. A single one that is late ends nothing.
func TestAnswersThatComeOneByOneDoNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, "")
		mine, theirs := dial(t, b), dial(t, b)
		declare(t, theirs, broker.QueueOptions{Name: "answers"})
		came := 0
		if _, err := theirs.Consume(t.Context(), "answers", broker.ConsumeOptions{NoAck: true}, func(broker.Delivery) { came++ }); err != nil {
			t.Fatal(err)
		}
		for n, step := range []struct {
			after time.Duration
			came  int
		}{
			{0, 0}, {50 * time.Microsecond, 0}, {0, 0}, {50 * time.Microsecond, 0}, {50 * time.Microsecond, 5},
			{50 * time.Microsecond, 6}, {50 * time.Microsecond, 7}, {0, 7}, {0, 7},
		} {
			time.Sleep(step.after)
			if err := answer(mine, n, true); err != nil || came != step.came {
				t.Fatalf("%v, and after answer %d %d have come, want %d", err, n, came, step.came)
			}
		}
		mine.Flush()
	})
}
