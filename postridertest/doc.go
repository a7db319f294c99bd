// Package postridertest is a network of nodes and brokers in memory, for tests of programs that pass messages with
// postrider. It needs no sockets, no files and nothing that is installed, and it can be broken where a test wants to know what
// happens then.
//
// # A first test
//
// A [Network] has places with names. Those that are given to [New] know each other as peers; [Network.Node] starts a node at one. A node
// that does not start fails the test, and everything ends with it.
//
//	func TestTheWarehouseAnswers(t *testing.T) {
//		net := postridertest.New(t, "shop", "warehouse")
//		shop, warehouse := net.Node("shop"), net.Node("warehouse")
//		serve(warehouse) // what is to be tested: it calls warehouse.Handle
//		answer, err := postrider.Call[string](t.Context(), shop.Peer("warehouse"), "lamps")
//		…
//	}
//
// A program is easy to test this way when it takes a *[postrider.Node], or a [postrider.Config] that the test has altered, and does not start
// its node by itself.
//
// # Mailboxes
//
// A node has a broker embedded in it, and mailboxes of its own. [Network.Broker] is one that several nodes use:
//
//	mq := net.Broker("mq")
//	shop, warehouse := net.Node("shop", mq.Use), net.Node("warehouse", mq.Use)
//
// With a directory, see [Network.BrokerWith], it can be restarted, by [Broker.Restart], and has what it had confirmed.
//
// # Sealed messages
//
// [NewKeys] makes keys for [postrider.Config.Keys], and [Keys.For] gives them to a node:
//
//	keys := postridertest.NewKeys(t, "peer:warehouse", "mailbox:orders")
//	shop, warehouse := net.Node("shop", keys.For("shop")), net.Node("warehouse", keys.For("warehouse", "mailbox:orders"))
//
// # Time
//
// In a bubble of [testing/synctest] time passes by itself as soon as everybody waits: retries, deadlines and backoffs of hours take nothing, and
// a test can say exactly when something happens.
//
//	synctest.Test(t, func(t *testing.T) {
//		net := postridertest.New(t, "shop", "warehouse")
//		…
//		synctest.Wait() // until nothing happens any more
//	})
//
// Use a network in one bubble only, and the t of the bubble. Give what waits a context with a deadline, of an hour if you like: t.Context() has none, and a
// send to who is not there waits as long as its context lets it. Nodes go on trying meanwhile, so time never stands still, and synctest does not notice.
//
// # What happened
//
// [Network.Record] notes what is sent, delivered, handled and failed, by whom and in which order. A test waits for what is to happen:
//
//	rec := net.Record() // before the nodes start
//	…
//	rec.Wait(ctx,
//		postridertest.Event{What: postridertest.Failed, ID: "order 7"},
//		postridertest.Event{What: postridertest.Handled, ID: "order 7", Node: "warehouse"})
//	rec.Never(postridertest.Event{What: postridertest.Dead})
//
// When the test fails, whatever the reason, its log has the record:
//
//	   0s  shop: sent to mailbox orders "a lamp" (send, id order 7)
//	   0s  shop: confirmed at mailbox orders "a lamp" (send, stored, id order 7)
//	   0s  warehouse: delivered at orders from shop "a lamp" (id order 7)
//	   0s  warehouse: failed at orders from shop "a lamp" (id order 7): out of lamps
//	100ms  warehouse: delivered at orders from shop "a lamp" (id order 7, failed once before)
//	100ms  warehouse: handled at orders from shop "a lamp" (id order 7, failed once before)
//
// A [Recorder] works without a network, too: [NewRecorder], and [Recorder.Watch] for each node's Config.
//
// # Faults
//
// [Network.Cut], [Network.Isolate] and [Network.Split] are noticed at once by both sides; [Network.Mute] is not, and only deadlines and
// heartbeats help; [Network.Slow] delays. To break something in the midst of what a message goes through, do so in a handler or in middleware. A node that is closed and started anew under its name is a process that was restarted; with
// [postrider.Config.Dir] it has its outbox and inbox.
//
//	net.Cut("shop")            // its connections break, and are made again
//	net.Isolate("warehouse")   // until net.Rejoin("warehouse")
//	net.Split("shop", "mq")    // until net.Heal("shop", "mq")
//	mq.Restart()
//
// What a node or broker logs is discarded unless its configuration has a Logger.
package postridertest
