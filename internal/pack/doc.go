// Package pack puts several small messages of one sender to one inbox into one, so that what a broker and a protocol cost for each message is
// paid once for many.
//
// A pack is an AMQP message with the content-encoding [Encoding] and no message-id. Its other properties are those of each message in it, but
// for the message-id, which is in the body, beside each message's own:
//
//	length of id (1 octet) │ id │ length of body (varint) │ body │ length of id │ …
//
// It is sent to nobody but an inbox whose owner has said in connection.start how many messages he takes in one, see [Property]. Nobody waits for a pack to
// become full: it holds what waited together for the socket. It has no fate of its own. Its confirm is that of each message in it, and at the other
// side each is handed out, settled and known again by itself.
package pack
