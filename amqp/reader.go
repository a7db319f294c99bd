package amqp

import "encoding/binary"

// A reader consumes fields from the front of b. Once a field did not fit, everything
// after it reads as zero and end reports it, so that a parser need ask only once.
type reader struct {
	b   []byte
	bad bool
	err error // why, if it is known better than "too short"
}

func (r *reader) fail() { r.b, r.bad = nil, true }

func (r *reader) octet() uint8 {
	if len(r.b) < 1 {
		r.fail()
		return 0
	}
	v := r.b[0]
	r.b = r.b[1:]
	return v
}

func (r *reader) short() uint16 {
	if len(r.b) < 2 {
		r.fail()
		return 0
	}
	v := binary.BigEndian.Uint16(r.b)
	r.b = r.b[2:]
	return v
}

func (r *reader) long() uint32 {
	if len(r.b) < 4 {
		r.fail()
		return 0
	}
	v := binary.BigEndian.Uint32(r.b)
	r.b = r.b[4:]
	return v
}

func (r *reader) longlong() uint64 {
	if len(r.b) < 8 {
		r.fail()
		return 0
	}
	v := binary.BigEndian.Uint64(r.b)
	r.b = r.b[8:]
	return v
}

// shortstr returns the content of a short string, without a copy.
func (r *reader) shortstr() []byte {
	if len(r.b) == 0 || len(r.b) <= int(r.b[0]) {
		r.fail()
		return nil
	}
	n := int(r.b[0]) + 1
	s := r.b[1:n:n]
	r.b = r.b[n:]
	return s
}

// longstr returns the content of a long string, without a copy.
func (r *reader) longstr() []byte {
	n := r.long()
	if uint64(n) > uint64(len(r.b)) {
		r.fail()
		return nil
	}
	s := r.b[:n:n]
	r.b = r.b[n:]
	return s
}

// rawTable returns a table with its length, unchecked and without a copy.
func (r *reader) rawTable() []byte {
	if len(r.b) < 4 {
		r.fail()
		return nil
	}
	n := uint64(binary.BigEndian.Uint32(r.b)) + 4
	if n > uint64(len(r.b)) {
		r.fail()
		return nil
	}
	s := r.b[:n:n]
	r.b = r.b[n:]
	return s
}

// table parses a table; an empty one is nil.
func (r *reader) table(in *Interner) Table {
	if r.bad {
		return nil
	}
	if len(r.b) >= 4 && binary.BigEndian.Uint32(r.b) == 0 {
		r.b = r.b[4:]
		return nil
	}
	rest, t, err := parseTable(r.b, in)
	if err != nil {
		r.fail()
		r.err = err
		return nil
	}
	r.b = rest
	return t
}

// end reports whether the fields of a method took exactly what was there.
func (r *reader) end(id MethodID) error {
	if !r.bad && len(r.b) == 0 {
		return nil
	}
	return r.trouble(id)
}

func (r *reader) trouble(id MethodID) error {
	switch {
	case r.err != nil:
		return inMethod(r.err, id)
	case r.bad:
		return &Error{Code: SyntaxError, Method: id, Text: "the arguments end too early"}
	}
	return &Error{Code: SyntaxError, Method: id, Text: "octets follow the last argument"}
}
