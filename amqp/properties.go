package amqp

import (
	"encoding/binary"
	"time"
)

// Delivery modes.
const (
	Transient  uint8 = 1
	Persistent uint8 = 2
)

// Properties are content properties as Go values. Zero values are left out on the
// wire: there is no telling an empty or zero property from an absent one. A table of
// headers is there if it is not nil. The timestamp has whole seconds.
//
// Where messages are only passed on, RawProperties are cheaper and keep every bit.
type Properties struct {
	ContentType     string
	ContentEncoding string
	Headers         Table
	DeliveryMode    uint8 // Transient or Persistent
	Priority        uint8
	CorrelationID   string
	ReplyTo         string
	Expiration      string // milliseconds, in decimal
	MessageID       string
	Timestamp       time.Time
	Type            string
	UserID          string
	AppID           string
	ClusterID       string

	// RawHeaders is an encoded table, its length included, that Headers are added to; nil: there is none. A name that is in both is written twice.
	RawHeaders []byte
}

// Append appends the properties as RawProperties. If a string is longer than 255 octets
// or the headers cannot be encoded, it returns dst as it was and an *Error with code 502.
func (p *Properties) Append(dst []byte) ([]byte, error) {
	start := len(dst)
	w := propertiesWriter{dst: append(dst, 0, 0)}
	w.str(FlagContentType, p.ContentType)
	w.str(FlagContentEncoding, p.ContentEncoding)
	w.headers(p.RawHeaders, p.Headers)
	w.octet(FlagDeliveryMode, p.DeliveryMode)
	w.octet(FlagPriority, p.Priority)
	w.str(FlagCorrelationID, p.CorrelationID)
	w.str(FlagReplyTo, p.ReplyTo)
	w.str(FlagExpiration, p.Expiration)
	w.str(FlagMessageID, p.MessageID)
	w.time(FlagTimestamp, p.Timestamp)
	w.str(FlagType, p.Type)
	w.str(FlagUserID, p.UserID)
	w.str(FlagAppID, p.AppID)
	w.str(FlagClusterID, p.ClusterID)
	if w.err != nil {
		return dst, w.err
	}
	binary.BigEndian.PutUint16(w.dst[start:], w.flags)
	return w.dst, nil
}

// Parse sets all fields from raw; short strings go through in, which may be nil. Nothing
// of raw is kept. It fails with an *Error with code 502 if raw was not checked before and is
// malformed; the fields are then undefined.
func (p *Properties) Parse(raw RawProperties, in *Interner) error {
	err := p.ParseRaw(raw, in)
	if headers := p.RawHeaders; err == nil && headers != nil {
		p.RawHeaders = nil
		_, p.Headers, err = parseTable(headers, in)
	}
	return err
}

// ParseRaw is Parse, but leaves the headers as they are, in RawHeaders, which alias raw. So it does for those, too, that are beyond the bounds of a table.
func (p *Properties) ParseRaw(raw RawProperties, in *Interner) error {
	v, err := raw.View()
	if err != nil {
		return err
	}
	*p = Properties{
		ContentType:     in.String(v.ContentType),
		ContentEncoding: in.String(v.ContentEncoding),
		DeliveryMode:    v.DeliveryMode,
		Priority:        v.Priority,
		CorrelationID:   in.String(v.CorrelationID),
		ReplyTo:         in.String(v.ReplyTo),
		Expiration:      in.String(v.Expiration),
		MessageID:       string(v.MessageID), // as good as never seen twice
		Type:            in.String(v.Type),
		UserID:          in.String(v.UserID),
		AppID:           in.String(v.AppID),
		ClusterID:       in.String(v.ClusterID),
	}
	if v.Flags&FlagTimestamp != 0 {
		p.Timestamp = time.Unix(int64(v.Timestamp), 0).UTC()
	}
	p.RawHeaders = v.Headers
	return nil
}

// A propertiesWriter appends the values that are there and collects their flags.
type propertiesWriter struct {
	dst   []byte
	flags uint16
	err   error
}

func (w *propertiesWriter) str(flag uint16, s string) {
	if s == "" {
		return
	}
	if len(s) > maxShortstr {
		w.err = Errorf(SyntaxError, "content properties: a string of %d octets is too long", len(s))
		return
	}
	w.flags |= flag
	w.dst = append(append(w.dst, uint8(len(s))), s...)
}

func (w *propertiesWriter) octet(flag uint16, v uint8) {
	if v == 0 {
		return
	}
	w.flags |= flag
	w.dst = append(w.dst, v)
}

func (w *propertiesWriter) time(flag uint16, t time.Time) {
	if t.IsZero() {
		return
	}
	w.flags |= flag
	w.dst = binary.BigEndian.AppendUint64(w.dst, uint64(t.Unix()))
}

func (w *propertiesWriter) headers(raw []byte, t Table) {
	if raw == nil && t == nil || w.err != nil {
		return
	}
	w.flags |= FlagHeaders
	if raw == nil {
		w.dst, w.err = AppendTable(w.dst, t)
		return
	}
	at := len(w.dst)
	w.dst = append(w.dst, raw...)
	if len(t) == 0 {
		return
	}
	more, err := AppendTable(nil, t)
	if err != nil {
		w.err = err
		return
	}
	w.dst = append(w.dst, more[4:]...)
	binary.BigEndian.PutUint32(w.dst[at:], uint32(len(w.dst)-at-4))
}
