package session

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/postrider-mq/postrider/amqp"
)

// Server is the broker's side of one connection. All of it is owned by the
// goroutine that reads the connection.
type Server struct {
	endpoint
	crossings
	offer      Limits
	mechanisms string
	start      []byte // the start method, ready to be sent
}

// ServerConfig is what a Server offers to its client.
type ServerConfig struct {
	Limits
	Properties amqp.Table // product, version, …; the capabilities and MaxMessage are added
	Mechanisms string     // SASL mechanisms, separated by spaces
}

// NewServer returns a connection of which nothing has been read. It panics when
// cfg.Properties cannot be encoded, for no client did that.
func NewServer(cfg ServerConfig) *Server {
	s := &Server{offer: cfg.Limits.withDefaults(), mechanisms: cfg.Mechanisms}
	s.frameMax, s.header = preTuneFrameMax, amqp.ParseHeader
	s.maxMessage, s.slab.most = s.offer.MaxMessage, s.offer.Slab
	properties := introduce(cfg.Properties, serverCapabilities)
	properties[maxMessage] = int64(s.maxMessage)
	start := &amqp.ConnectionStart{
		VersionMajor:     0,
		VersionMinor:     9,
		ServerProperties: properties,
		Mechanisms:       cfg.Mechanisms,
		Locales:          "en_US",
	}
	frame, err := start.AppendFrame(nil, 0)
	if err != nil {
		panic(fmt.Sprintf("session: server properties: %v", err))
	}
	s.start = frame
	return s
}

// Preamble takes the protocol header, which comes before any frame. ok is false
// while b holds only a part of it. A bad one is a *PreambleError that says what
// it looked like: send reply, which is our own header, and hang up.
//
// "If the server rejects the protocol header, it MUST write a valid protocol
// header to the socket and then close the socket connection."
func (s *Server) Preamble(b []byte) (rest, reply []byte, ok bool, err error) {
	const size = len(amqp.ProtocolHeader)
	n := min(len(b), size)
	if string(b[:n]) != string(amqp.ProtocolHeader[:n]) {
		s.state = closed
		s.out = append(s.out[:0], amqp.ProtocolHeader[:]...)
		return b, s.out, false, &PreambleError{Looks: looksLike(b)}
	}
	if n < size {
		return b, nil, false, nil
	}
	s.state = starting
	reply, s.start = s.start, nil
	return b[size:], reply, true, nil
}

// Receive takes the next frame. An error is always an *amqp.Error; what it ends
// is for Fail to decide, with the frame's channel.
func (s *Server) Receive(f amqp.Frame) (Event, error) {
	s.begin()
	switch {
	case f.Channel == 0:
		return s.onConnection(f, s.onOwn)
	case s.state == running:
	case s.state >= closing:
		return Event{}, nil
	default:
		return Event{}, unexpectedFrame(f)
	}
	ch := s.channels.at(f.Channel)
	if ch == nil {
		return s.onFreeNumber(f)
	}
	if ch.state == channelClosing {
		event, freed := s.drained(f.Channel, f)
		if freed {
			s.leave(f.Channel)
		}
		return event, nil
	}
	if f.Type == amqp.FrameMethod {
		return s.onMethod(f.Channel, ch, f.Payload)
	}
	whole, err := s.receiveContent(ch, f)
	if err != nil || !whole {
		return Event{}, err
	}
	return Event{Kind: Publish, Channel: f.Channel, Method: &ch.publish, Content: &s.content}, nil
}

// FrameMost is the size that no frame of the client may exceed, its eight bytes of overhead included: what to pass to amqp.ParseFrame.
// It is more than FrameMax, for there are clients that take that for the most a payload may have, and RabbitMQ lets them.
func (s *Server) FrameMost() uint32 { return s.frameMax + amqp.FrameOverhead }

