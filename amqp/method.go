package amqp

import (
	"encoding/binary"
	"fmt"
)

// A Method is a command of the protocol. There is one struct type per method, named
// for its class and itself: basic.publish is [BasicPublish].
type Method interface {
	ID() MethodID

	// Append appends the payload of a method frame: the id and the arguments.
	// If a short string is longer than 255 octets or a table cannot be encoded, it
	// returns dst as it was and an *Error with code 502.
	Append(dst []byte) ([]byte, error)

	// AppendFrame appends a whole method frame, with the errors of Append.
	// It does not look at frame_max: methods cannot be split.
	AppendFrame(dst []byte, channel uint16) ([]byte, error)

	// Parse sets the struct's fields from a method's arguments. Missing and surplus
	// octets are an *Error with code 502; the fields are then undefined. Short strings
	// go through in, which may be nil. Nothing of args is kept.
	// An empty table comes out as nil.
	Parse(args []byte, in *Interner) error
}

// A MethodID is a class and a method number: class<<16 | method.
type MethodID uint32

// Class returns the number of the method's class.
func (id MethodID) Class() uint16 { return uint16(id >> 16) }

// Method returns the method's number in its class.
func (id MethodID) Method() uint16 { return uint16(id) }

// String returns the method's name, such as "basic.publish".
func (id MethodID) String() string {
	if i := id.index(); i >= 0 {
		return methodTable[i].Name
	}
	return fmt.Sprintf("unknown method %d.%d", id.Class(), id.Method())
}

// Info is what the method table says of a method. Replies must not be changed.
type Info struct {
	ID         MethodID
	Name       string     // "basic.publish"
	FromClient bool       // a client may send it
	FromServer bool       // a server may send it
	HasContent bool       // a content header and body follow it
	IsSync     bool       // it is answered by one of Replies, unless it says no-wait
	Replies    []MethodID // in the class of the method
}

// Info returns what the method table says of id, and whether it is there.
func (id MethodID) Info() (Info, bool) {
	if i := id.index(); i >= 0 {
		return methodTable[i], true
	}
	return Info{}, false
}

// MethodIDs returns all methods, in the order of the method table.
func MethodIDs() []MethodID {
	ids := make([]MethodID, len(methodTable))
	for i, info := range methodTable {
		ids[i] = info.ID
	}
	return ids
}

// PeekMethod splits the payload of a method frame into id and arguments, which alias
// it. A payload too short to hold an id is an *Error with code 501. The id need not
// be one that exists.
func PeekMethod(payload []byte) (id MethodID, args []byte, err error) {
	if len(payload) < 4 {
		return 0, nil, Errorf(FrameError, "method frame of %d octets has no room for a method", len(payload))
	}
	return MethodID(binary.BigEndian.Uint32(payload)), payload[4:], nil
}

// ParseMethod parses the payload of a method frame into a new struct. Its errors are
// those of PeekMethod and of Method.Parse, and an *Error with code 540 for a method that
// is not in the method table.
func ParseMethod(payload []byte, in *Interner) (Method, error) {
	id, args, err := PeekMethod(payload)
	if err != nil {
		return nil, err
	}
	m := NewMethod(id)
	if m == nil {
		return nil, &Error{Code: NotImplemented, Text: id.String(), Method: id}
	}
	if err := m.Parse(args, in); err != nil {
		return nil, err
	}
	return m, nil
}

const (
	maxShortstr = 255
	maxLongstr  = 1<<31 - 1
)

func tooLong(id MethodID, field string, n int) error {
	return &Error{Code: SyntaxError, Method: id, Text: fmt.Sprintf("%s of %d octets is too long", field, n)}
}

// bit returns a bit of an octet that several share.
func bit(set bool, at uint) byte {
	var b byte
	if set {
		b = 1
	}
	return b << at
}
