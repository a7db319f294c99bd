package differential

import (
	"testing"

	"github.com/postrider-mq/postrider/amqp"
)

// A queue bound to an exchange that shares out is one of the queues of what is published from then on until it is unbound, and no
// other may have messages with the same key meanwhile.
func TestWhatAQueueIsToASharedMessage(t *testing.T) {
	x := newSharing()
	publish := func(body string) {
		x.before(&Step{Method: &amqp.BasicPublish{Exchange: "e0", RoutingKey: "a"}, Body: body})
	}
	want := func(body, queue, verdict string) {
		t.Helper()
		if got := x.verdict(body, queue); got != verdict {
			t.Errorf("%s in %s is %q, want %q", body, queue, got, verdict)
		}
	}
	bind := func(queue string) {
		x.after(&Step{Method: &amqp.QueueBind{Queue: queue, Exchange: "e0"}}, []string{"queue.bind-ok"})
	}
	bind("q0")
	bind("q1")
	x.after(&Step{Method: &amqp.QueueBind{Queue: "q2", Exchange: "e0"}}, []string{"channel.close"})
	publish("m0")
	publish("m1")
	x.after(&Step{Method: &amqp.QueueUnbind{Queue: "q0", Exchange: "e0"}}, []string{"queue.unbind-ok"})
	publish("m2")

	want("m0", "q0", "in one of the queues")
	want("m1", "q0", "in one of the queues")
	want("m1", "q1", "in another queue than the messages before it that had its key")
	want("m1", "q2", "in a queue that was not bound")
	want("m2", "q0", "in a queue that was not bound")
	want("m2", "q1", "in one of the queues")
}