// onMethod handles a method on an open channel.
func (s *Server) onMethod(n uint16, ch *channel, payload []byte) (Event, error) {
	id, args, err := amqp.PeekMethod(payload)
	if err != nil {
		return Event{}, err
	}
	if ch.assembly.stage != idle {
		return Event{}, ch.assembly.interrupted()
	}
	switch id {
	case amqp.BasicPublishID:
		if !bytes.Equal(args, ch.parsed) || len(args) == 0 { // who publishes much publishes to one place
			ch.parsed = ch.parsed[:0]
			if err := ch.publish.Parse(args, &s.in); err != nil {
				return Event{}, err
			}
			ch.parsed = append(ch.parsed, args...)
		}
		ch.assembly.begin(&ch.publish)
		return Event{}, nil
	case amqp.BasicAckID:
		return s.command(n, &s.ack, args)
	case amqp.BasicNackID:
		return s.command(n, &s.nack, args)
	case amqp.BasicRejectID:
		return s.command(n, &s.reject, args)
	case amqp.BasicGetID:
		return s.command(n, &s.get, args)
	case amqp.ChannelOpenID:
		return Event{}, blamed(id, amqp.Errorf(amqp.ChannelError, "second 'channel.open' seen"))
	case amqp.ChannelCloseID:
		s.leave(n)
		return s.channelLeft(n, args)
	case amqp.ChannelFlowID:
		return s.onFlow(n, args)
	}
	return s.onCommand(n, id, args)
}

// command parses a command into a struct of ours.
func (s *Server) command(n uint16, m amqp.Method, args []byte) (Event, error) {
	if err := m.Parse(args, &s.in); err != nil {
		return Event{}, err
	}
	return Event{Kind: Command, Channel: n, Method: m}, nil
}

// onCommand handles the methods that come too seldom for structs of their own.
func (s *Server) onCommand(n uint16, id amqp.MethodID, args []byte) (Event, error) {
	info, known := id.Info()
	switch {
	case !known || !info.FromClient || id.Class() == amqp.ConnectionStartID.Class() || id == amqp.ChannelCloseOkID:
		return Event{}, unimplemented(id)
	case id == amqp.ChannelFlowOkID || id == amqp.BasicCancelOkID:
		return Event{}, nil // the server never asks for either
	}
	return s.command(n, amqp.NewMethod(id), args)
}

// onFlow answers channel.flow. A client that wants fewer deliveries has
// basic.qos for it; stopping the flow is not implemented.
func (s *Server) onFlow(n uint16, args []byte) (Event, error) {
	var m amqp.ChannelFlow
	if err := m.Parse(args, nil); err != nil {
		return Event{}, err
	}
	if !m.Active {
		return Event{}, blamed(m.ID(), amqp.Errorf(amqp.NotImplemented, "active=false"))
	}
	s.send(n, &amqp.ChannelFlowOk{Active: true})
	return Event{Channel: n, Reply: s.out}, nil
}

// onFreeNumber handles a frame for a channel that is not open: only
// channel.open is in order, and what crossed its close-ok.
func (s *Server) onFreeNumber(f amqp.Frame) (Event, error) {
	if err := s.channels.check(f.Channel); err != nil {
		return Event{}, err
	}
	if s.crosses(f.Channel) {
		return s.onLeftNumber(f)
	}
	if f.Type != amqp.FrameMethod {
		return Event{}, errNoMethod(f)
	}
	id, args, err := amqp.PeekMethod(f.Payload)
	if err != nil {
		return Event{}, err
	}
	if id != amqp.ChannelOpenID {
		return Event{}, blamed(id, amqp.Errorf(amqp.ChannelError, "expected 'channel.open'"))
	}
	return s.open(f.Channel, args)
}

func (s *Server) open(n uint16, args []byte) (Event, error) {
	if err := new(amqp.ChannelOpen).Parse(args, nil); err != nil {
		return Event{}, err
	}
	delete(s.left, n)
	s.channels.add(n, channelOpen)
	s.send(n, &amqp.ChannelOpenOk{})
	return Event{Kind: ChannelOpen, Channel: n, Reply: s.out}, nil
}

