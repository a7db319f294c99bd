package core

import (
	"time"

	"github.com/postrider-mq/postrider/amqp"
)

// argConsumerPriority is an argument of consumers; argConsumerTimeout is another.
const argConsumerPriority = "x-priority"

// Ask sets what the arguments of a basic.consume ask for. Errors: 406, in RabbitMQ's words.
func (s *ConsumeSpec) Ask(v *VHost, args amqp.Table) error {
	priority, err := s.arg(v, args, argConsumerPriority, badWhole)
	if err != nil {
		return err
	}
	patience, err := s.arg(v, args, argConsumerTimeout, badCount)
	if err != nil {
		return err
	}
	s.Priority = int32(min(max(priority, -1<<31), 1<<31-1))
	if _, asked := args[argConsumerTimeout]; asked {
		s.Patience = patienceOf(patience)
	}
	return nil
}

// arg returns a number among the arguments, 0 where it is not given.
func (s *ConsumeSpec) arg(v *VHost, args amqp.Table, key string, problem func(any, amqp.Table) string) (int64, error) {
	value, ok := args[key]
	if !ok {
		return 0, nil
	}
	if problem := problem(value, args); problem != "" {
		return 0, amqp.Errorf(amqp.PreconditionFailed, "invalid arg '%s' for queue '%s' in vhost '%s': %s", key, s.Queue, v.Name, problem)
	}
	n, _ := amqp.Integer(value)
	return n, nil
}

func badWhole(v any, _ amqp.Table) string {
	if _, ok := amqp.Integer(v); !ok {
		return NotInteger(v)
	}
	return ""
}

// patienceOf is a timeout of so many milliseconds. One of none is over at the next look.
func patienceOf(ms int64) time.Duration {
	return max(1, time.Duration(min(ms, maxTTL))*millisecond)
}
