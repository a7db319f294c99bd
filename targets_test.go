package postrider

import (
	"context"
	"errors"
	"testing"
)

// While the disk of the embedded broker does not answer who declares there, others go on; only who asks for the same target waits as well.
func TestADiskThatDoesNotAnswerHoldsUpNoOtherTarget(t *testing.T) {
	n, err := Start(t.Context(), Config{Name: "alice"})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	jobs := n.Mailbox("jobs")
	refused := errors.New("the disk answers")
	answers, asked, got := make(chan struct{}), make(chan struct{}), make(chan *Target)
	slow := func() {
		got <- n.target(targetKey{kind: "mailbox", name: "slow"}, func(s *Target) {
			s.name, s.way = "slow", jobs.way
			s.needs = append(s.needs, func(context.Context) error {
				close(asked)
				<-answers
				return refused
			})
		})
	}
	go slow()
	<-asked
	go slow()
	if n.Mailbox("jobs") != jobs || n.Mailbox("other").why != nil || n.Topic("prices").why != nil {
		t.Error("other targets are not what they are")
	}
	n.Peer("bob")
	n.Inbox()
	n.Stats()
	close(answers)
	first, second := <-got, <-got
	if first != second || !errors.Is(first.why, refused) || first.way != nil {
		t.Errorf("%v, %v", first.why, second.why)
	}
}
