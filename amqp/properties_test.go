package amqp

import (
	"bytes"
	"math/rand"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"
)

// allProperties has a value in every field.
func allProperties() *Properties {
	return &Properties{
		ContentType: "content-type", ContentEncoding: "content-encoding",
		Headers:      Table{"x-flag": true, "x-name": "v"},
		DeliveryMode: Persistent, Priority: 7,
		CorrelationID: "correlation-id", ReplyTo: "reply-to", Expiration: "60000", MessageID: "message-id",
		Timestamp: time.Unix(1700000000, 0).UTC(),
		Type:      "type", UserID: "user-id", AppID: "app-id", ClusterID: "cluster-id",
	}
}

func TestPropertiesAreEncodedAsAnotherClientEncodesThem(t *testing.T) {
	wire := vectors(t)["properties"]
	if got := must[[]byte](t)(allProperties().Append(nil)); !bytes.Equal(got, wire) {
		t.Errorf("wrote %x\nwant  %x", got, wire)
	}
	var got Properties
	if err := got.Parse(wire, nil); err != nil || !reflect.DeepEqual(&got, allProperties()) {
		t.Errorf("parsed %+v, %v", got, err)
	}
}

func TestAViewShowsEveryValue(t *testing.T) {
	raw := RawProperties(must[[]byte](t)(allProperties().Append(nil)))
	v := must[PropertiesView](t)(raw.View())
	for got, want := range map[string]string{
		string(v.ContentType): "content-type", string(v.ContentEncoding): "content-encoding",
		string(v.CorrelationID): "correlation-id", string(v.ReplyTo): "reply-to",
		string(v.Expiration): "60000", string(v.MessageID): "message-id", string(v.Type): "type",
		string(v.UserID): "user-id", string(v.AppID): "app-id", string(v.ClusterID): "cluster-id",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if v.DeliveryMode != Persistent || v.Priority != 7 || v.Timestamp != 1700000000 || v.Flags != 0xfffc {
		t.Errorf("%+v", v)
	}
	if name, ok, err := LookupTable(v.Headers, "x-name"); name != "v" || !ok || err != nil {
		t.Errorf("x-name is %v, %v, %v", name, ok, err)
	}
}

func TestTheDeliveryModeIsFoundBehindWhatPrecedesIt(t *testing.T) {
	p := allProperties()
	for _, clear := range []func(){
		func() {}, func() { p.ContentEncoding = "" }, func() { p.Headers = nil }, func() { p.ContentType = "" },
	} {
		clear()
		raw := RawProperties(must[[]byte](t)(p.Append(nil)))
		if got := raw.DeliveryMode(); got != Persistent {
			t.Errorf("%x: delivery mode %d", raw, got)
		}
	}
	p.DeliveryMode = 0
	if got := RawProperties(must[[]byte](t)(p.Append(nil))).DeliveryMode(); got != 0 {
		t.Errorf("delivery mode %d where there is none", got)
	}
}

func TestTheExpirationIsFoundBehindWhatPrecedesIt(t *testing.T) {
	p := allProperties()
	for _, clear := range []func(){
		func() {}, func() { p.ContentEncoding = "" }, func() { p.Headers = nil }, func() { p.Priority = 0 }, func() { p.ReplyTo = "" },
		func() { p.DeliveryMode = 0 }, func() { p.CorrelationID = "" }, func() { p.ContentType = "" }, func() { p.MessageID = "" },
	} {
		clear()
		raw := RawProperties(must[[]byte](t)(p.Append(nil)))
		if ms, ok := raw.Expiration(); ms != 60000 || !ok {
			t.Errorf("%x: expiration %d, %v", raw, ms, ok)
		}
	}
}

// What an expiration may say is known to who checks it: a number is what strconv takes for one.
func TestAnExpirationIsANumber(t *testing.T) {
	for _, text := range []string{
		"0", "1", "007", "999999999999999999", "9223372036854775807", "9223372036854775808", "00000000000000000000005",
		"-5", "+5", "5 ", "1a", "a", "1_0", "0x10", "", "٣",
	} {
		p := Properties{Expiration: text, MessageID: "one"}
		raw := RawProperties(must[[]byte](t)(p.Append(nil)))
		want, err := strconv.ParseInt(text, 10, 64)
		if ms, ok := raw.Expiration(); ok != (err == nil) || ok && ms != want {
			t.Errorf("%q: %d, %v, want %d, %v", text, ms, ok, want, err)
		}
	}
}

func TestNoPropertiesAtAll(t *testing.T) {
	for _, raw := range []RawProperties{nil, {}, {0, 0}} {
		v, err := raw.View()
		if err != nil || v.Flags != 0 || raw.DeliveryMode() != 0 {
			t.Errorf("%x: %+v, %v", []byte(raw), v, err)
		}
	}
	if got := must[[]byte](t)(new(Properties).Append(nil)); !bytes.Equal(got, []byte{0, 0}) {
		t.Errorf("zero properties are %x", got)
	}
}

// checkAll is check with what is in the headers.
func checkAll(raw RawProperties) error {
	headers, err := raw.check()
	if headers != nil {
		_, err = CheckTable(headers)
	}
	return err
}

func TestMalformedProperties(t *testing.T) {
	whole := must[[]byte](t)(allProperties().Append(nil))
	for n := 1; n < len(whole); n++ {
		raw := RawProperties(whole[:n])
		wantCode(t, checkAll(raw), SyntaxError)
		_, err := raw.View()
		wantCode(t, err, SyntaxError)
		raw.DeliveryMode() // whatever they say, they do not panic
		raw.Expiration()
	}
	for _, raw := range []RawProperties{
		append(bytes.Clone(whole), 0), // a surplus octet
		{0, 1}, {0, 2},                // flags that do not exist
	} {
		wantCode(t, checkAll(raw), SyntaxError)
		_, err := raw.View()
		wantCode(t, err, SyntaxError)
	}
	badHeaders := RawProperties("\x20\x00\x00\x00\x00\x03\x01k?")
	wantCode(t, checkAll(badHeaders), SyntaxError)
	wantCode(t, new(Properties).Parse(badHeaders, nil), SyntaxError)
}

func TestPropertiesThatCannotBeEncoded(t *testing.T) {
	for _, p := range []*Properties{
		{ReplyTo: strings.Repeat("x", 256), Headers: Table{}},
		{ContentType: strings.Repeat("x", 256), Headers: Table{"x": 1}},
		{Headers: Table{"x": struct{}{}}, MessageID: "m"},
	} {
		dst, err := p.Append([]byte("before"))
		wantCode(t, err, SyntaxError)
		if string(dst) != "before" {
			t.Errorf("left %q", dst)
		}
	}
}

func TestRandomPropertiesSurviveTheWire(t *testing.T) {
	rnd := rand.New(rand.NewSource(3))
	in := new(Interner)
	for range 5000 {
		var want, got Properties
		randomize(rnd, &want)
		raw := RawProperties(must[[]byte](t)(want.Append(nil)))
		if err := checkAll(raw); err != nil {
			t.Fatal(err)
		}
		if err := got.Parse(raw, in); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%v\nparsed %+v\nwant   %+v", err, got, want)
		}
		if raw.DeliveryMode() != want.DeliveryMode {
			t.Fatalf("delivery mode %d, want %d", raw.DeliveryMode(), want.DeliveryMode)
		}
	}
}

