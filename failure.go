package postrider

import (
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/postrider-mq/postrider/amqp"
)

// Failure is the history of a message that handlers have failed to act upon.
type Failure struct {
	Tries       int    // how many handlers returned an error for it
	Reason      string // the last one's error, up to 1 KiB of it
	First, Last time.Time
	Target      string // the mailbox or inbox it was to be handled in
}

// The headers it travels in. Times are in milliseconds since 1970.
const (
	headerTries  = "x-postrider-tries"
	headerReason = "x-postrider-reason"
	headerFirst  = "x-postrider-first-failure"
	headerLast   = "x-postrider-last-failure"
	headerTarget = "x-postrider-target"
	headerDue    = "x-postrider-due"  // when it may be handled
	headerBack   = "x-postrider-back" // when it should be back from where it waits

	headerExpires = "x-postrider-expires" // until when somebody may handle what is tried again
)

const maxReason = 1 << 10

// and adds one more failure.
func (f Failure) and(now time.Time, err error) Failure {
	if f.Tries == 0 {
		f.First = now
	}
	f.Tries++
	f.Last = now
	f.Reason = err.Error()
	if len(f.Reason) > maxReason {
		f.Reason = strings.ToValidUTF8(f.Reason[:maxReason], "")
	}
	return f
}

// Failure tells how often handlers have failed to act upon the message before, and why; false if none has.
func (m *Message) Failure() (Failure, bool) {
	var f Failure
	h := m.headers()
	f.Tries = tried(h)
	if f.Tries == 0 {
		return f, false
	}
	f.Reason, f.Target = m.reason(h), text(h, headerTarget)
	f.First, f.Last = time.UnixMilli(number(h, headerFirst)), time.UnixMilli(number(h, headerLast))
	return f, true
}

// tried is how often handlers have failed. Other programs can write anything there: what no handler could have counted would be counted on, and never
// come to an end.
func tried(headers []byte) int {
	return int(min(max(0, number(headers, headerTries)), math.MaxInt32-1))
}

// due is when the message may be handled; the zero time says that it may be now.
func due(props amqp.RawProperties) (t time.Time) {
	if ms := dueAt(props); ms != 0 {
		t = time.UnixMilli(ms)
	}
	return t
}

// dueAt is that in milliseconds since 1970, or 0.
func dueAt(props amqp.RawProperties) int64 { return number(rawHeaders(props), headerDue) }

func (m *Message) headers() []byte { return rawHeaders(m.props) }

func rawHeaders(props amqp.RawProperties) []byte {
	v, err := props.View()
	if err != nil {
		return nil
	}
	return v.Headers
}

func number(headers []byte, name string) int64 {
	if len(headers) == 0 {
		return 0
	}
	v, _, _ := amqp.LookupTable(headers, name)
	n, _ := amqp.Integer(v) // other programs write them as short as they can
	return n
}

func flag(headers []byte, name string) bool {
	if len(headers) == 0 {
		return false
	}
	v, _, _ := amqp.LookupTable(headers, name)
	is, _ := v.(bool)
	return is
}

func text(headers []byte, name string) string {
	v, _, _ := amqp.LookupTable(headers, name)
	s, _ := v.(string)
	return s
}

// inscribe returns the properties of the message with a history, see [Failure.inscribe].
func (m *Message) inscribe(f Failure, target string, due time.Time) (*amqp.Properties, error) {
	p, err := f.inscribe(m.props, target, due)
	if err == nil {
		p.MessageID = m.ID // it may have come in a pack
	}
	return p, err
}

// expiring has what is tried again expire when the message does.
func (m *Message) expiring(p *amqp.Properties) {
	if m.deadline != 0 {
		p.Headers[headerExpires] = time.Now().Add(m.deadline - time.Since(started)).UnixMilli()
	}
}

// inscribe returns the properties of a message with this history. due is the zero time for a dead one. The history is in the Headers, the message's own are raw.
func (f Failure) inscribe(props amqp.RawProperties, target string, due time.Time) (*amqp.Properties, error) {
	p, err := bare(props)
	if err != nil {
		return nil, err
	}
	p.Headers = amqp.Table{}
	h := p.Headers
	if !due.IsZero() {
		h[headerDue], h[headerBack] = due.UnixMilli(), backFrom(time.Now(), due).UnixMilli()
		comesBack(h, p.RawHeaders, target)
	}
	if f.Tries > 0 {
		h[headerTries], h[headerReason], h[headerTarget] = int64(f.Tries), f.Reason, target
		h[headerFirst], h[headerLast] = f.First.UnixMilli(), f.Last.UnixMilli()
	}
	p.RawHeaders, err = amqp.WithoutNames(p.RawHeaders, slices.Collect(maps.Keys(h))...)
	return p, err
}

// bare returns the properties of a message that is published once more, without a history that is new.
func bare(props amqp.RawProperties) (*amqp.Properties, error) {
	p := new(amqp.Properties)
	if err := p.ParseRaw(props, nil); err != nil {
		return nil, err
	}
	if p.RawHeaders == nil {
		p.RawHeaders = make([]byte, 4)
	}
	p.UserID = ""     // the broker lets nobody speak for another
	p.Expiration = "" // see expiring; a dead letter is for whoever looks into it, however late
	p.DeliveryMode = amqp.Persistent
	var err error
	p.RawHeaders, err = amqp.WithoutNames(p.RawHeaders, headerDue, headerBack, headerExpires, headerCopies)
	return p, err
}

// fits reports whether brokers take these properties, of a message that had such headers before. Ours take no table beyond its bounds, and RabbitMQ
// what it has had, or half a frame.
func fits(p *amqp.Properties, before []byte) bool {
	all, err := p.Append(nil)
	if err != nil {
		return false
	}
	after := rawHeaders(all)
	if _, err = amqp.CheckTable(after); err == nil {
		return true
	}
	_, err = amqp.CheckTable(before)
	return err != nil && len(after) <= max(amqp.MaxTableBytes, len(before))
}

// comesBack takes out of a broker's notes that the message has died in this mailbox before, but for rejections: it is about to come back there from
// where it waits, as what has expired there, and brokers drop what would die in one queue again and again without anybody's having rejected it.
func comesBack(h amqp.Table, raw []byte, mailbox string) {
	v, _, _ := amqp.LookupTable(raw, headerDeaths)
	all, ok := v.([]any)
	if !ok {
		return
	}
	deaths := slices.DeleteFunc(slices.Clone(all), func(d any) bool {
		t, is := d.(amqp.Table)
		return is && t["queue"] == mailbox && t["reason"] != "rejected"
	})
	if len(deaths) < len(all) {
		h[headerDeaths] = deaths
	}
}

// Headers that are the brokers'.
const (
	headerDeaths = "x-death"
	headerCopies = "CC" // whoever it names has had a copy
)
