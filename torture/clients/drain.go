package clients

import (
	"fmt"
	"time"
)

// Drain consumes and acknowledges whatever is left, until every queue is empty.
func (s *Stage) Drain(seed uint64) error {
	for q := range queues {
		s.Enter(newConsumer(q, 99, habits{prefetch: 200, multiple: true, noAck: queues[q].NoAck}, seed))
	}
	deadline := time.Now().Add(2 * time.Minute)
	for calm := 0; calm < 3; calm++ { // unacknowledged messages are not counted: look again
		left, err := s.Left()
		if err != nil {
			return err
		}
		if len(left) > 0 {
			calm = 0
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("hang: the queues are not empty after two minutes: %v", left)
		}
		time.Sleep(100 * time.Millisecond)
	}
	return nil
}

// Left returns how many messages are ready in each queue that has any.
func (s *Stage) Left() (map[string]int, error) {
	l, err := s.connect("looking")
	if err != nil {
		return nil, err
	}
	defer l.hangUp()
	left := map[string]int{}
	for _, q := range queues {
		err := s.do("look at "+q.Name, func() error {
			found, err := l.ch.QueueDeclarePassive(q.Name, true, false, false, false, nil)
			if err != nil {
				return err
			}
			if found.Messages > 0 {
				left[q.Name] = found.Messages
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return left, nil
}