func TestAReplyToIsReplacedAmongWhatIsThere(t *testing.T) {
	rnd := rand.New(rand.NewSource(6))
	for range 2000 {
		var p Properties
		randomize(rnd, &p)
		if p.ReplyTo == "" {
			p.ReplyTo = "here"
		}
		raw := must[[]byte](t)(p.Append(nil))
		got, err := RawProperties(raw).WithReplyTo("there and elsewhere")
		if err != nil {
			t.Fatal(err)
		}
		p.ReplyTo = "there and elsewhere"
		if want := must[[]byte](t)(p.Append(nil)); !bytes.Equal(got, want) {
			t.Fatalf("got %x\nwant %x", got, want)
		}
		for i := range raw { // cut short it is an error, or has none
			if short, err := RawProperties(raw[:i]).WithReplyTo("x"); err == nil {
				short.View()
			}
		}
	}
	none := must[[]byte](t)((&Properties{AppID: "me"}).Append(nil))
	_, err := RawProperties(none).WithReplyTo("x")
	wantCode(t, err, SyntaxError)
	some := must[[]byte](t)((&Properties{ReplyTo: "me"}).Append(nil))
	_, err = RawProperties(some).WithReplyTo(strings.Repeat("x", 256))
	wantCode(t, err, SyntaxError)
}

func TestHeadersThatStayRaw(t *testing.T) {
	all := allProperties()
	raw := RawProperties(must[[]byte](t)(all.Append(nil)))
	var p Properties
	if err := p.ParseRaw(raw, nil); err != nil || p.Headers != nil {
		t.Fatal(p.Headers, err)
	}
	if again := must[[]byte](t)(p.Append(nil)); !bytes.Equal(again, raw) {
		t.Errorf("%x, want %x", again, []byte(raw))
	}
	p.Headers = Table{"more": true}
	var both Properties
	if err := both.Parse(must[[]byte](t)(p.Append(nil)), nil); err != nil {
		t.Fatal(err)
	}
	all.Headers["more"] = true
	if !reflect.DeepEqual(both.Headers, all.Headers) || both.RawHeaders != nil {
		t.Errorf("%v, want %v", both.Headers, all.Headers)
	}
	p.Headers = Table{"more": struct{}{}}
	_, err := p.Append(nil)
	wantCode(t, err, SyntaxError)
}
