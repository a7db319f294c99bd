// Package postridertest is a network of nodes and brokers in memory, for tests of programs that pass messages with
// postrider. It needs no sockets and no files, runs under [testing/synctest] in time that passes by itself, and can be broken
// where a test wants to know what happens then:
//
//	func TestOrdersSurviveALostConnection(t *testing.T) {
//		synctest.Test(t, func(t *testing.T) {
//			net := postridertest.New(t, "shop", "warehouse")
//			mq := net.Broker("mq")
//			shop := net.Node("shop", mq.Use)
//			warehouse := net.Node("warehouse", mq.Use)
//			…
//			net.Cut("shop") // its connections break; they are made again
//			…
//		})
//	}
//
// Cut, Isolate and Split are noticed at once; Mute is not, and only deadlines help; Slow delays.
//
// Everything ends with the test. What a node logs is discarded unless its Config has a Logger.
package postridertest
