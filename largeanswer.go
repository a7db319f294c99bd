package postrider

import (
	"context"
	"errors"
	"fmt"

	"github.com/postrider-mq/postrider/amqp"
)

// Nobody waits for the confirm of an answer. A broker that will not take one, because it is too large, would leave the caller waiting: so of
// large ones it is looked at, and the caller is told.
const largeAnswer = 1 << 20

// inItsPlace is about what takes the place of an answer that is too large.
const inItsPlace = 1 << 10

// minded has a broker's refusal of a large answer told to the caller.
func (m *Message) minded(d *draft) {
	size := len(d.body)
	if size < largeAnswer {
		return
	}
	if d.more == nil {
		d.more = new(extras)
	}
	d.more.fate = func(err error) {
		var refused *amqp.Error
		if errors.As(err, &refused) {
			go m.answerInstead(refusedAnswer(size, refused.Text))
		}
	}
}

// unsent has the caller told of an answer that is known beforehand to be too large.
func (m *Message) unsent(size int, err error) {
	if !errors.Is(err, ErrTooLarge) || size < inItsPlace {
		return
	}
	why := errors.Unwrap(err).Error()
	if refused := new(amqp.Error); errors.As(err, &refused) {
		why = refused.Text
	}
	m.answerInstead(refusedAnswer(size, why))
}

func refusedAnswer(size int, why string) *RemoteError {
	return &RemoteError{Code: int(amqp.PreconditionFailed), Reason: fmt.Sprintf("the answer of %d bytes was refused: %s", size, why)}
}

// answerInstead takes the place of an answer that did not reach the caller.
func (m *Message) answerInstead(why *RemoteError) {
	m.log().Warn("an answer was refused, and its caller is told so", "message", m.ID, "to", m.From, "error", why)
	m.replied.Store(false)
	_ = m.Reply(context.Background(), why) // who asked is told, or gone
}
