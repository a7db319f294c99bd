// Package pack puts several small messages of one sender to one inbox into one, so that what a broker and a protocol cost for each message is
// paid once for many.
//
// A pack is an AMQP message with the content-encoding [Encoding]. Its other properties are those of each message in it, but
// for the message-id. That of each is in the body, as a name, beside its own body:
//
//	name │ length of body (varint) │ body │ name │ …
//
// A name is the id, with its length before it, or a count: for an id that is the pack's message-id, and that count to the base 36 behind it, as those that a node
// makes are. Packs with counted names are sent to nobody but who has said that he knows them, see [Counts].
//
//	length of id (1 octet, not 0) │ id
//	0 │ count (7 octets)
//
// It is sent to nobody but an inbox whose owner has said in connection.start how many messages he takes in one, see [Property]. Nobody waits for a pack to
// become full: it holds what waited together for the socket. It has no fate of its own. Its confirm is that of each message in it, and at the other
// side each is handed out, settled and known again by itself.
package pack
