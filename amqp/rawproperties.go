package amqp

import (
	"math/bits"
	"strconv"
)

// Flags of the properties, in the order in which their values are on the wire.
const (
	FlagContentType uint16 = 1 << (15 - iota)
	FlagContentEncoding
	FlagHeaders
	FlagDeliveryMode
	FlagPriority
	FlagCorrelationID
	FlagReplyTo
	FlagExpiration
	FlagMessageID
	FlagTimestamp
	FlagType
	FlagUserID
	FlagAppID
	FlagClusterID

	flagsUnknown uint16 = 1<<1 | 1<<0 // no property; the last would announce more flags
)

// RawProperties are content properties as on the wire: the flags and the values.
// ParseHeader returns them checked. Nil and empty mean no properties.
type RawProperties []byte

// A PropertiesView shows the values of RawProperties without copying them. Flags tell which
// are there; the others are zero. Headers is a whole encoded table, its length
// included, for ParseTable, CheckTable or LookupTable.
type PropertiesView struct {
	Flags           uint16
	DeliveryMode    uint8
	Priority        uint8
	Timestamp       uint64 // seconds since 1970
	ContentType     []byte
	ContentEncoding []byte
	Headers         []byte
	CorrelationID   []byte
	ReplyTo         []byte
	Expiration      []byte
	MessageID       []byte
	Type            []byte
	UserID          []byte
	AppID           []byte
	ClusterID       []byte
}

// View splits p into its values, which alias p, and allocates nothing. It does not
// look into the headers. It fails with an *Error with code 502 if p was not checked
// before and is malformed.
func (p RawProperties) View() (v PropertiesView, err error) {
	if len(p) == 0 {
		return v, nil
	}
	r := reader{b: p}
	flags := r.short()
	v.Flags = flags
	if flags&(FlagContentType|FlagContentEncoding|FlagHeaders) != 0 {
		if flags&FlagContentType != 0 {
			v.ContentType = r.shortstr()
		}
		if flags&FlagContentEncoding != 0 {
			v.ContentEncoding = r.shortstr()
		}
		if flags&FlagHeaders != 0 {
			v.Headers = r.rawTable()
		}
	}
	if flags&FlagDeliveryMode != 0 {
		v.DeliveryMode = r.octet()
	}
	if flags&FlagPriority != 0 {
		v.Priority = r.octet()
	}
	if flags&(FlagPriority-1) != 0 {
		v.afterPriority(&r)
	}
	if r.bad || len(r.b) != 0 || flags&flagsUnknown != 0 {
		return PropertiesView{}, errProperties(&r, flags)
	}
	return v, nil
}

func (v *PropertiesView) afterPriority(r *reader) {
	flags := v.Flags
	if flags&FlagCorrelationID != 0 {
		v.CorrelationID = r.shortstr()
	}
	if flags&FlagReplyTo != 0 {
		v.ReplyTo = r.shortstr()
	}
	if flags&FlagExpiration != 0 {
		v.Expiration = r.shortstr()
	}
	if flags&FlagMessageID != 0 {
		v.MessageID = r.shortstr()
	}
	if flags&FlagTimestamp != 0 {
		v.Timestamp = r.longlong()
	}
	if flags&FlagType != 0 {
		v.Type = r.shortstr()
	}
	if flags&FlagUserID != 0 {
		v.UserID = r.shortstr()
	}
	if flags&FlagAppID != 0 {
		v.AppID = r.shortstr()
	}
	if flags&FlagClusterID != 0 {
		v.ClusterID = r.shortstr()
	}
}

// DeliveryMode returns the delivery mode, or 0 if there is none. It reads no
// further than that and allocates nothing.
func (p RawProperties) DeliveryMode() uint8 {
	r := reader{b: p}
	if flags := r.short(); flags&FlagDeliveryMode != 0 {
		r.toDeliveryMode(flags)
		return r.octet()
	}
	return 0
}

