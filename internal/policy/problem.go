package policy

import "errors"

// A Problem is something that is wrong with a policy, in two wordings.
type Problem struct {
	Term  string // RabbitMQ's, which clients of its management interface know
	Plain string // for people: what is wrong, and what is wanted in its place
}

// termOf is why a pattern does not compile, in RabbitMQ's words if there are any.
func termOf(err error) string {
	var t interface{ Term() string }
	if errors.As(err, &t) {
		return t.Term()
	}
	return err.Error()
}
