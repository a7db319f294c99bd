package postrider

import "strconv"

// Step is something that happens to a message at the node that receives it, see [Config.Observe].
type Step uint8

const (
	_ Step = iota
	// StepDelivered: it was handed to a handler or a loop.
	StepDelivered
	// StepHandled: its handler returned nil, or it was acknowledged with [Message.Ack].
	StepHandled
	// StepFailed: its handler returned an error or panicked. It comes again, or is a dead letter; the caller of a [Call] has the error.
	StepFailed
	// StepReturned: it was put back, and comes again: by [Message.Requeue], by [Retry], or because the handling ended first.
	StepReturned
	// StepDead: it is safe among the dead letters, see [Target.Dead]. Who receives those may have it before this is known here.
	StepDead
)

func (s Step) String() string {
	switch s {
	case StepDelivered:
		return "delivered"
	case StepHandled:
		return "handled"
	case StepFailed:
		return "failed"
	case StepReturned:
		return "returned"
	case StepDead:
		return "dead"
	}
	return "step " + strconv.Itoa(int(s))
}

// observed tells who has asked for it. All but StepDead are told before others see what comes of them.
func (m *Message) observed(s Step, err error) {
	if tell := m.tap.target.node.cfg.Observe; tell != nil {
		tell(m, s, err)
	}
}
