package postrider_test

import (
	"strings"
	"testing"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/broker"
)

// A queue in a node's directory that has the name of the one for control messages keeps it from starting: the error says which, and what to do. What is in
// the queue is not lost.
func TestAQueueInThePlaceOfTheControlMessages(t *testing.T) {
	dir := t.TempDir()
	alice := start(t, postrider.Config{Name: "alice", Dir: dir})
	if err := alice.Mailbox("bob.control").Send(soon(t), "x"); err != nil {
		t.Fatal(err)
	}
	alice.Close()
	_, err := postrider.Start(soon(t), postrider.Config{Name: "bob", Dir: dir})
	if err == nil {
		t.Fatal("it started")
	}
	for _, says := range []string{`queue "bob.control" in Config.Dir`, "control messages", "give the node another name", "work off and delete the queue"} {
		if !strings.Contains(err.Error(), says) {
			t.Errorf("%q does not say %q", err, says)
		}
	}
	alice = start(t, postrider.Config{Name: "alice", Dir: dir})
	for m, err := range alice.Messages(soon(t), postrider.Of(alice.Mailbox("bob.control"))) {
		if err != nil || string(m.Body) != "x" {
			t.Error(m, err)
		}
		m.Ack()
		break
	}
	c, err := postrider.BrokerOf(alice).Dial(broker.DialConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.DeleteQueue(t.Context(), "bob.control"); err != nil {
		t.Fatal(err)
	}
	alice.Close()
	start(t, postrider.Config{Name: "bob", Dir: dir})
}

// A mailbox in a node's own memory cannot have the name of its control messages: it would take them, and they it.
func TestAMailboxInThePlaceOfTheControlMessages(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		bob := net.node("bob")
		for _, box := range []*postrider.Target{bob.Mailbox("bob.control"), bob.Mailbox("bob.control", postrider.SingleActive())} {
			err := box.Send(t.Context(), "x")
			if err == nil || !strings.Contains(err.Error(), "for control messages") {
				t.Error(err)
			}
			if err := loopError(t, bob, box); err == nil || !strings.Contains(err.Error(), "for control messages") {
				t.Error(err)
			}
		}
		net.broker()
		carol := net.node("carol", onBroker)
		if err := carol.Mailbox("carol.control").Send(t.Context(), "x"); err != nil { // it is there, and no other
			t.Error(err)
		}
		wantBody(t, collect(t, carol, carol.Mailbox("carol.control")), "x")
	})
}