// onOwn handles a method on channel 0 that is the client's.
func (s *Server) onOwn(id amqp.MethodID, args []byte) (Event, error) {
	switch {
	case id == amqp.ConnectionStartOkID && s.state == starting:
		return s.onStartOk(args)
	case id == amqp.ConnectionTuneOkID && s.state == tuning:
		return s.onTuneOk(args)
	case id == amqp.ConnectionOpenID && s.state == opening:
		s.state = entering
		return s.ask(Open, &amqp.ConnectionOpen{}, args)
	case id == amqp.ConnectionUpdateSecretID && s.state == running:
		return s.ask(Command, &amqp.ConnectionUpdateSecret{}, args)
	}
	return Event{}, unexpectedMethod(id, s.state)
}

// ask passes a method on channel 0 to the shell.
func (s *Server) ask(kind Kind, m amqp.Method, args []byte) (Event, error) {
	if err := m.Parse(args, nil); err != nil {
		return Event{}, err
	}
	return Event{Kind: kind, Method: m}, nil
}

func (s *Server) onStartOk(args []byte) (Event, error) {
	m := &amqp.ConnectionStartOk{}
	if err := m.Parse(args, nil); err != nil {
		return Event{}, err
	}
	if !slices.Contains(strings.Fields(s.mechanisms), m.Mechanism) {
		return Event{}, blamed(m.ID(), amqp.Errorf(amqp.CommandInvalid,
			"unknown authentication mechanism '%s'", m.Mechanism))
	}
	s.peer = Peer{Properties: m.ClientProperties}
	s.state = verifying
	return Event{Kind: Login, Method: m}, nil
}

// AcceptLogin follows a Login event: the client is who it says it is. It
// returns the tune to send.
func (s *Server) AcceptLogin() (reply []byte) {
	s.out = s.out[:0]
	if s.state != verifying {
		return nil
	}
	s.state = tuning
	s.send(0, &amqp.ConnectionTune{
		ChannelMax: s.offer.ChannelMax, FrameMax: s.offer.FrameMax, Heartbeat: s.offer.Heartbeat,
	})
	return s.out
}

func (s *Server) onTuneOk(args []byte) (Event, error) {
	var m amqp.ConnectionTuneOk
	if err := m.Parse(args, nil); err != nil {
		return Event{}, err
	}
	frameMax, err := negotiated("frame_max", m.FrameMax, amqp.MinFrameMax, s.offer.FrameMax)
	if err != nil {
		return Event{}, err
	}
	channelMax, err := negotiated("channel_max", uint32(m.ChannelMax), 1, uint32(s.offer.ChannelMax))
	if err != nil {
		return Event{}, err
	}
	s.frameMax, s.channels.max, s.heartbeat = frameMax, uint16(channelMax), m.Heartbeat
	s.state = opening
	return Event{}, nil
}

// AcceptOpen follows an Open event: the client may enter the virtual host. It
// returns the open-ok to send.
func (s *Server) AcceptOpen() (reply []byte) {
	s.out = s.out[:0]
	if s.state != entering {
		return nil
	}
	s.state = running
	s.send(0, &amqp.ConnectionOpenOk{})
	return s.out
}

// Fail closes what err is to close: channel n when err's code closes channels,
// the connection otherwise or when n is 0. It returns the close to send; nil
// when there is nothing to say: ask Closed then. Release everything of it
// before sending.
//
// A client that is refused at login (403) is told so only if it said that it
// understands; others are just hung up on.
func (s *Server) Fail(n uint16, err *amqp.Error) (reply []byte) {
	login := s.state == starting || s.state == verifying
	if login && err.Code == amqp.AccessRefused && !s.peer.Has("authentication_failure_close") {
		s.state = closed
		return nil
	}
	return s.endpoint.Fail(n, err)
}
