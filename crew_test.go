package postrider

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// ackedOnly is a settler of what is only acknowledged.
type ackedOnly struct{ settler }

func (ackedOnly) ack(uint64) error { return nil }

// Who may publish on the broker can say that any number of workers is there. So many are believed, for so long, and a worker goes on to say that it is there itself.
func TestSoManyWorkersAreBelieved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shift{id: "me", workers: map[string]worker{"me": {every: beatEvery}}}
		say := func(who string) {
			body := fmt.Appendf(nil, `{"worker": %q, "every": 1000}`, who)
			s.news = append(s.news, arrival{body: body, from: ackedOnly{}})
		}
		for i := range 10 * mostWorkers {
			say(fmt.Sprint("nobody ", i))
		}
		s.hear()
		if n := len(s.workers); n > mostWorkers {
			t.Errorf("%d workers are known", n)
		}
		if d := s.every(); d > longestBeat {
			t.Errorf("others are to hear of it after %v", d)
		}
		time.Sleep(missedBeats*beatEvery + time.Second)
		say("me")
		s.hear()
		s.forgetTheGone()
		say("another")
		s.hear()
		if len(s.workers) != 2 {
			t.Errorf("%d workers are known after those that were not there have been silent", len(s.workers))
		}
	})
}
