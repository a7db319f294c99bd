package postrider_test

import (
	"context"
	"io"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/postrider-mq/postrider"
)

// waits are the calls that wait for somebody.
func waits(n *postrider.Node) map[string]func(ctx context.Context) {
	all := map[string]func(ctx context.Context){
		"shutdown": func(ctx context.Context) { n.Shutdown(ctx) },
		"peers": func(ctx context.Context) {
			for range n.Peers(ctx) {
			}
		},
		"loop from bob": func(ctx context.Context) {
			for range n.Messages(ctx, postrider.From("bob")) {
			}
		},
		"ping": func(ctx context.Context) { n.Peer("bob").Ping(ctx) },
	}
	jobs := n.Mailbox("jobs")
	for name, target := range map[string]*postrider.Target{
		"a peer": n.Peer("bob"), "a stranger": n.Peer("zoe"), "a peer by way of the brokers": n.Peer("carol", postrider.Relay()),
		"a mailbox": jobs, "partitions": n.Mailbox("parts", postrider.Partitions(3)), "a topic": n.Topic("news"),
	} {
		for until, opts := range map[string][]postrider.SendOption{"": nil, " until it is handled": {postrider.Until(postrider.Handled)}} {
			all["send to "+name+until] = func(ctx context.Context) { target.Send(ctx, "x", opts...) }
			all["receipt from "+name+until] = func(ctx context.Context) {
				if rc, err := target.Post(ctx, "x", opts...); err == nil {
					rc.Wait(ctx)
				}
			}
		}
		all["call to "+name] = func(ctx context.Context) { postrider.Call[string](ctx, target, "x") }
		all["gather from "+name] = func(ctx context.Context) {
			for range postrider.Gather[string](ctx, []*postrider.Target{target, jobs}, "x") {
			}
		}
	}
	for name, target := range map[string]*postrider.Target{
		"a mailbox": jobs, "partitions": n.Mailbox("parts", postrider.Partitions(3)), "one that serves one": n.Mailbox("single", postrider.SingleActive()),
		"a topic": n.Topic("news"), "dead letters": jobs.Dead(),
	} {
		all["handle "+name] = func(ctx context.Context) {
			n.Handle(ctx, target, func(context.Context, *postrider.Message) error { return nil })
		}
		all["loop over "+name] = func(ctx context.Context) {
			for range n.Messages(ctx, postrider.Of(target)) {
			}
		}
	}
	return all
}

// Whatever waits returns within a second of its context's end, however peers and brokers fall silent.
func TestEveryCallEndsWithItsContext(t *testing.T) {
	others := func(net *network) {
		net.broker()
		net.node("bob", onBroker)
	}
	for how, silence := range map[string]func(net *network, alice *postrider.Node){
		"they say nothing": func(net *network, _ *postrider.Node) {
			for _, address := range []string{"mq:1", "bob:1"} {
				ln := net.listen(address)
				net.t.Cleanup(func() { ln.Close() })
				go func() {
					for c, err := ln.Accept(); err == nil; c, err = ln.Accept() {
						go io.Copy(io.Discard, c)
					}
				}()
			}
		},
		"they are not reached": func(net *network, _ *postrider.Node) {
			others(net)
			net.Mute("alice")
		},
		"they say nothing more": func(net *network, alice *postrider.Node) {
			others(net)
			for _, target := range []*postrider.Target{alice.Peer("bob"), alice.Mailbox("jobs"), alice.Topic("news")} {
				if err := target.Send(within(net.t, time.Minute), "x", postrider.Transient()); err != nil {
					net.t.Fatal(err)
				}
			}
			collect(net.t, alice, alice.Mailbox("more"))
			net.Mute("alice")
		},
	} {
		t.Run(how, func(t *testing.T) {
			var names []string
			inMemory(t, func(t *testing.T, net *network) { names = slices.Sorted(maps.Keys(waits(net.node("alice")))) })
			for _, name := range names {
				for _, long := range []time.Duration{time.Second, 40 * time.Second} {
					inMemory(t, func(t *testing.T, net *network) {
						alice := net.node("alice", onBroker)
						silence(net, alice)
						ctx := within(t, long)
						waits(alice)[name](ctx)
						if deadline, _ := ctx.Deadline(); time.Since(deadline) > time.Second {
							t.Errorf("%s: it took %v, of %v", name, long+time.Since(deadline), long)
						}
						net.Unmute("alice")
					})
				}
			}
		})
	}
}
