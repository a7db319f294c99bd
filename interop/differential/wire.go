package differential

import (
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/postrider-mq/postrider/amqp"
)

// patience bounds each wait for a broker. One that is silent for so long hangs.
const patience = 5 * time.Second

// A Target is a broker to play against.
type Target struct {
	Name  string
	Addr  string // host:port
	VHost string

	Management string // host:port of the management interface
}

// wire is a connection that says exactly what it is told to, and shows every
// frame. It belongs to one goroutine.
type wire struct {
	nc      net.Conn
	got     []byte // not yet parsed
	partial map[uint16]*event
}

// An event is a method that arrived, with its content.
type event struct {
	channel uint16
	method  amqp.Method
	props   amqp.Properties
	body    []byte

	missing uint64 // octets of the body
	headed  bool
}

var errHungUp = errors.New("hung up")

// dial connects and logs in.
func dial(at Target) (*wire, error) {
	nc, err := net.DialTimeout("tcp", at.Addr, patience)
	if err != nil {
		return nil, err
	}
	w := &wire{nc: nc, partial: map[uint16]*event{}}
	if err := w.login(at.VHost); err != nil {
		nc.Close()
		return nil, fmt.Errorf("%s: login: %w", at.Name, err)
	}
	return w, nil
}

func (w *wire) login(vhost string) error {
	if err := w.write(amqp.ProtocolHeader[:]); err != nil {
		return err
	}
	answers := []struct {
		to  amqp.MethodID
		say []amqp.Method
	}{
		{amqp.ConnectionStartID, []amqp.Method{&amqp.ConnectionStartOk{
			Mechanism: "PLAIN", Response: "\x00guest\x00guest", Locale: "en_US",
			ClientProperties: amqp.Table{"capabilities": amqp.Table{
				"authentication_failure_close": true, "consumer_cancel_notify": true,
				"publisher_confirms": true, "basic.nack": true, "connection.blocked": true,
			}},
		}}},
		{amqp.ConnectionTuneID, []amqp.Method{
			&amqp.ConnectionTuneOk{ChannelMax: 2047, FrameMax: 131072},
			&amqp.ConnectionOpen{VirtualHost: vhost},
		}},
		{amqp.ConnectionOpenOkID, nil},
	}
	for _, answer := range answers {
		e, err := w.next()
		if err != nil {
			return err
		}
		if e.method.ID() != answer.to {
			return fmt.Errorf("%s instead of %s", e.method.ID(), answer.to)
		}
		if err := w.send(0, answer.say...); err != nil {
			return err
		}
	}
	return nil
}

func (w *wire) write(b []byte) error {
	if err := w.nc.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	_, err := w.nc.Write(b)
	return err
}

func (w *wire) send(channel uint16, methods ...amqp.Method) error {
	var b []byte
	for _, m := range methods {
		var err error
		if b, err = m.AppendFrame(b, channel); err != nil {
			return err
		}
	}
	if len(b) == 0 {
		return nil
	}
	return w.write(b)
}

// next reads until a method with all of its content is there.
func (w *wire) next() (*event, error) {
	for {
		f, err := w.frame()
		if err != nil {
			return nil, err
		}
		e, err := w.take(f)
		if err != nil || e != nil {
			return e, err
		}
	}
}

func (w *wire) frame() (amqp.Frame, error) {
	for {
		rest, f, ok, err := amqp.ParseFrame(w.got, 0)
		if err != nil {
			return f, err
		}
		if ok {
			w.got = rest
			return f, nil
		}
		if err := w.nc.SetReadDeadline(time.Now().Add(patience)); err != nil {
			return f, errHungUp
		}
		b := make([]byte, 16<<10)
		n, err := w.nc.Read(b)
		w.got = append(w.got[:len(w.got):len(w.got)], b[:n]...)
		var timeout net.Error
		switch {
		case n > 0 || err == nil:
		case errors.As(err, &timeout) && timeout.Timeout():
			return f, err
		default:
			return f, errHungUp
		}
	}
}

// take adds a frame to what its channel is about to say; the event is not nil
// when that is whole.
func (w *wire) take(f amqp.Frame) (*event, error) {
	switch f.Type {
	case amqp.FrameMethod:
		m, err := amqp.ParseMethod(f.Payload, nil)
		if err != nil {
			return nil, err
		}
		e := &event{channel: f.Channel, method: m}
		if info, _ := m.ID().Info(); !info.HasContent {
			return e, nil
		}
		w.partial[f.Channel] = e
		return nil, nil
	case amqp.FrameHeader, amqp.FrameBody:
		e := w.partial[f.Channel]
		if e == nil || e.headed != (f.Type == amqp.FrameBody) {
			return nil, fmt.Errorf("content out of order on channel %d", f.Channel)
		}
		if err := e.add(f); err != nil || e.missing > 0 {
			return nil, err
		}
		delete(w.partial, f.Channel)
		return e, nil
	}
	return nil, nil // a heartbeat
}

func (e *event) add(f amqp.Frame) error {
	if f.Type == amqp.FrameBody {
		e.body = append(e.body, f.Payload...)
		e.missing -= min(e.missing, uint64(len(f.Payload)))
		return nil
	}
	_, size, raw, err := amqp.ParseHeader(f.Payload)
	if err != nil {
		return err
	}
	e.missing, e.headed = size, true
	return e.props.Parse(raw, nil)
}

func (w *wire) close() { w.nc.Close() }