// Expiration returns the expiration as the number that it should be, in milliseconds; ok is false if there is none, or it is none. It reads no
// further than that and allocates nothing.
func (p RawProperties) Expiration() (ms int64, ok bool) {
	r := reader{b: p}
	flags := r.short()
	if flags&FlagExpiration == 0 {
		return 0, false
	}
	r.toCorrelationID(flags)
	r.skipShortstrs(flags & (FlagCorrelationID | FlagReplyTo))
	return number(r.shortstr())
}

// number is what digits say, as nearly all are; others are left to strconv.
func number(digits []byte) (n int64, ok bool) {
	for _, c := range digits {
		c -= '0'
		if c > 9 || len(digits) > 18 {
			n, err := strconv.ParseInt(string(digits), 10, 64)
			return n, err == nil
		}
		n = 10*n + int64(c)
	}
	return n, len(digits) > 0
}

// toDeliveryMode skips what comes before the delivery mode.
func (r *reader) toDeliveryMode(flags uint16) {
	if flags&(FlagContentType|FlagContentEncoding|FlagHeaders) == 0 {
		return
	}
	r.skipShortstrs(flags & (FlagContentType | FlagContentEncoding))
	if flags&FlagHeaders != 0 {
		r.rawTable()
	}
}

func (r *reader) toCorrelationID(flags uint16) {
	r.toDeliveryMode(flags)
	if flags&FlagDeliveryMode != 0 {
		r.octet()
	}
	if flags&FlagPriority != 0 {
		r.octet()
	}
}

// WithReplyTo returns a copy of p with another reply-to in place of the one that is there. It fails with an *Error with
// code 502 if there is none, the new one is longer than 255 octets, or p was not checked before and is malformed.
func (p RawProperties) WithReplyTo(name string) (RawProperties, error) {
	r := reader{b: p}
	flags := r.short()
	r.toCorrelationID(flags)
	r.skipShortstrs(flags & FlagCorrelationID)
	at := len(p) - len(r.b)
	r.shortstr()
	switch {
	case flags&FlagReplyTo == 0:
		return nil, Errorf(SyntaxError, "there is no reply-to to be replaced")
	case r.bad:
		return nil, errProperties(&r, flags)
	case len(name) > maxShortstr:
		return nil, Errorf(SyntaxError, "a reply-to of %d octets is longer than %d", len(name), maxShortstr)
	}
	q := make([]byte, 0, at+1+len(name)+len(r.b))
	q = append(append(q, p[:at]...), byte(len(name)))
	return append(append(q, name...), r.b...), nil
}

// check checks everything about p but what is in the headers, which it returns; nil if there are none.
func (p RawProperties) check() (headers []byte, err error) {
	r := reader{b: p}
	flags := r.short()
	if flags&(FlagContentType|FlagContentEncoding|FlagHeaders) != 0 {
		r.skipShortstrs(flags & (FlagContentType | FlagContentEncoding))
		if flags&FlagHeaders != 0 {
			headers = r.rawTable()
		}
	}
	if flags&FlagDeliveryMode != 0 {
		r.octet()
	}
	if flags&FlagPriority != 0 {
		r.octet()
	}
	if flags&(FlagPriority-1) != 0 {
		r.skipShortstrs(flags & (FlagCorrelationID | FlagReplyTo | FlagExpiration | FlagMessageID))
		if flags&FlagTimestamp != 0 {
			r.longlong()
		}
		r.skipShortstrs(flags & (FlagType | FlagUserID | FlagAppID | FlagClusterID))
	}
	if r.bad || len(r.b) != 0 || flags&flagsUnknown != 0 {
		return nil, errProperties(&r, flags)
	}
	return headers, nil
}

// skipShortstrs skips one short string for each flag.
func (r *reader) skipShortstrs(flags uint16) {
	for range bits.OnesCount16(flags) {
		r.shortstr()
	}
}

func errProperties(r *reader, flags uint16) error {
	switch {
	case flags&flagsUnknown != 0:
		return Errorf(SyntaxError, "content properties: flags 0x%04x name no property", flags&flagsUnknown)
	case r.bad:
		return &Error{Code: SyntaxError, Text: "content properties end too early"}
	}
	return &Error{Code: SyntaxError, Text: "octets follow the content properties"}
}
