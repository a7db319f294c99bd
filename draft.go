package postrider

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/client"
	"github.com/postrider-mq/postrider/internal/seal"
)

// A draft is a message on its way out.
type draft struct {
	id    messageID
	style style
	body  []byte
	more  *extras // nil for most

	secret *seal.Secret // it is sealed under; nil: it is not
}

// extras are what few messages have: they cost an envelope of their own.
type extras struct {
	contentType string // in place of the style's
	key         string
	headers     amqp.Table
	expires     time.Duration // 0: never
	receipt     string        // where its receipt is to go when it was handled; "": nowhere
	inquiry     string        // by which name the receipt is known then
	control     string        // what the control message is about; "": it is none
	attempt     string        // of a call whose id its caller has chosen, and of the word that it is given up: which of those with that id it is
	called      string        // of such a call: what it is answered under
	waited      bool          // its sender waits for it, so that it is not kept on disk
	fate        func(error)   // told what becomes of an answer; nil for most
}

// headerKey carries a message's [Key].
const headerKey = "x-postrider-key"

// reserved begins the names of headers that are this package's own.
const reserved = "x-postrider-"

// draft makes a message of a body and of what the options say.
func (t *Target) draft(body any, o *sendOptions) (d draft, err error) {
	if err = t.node.encode(&d, body); err != nil {
		return d, err
	}
	if o.transient {
		d.style += styleTransient
	}
	if o.key != "" || len(o.headers) > 0 || o.expires != 0 || o.control != "" {
		if d.more == nil {
			d.more = new(extras)
		}
		d.more.key, d.more.headers, d.more.expires, d.more.control = o.key, o.headers, o.expires, o.control
	}
	if len(o.headers) > 0 {
		if err := checkHeaders(o.headers); err != nil {
			return d, err
		}
	}
	if o.id != "" {
		d.id = ownID(o.id)
	} else {
		d.id = t.node.ids.next()
	}
	switch {
	case o.wrong != nil:
		return d, t.failed(d.id, o.wrong, false)
	case len(o.id) > client.MaxID:
		d.id = ownID(fmt.Sprintf("%.20s…", o.id))
		return d, t.failed(d.id, fmt.Errorf("the ID is %d bytes long, %d are allowed", len(o.id), client.MaxID), false)
	case len(o.key) > client.MaxID:
		return d, t.failed(d.id, fmt.Errorf("the Key %.20q… is %d bytes long, %d are allowed", o.key, len(o.key), client.MaxID), false)
	}
	return d, nil
}

func checkHeaders(headers amqp.Table) error {
	for name, value := range headers {
		switch {
		case name == "":
			return errors.New("postrider: a Header's name is empty: want 1 to 255 bytes")
		case strings.HasPrefix(name, reserved):
			return fmt.Errorf("postrider: header %q: names that begin with %s are reserved", name, reserved)
		}
		switch value.(type) {
		case string, []byte, bool, int, int8, int16, int32, int64, uint8, uint16, uint32, float32, float64, time.Time:
		default:
			return fmt.Errorf("postrider: header %q: a %T cannot travel: want a string, []byte, bool, time.Time or a number, but no uint or uint64, which AMQP does not have", name, value)
		}
	}
	return nil
}

// lifetime is how long somebody waits for the answer to a call; 0: for ever.
func (d *draft) lifetime(ctx context.Context, limit time.Duration) (left time.Duration) {
	left = limit
	if d.more != nil && d.more.expires != 0 && (left == 0 || d.more.expires < left) {
		left = d.more.expires
	}
	deadline, ok := ctx.Deadline()
	if until := max(time.Until(deadline), time.Millisecond); ok && (left == 0 || until < left) {
		left = until
	}
	return left
}

// tellApart tells a call from others of its id. All of them that go to one target are answered under one name: whoever asks again gets the answer to the first
// that he has given up, and nobody that of another target.
func (d *draft) tellApart(t *Target) {
	if d.more == nil {
		d.more = new(extras)
	}
	d.more.attempt = rand.Text()[:16]
	name := sha256.Sum256([]byte(t.title + "\n" + d.id.String()))
	d.more.called = base64.RawURLEncoding.EncodeToString(name[:18])
}

// called is what a call is answered under; "": its id.
func (d *draft) called() string {
	if d.more == nil {
		return ""
	}
	return d.more.called
}

// mandatory reports whether it is an error that nobody gets the message: at a target that may be alone only where somebody is to say that he handled it.
func (d *draft) mandatory(alone bool) bool { return !alone || d.more != nil && d.more.receipt != "" }

func (d *draft) attempt() string {
	if d.more == nil {
		return ""
	}
	return d.more.attempt
}

// key is where the message belongs, see [Key].
func (d *draft) key() string {
	if d.more == nil {
		return ""
	}
	return d.more.key
}

// properties are those that every way to a target sends.
func (d *draft) properties(from string) amqp.Properties {
	p := amqp.Properties{ContentType: d.style.contentType(), DeliveryMode: d.style.deliveryMode(), AppID: from}
	if d.more == nil {
		return p
	}
	if d.more.contentType != "" {
		p.ContentType = d.more.contentType
	}
	if len(d.more.headers) == 0 && d.more.key == "" && d.more.receipt == "" && d.more.control == "" && d.more.attempt == "" {
		return p
	}
	p.Headers = make(amqp.Table, len(d.more.headers)+1)
	for name, value := range d.more.headers {
		p.Headers[name] = value
	}
	if d.more.control != "" {
		p.Headers[headerControl], p.DeliveryMode = d.more.control, amqp.Transient
	}
	if d.more.receipt != "" {
		p.ReplyTo, p.CorrelationID = d.more.receipt, d.more.inquiry
		p.Headers[headerReceipt] = true
	}
	if d.more.attempt != "" {
		p.Headers[headerAttempt] = d.more.attempt
	}
	if d.more.key != "" {
		p.Headers[headerKey] = d.more.key
	}
	return p
}
