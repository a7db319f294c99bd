// Package amqp is the wire codec of AMQP 0-9-1: frames, methods, content headers,
// field tables and protocol errors, from bytes to values and back. It opens no
// socket, starts no goroutine and keeps no state but an optional [Interner].
//
// # What is on the wire
//
// After the eight octets of [ProtocolHeader] everything is a frame:
//
//	0      1         3             7                    size+7
//	+------+---------+-------------+--------------------+------+
//	| type | channel | size        | payload            | 0xCE |
//	+------+---------+-------------+--------------------+------+
//	 octet   short     long          size octets          octet
//
// A method frame's payload is a [MethodID] (class and method, two octets each) and
// the method's arguments. A method that carries content (see [Info]) is followed by
// one header frame, and by body frames until the announced size is reached:
//
//	header payload: class short | weight short (0) | body size longlong | properties
//	properties:     flags short | the values whose flag is set, in the flags' order
//
// All numbers are big-endian. A short string has a length of one octet, a long
// string and a table one of four.
//
// # Reading
//
// [ParseFrame] cuts a frame off the front of a buffer without copying it; a frame's
// payload is only as good as the buffer under it. [PeekMethod] says which method it
// holds. Busy methods are parsed into a struct that the caller reuses:
//
//	rest, f, ok, err := amqp.ParseFrame(buf, frameMax)
//	id, args, err := amqp.PeekMethod(f.Payload)
//	if id == amqp.BasicPublishID {
//		err = publish.Parse(args, &names)
//	}
//
// and the others by [ParseMethod], which allocates one. Strings are copied out of
// the buffer; an Interner makes the copies of repeated names free.
// Content properties stay as they came, as [RawProperties]: validated once by
// [ParseHeader], looked into with [RawProperties.View], passed on as they are.
//
// # Writing
//
// Everything appends itself to a slice and returns the longer one: a method with
// its AppendFrame, content with [AppendHeaderFrame] and [AppendBodyFrames]. If an
// Append returns an error, the slice it returns is the one it was given.
//
// # Bounds
//
// Nothing is allocated for a length or a count that the bytes at hand do not bear
// out, and tables are bounded in depth, entries and octets ([MaxTableDepth],
// [MaxTableEntries], [MaxTableBytes]) before anything is built from them.
// What breaks the protocol comes back as an [*Error], whose code says what is to
// be closed because of it.
//
// # The method table
//
// The structs, one per method, are generated from methods.txt, which lists the methods
// of the specification and of RabbitMQ's extensions with their fields, who may send
// them, what answers them and whether content follows. [MethodID.Info] tells the
// same at run time.
package amqp

//go:generate go run ./internal/gen
