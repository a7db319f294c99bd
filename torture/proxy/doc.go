// Package proxy stands between nodes and brokers, on real sockets, and makes the network between them bad under a seed:
//
//	node ──► proxy ══► another node, or the broker
//
// It refuses connections, cuts them at any byte with or without a word, lets them stand still in one direction or both, delays and
// splits what passes, keeps one side open when the other has gone, so that a new connection lives beside the old one, and says to a
// peer once more, on a connection of its own, what a sender has said.
package proxy
