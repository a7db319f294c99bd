package differential

import (
	"regexp"

	"github.com/postrider-mq/postrider/amqp"
)

// A deliberate difference. Theirs and ours are what only one side shows in a
// step, its lines joined; step, if there is one, says which steps are meant.
type deliberate struct {
	name   string
	why    string
	theirs *regexp.Regexp
	ours   *regexp.Regexp
	step   amqp.MethodID
	parts  bool // afterwards the brokers cannot be compared any more
}

var deliberates = []deliberate{}

// excuse finds the entry that a difference falls under.
func excuse(s *Step, d *Difference) *deliberate {
	theirs, ours := joined(missing(d.Theirs, d.Ours)), joined(missing(d.Ours, d.Theirs))
	for i := range deliberates {
		x := &deliberates[i]
		if x.step != 0 && (s == nil || s.Method == nil || s.Method.ID() != x.step) {
			continue
		}
		if x.theirs.MatchString(theirs) && x.ours.MatchString(ours) {
			return x
		}
	}
	return nil
}

func joined(lines []string) (text string) {
	for _, line := range lines {
		text += line + "\n"
	}
	return text
}
