package amqp

import (
	"fmt"
	"unicode/utf8"
)

// Reply codes, which say why a channel or a connection is closed or a message
// is returned.
const (
	ReplySuccess       uint16 = 200
	ContentTooLarge    uint16 = 311
	NoRoute            uint16 = 312
	NoConsumers        uint16 = 313
	ConnectionForced   uint16 = 320
	InvalidPath        uint16 = 402
	AccessRefused      uint16 = 403
	NotFound           uint16 = 404
	ResourceLocked     uint16 = 405
	PreconditionFailed uint16 = 406
	FrameError         uint16 = 501
	SyntaxError        uint16 = 502
	CommandInvalid     uint16 = 503
	ChannelError       uint16 = 504
	UnexpectedFrame    uint16 = 505
	ResourceError      uint16 = 506
	NotAllowed         uint16 = 530
	NotImplemented     uint16 = 540
	InternalError      uint16 = 541
)

// An Error is a breach of the protocol or a refusal: what ends a channel or a connection.
type Error struct {
	Code   uint16
	Text   string   // without the code's name
	Method MethodID // what caused it; 0 if no method did
}

// Errorf returns an Error with no method.
func Errorf(code uint16, format string, args ...any) *Error {
	return &Error{Code: code, Text: fmt.Sprintf(format, args...)}
}

// Error returns the code, its name, the text and the method, if there is one.
func (e *Error) Error() string {
	s := fmt.Sprintf("amqp %d %s - %s", e.Code, CodeName(e.Code), e.Text)
	if e.Method != 0 {
		s += " (" + e.Method.String() + ")"
	}
	return s
}

// ReplyText returns the code's name and the text as peers expect them in a close method,
// "NOT_FOUND - no queue 'q' in vhost '/'", cut to the 255 octets of a short string.
func (e *Error) ReplyText() string {
	s := CodeName(e.Code) + " - " + e.Text
	if len(s) <= maxShortstr {
		return s
	}
	cut := maxShortstr
	for cut > maxShortstr-utf8.UTFMax && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut]
}

// A Scope is what an error closes.
type Scope uint8

const (
	ScopeChannel    Scope = iota + 1 // a soft error: the channel
	ScopeConnection                  // a hard error: the connection with all its channels
)

// String returns "channel" or "connection".
func (s Scope) String() string {
	if s == ScopeChannel {
		return "channel"
	}
	return "connection"
}

// Scope returns what the error's code closes. A code that is not in the specification
// closes the connection.
func (e *Error) Scope() Scope {
	switch e.Code {
	case ContentTooLarge, NoRoute, NoConsumers, AccessRefused, NotFound, ResourceLocked, PreconditionFailed:
		return ScopeChannel
	}
	return ScopeConnection
}

// CodeName returns the name of a reply code, such as "NOT_FOUND".
func CodeName(code uint16) string {
	switch code {
	case ReplySuccess:
		return "REPLY_SUCCESS"
	case ContentTooLarge:
		return "CONTENT_TOO_LARGE"
	case NoRoute:
		return "NO_ROUTE"
	case NoConsumers:
		return "NO_CONSUMERS"
	case ConnectionForced:
		return "CONNECTION_FORCED"
	case InvalidPath:
		return "INVALID_PATH"
	case AccessRefused:
		return "ACCESS_REFUSED"
	case NotFound:
		return "NOT_FOUND"
	case ResourceLocked:
		return "RESOURCE_LOCKED"
	case PreconditionFailed:
		return "PRECONDITION_FAILED"
	case FrameError:
		return "FRAME_ERROR"
	case SyntaxError:
		return "SYNTAX_ERROR"
	case CommandInvalid:
		return "COMMAND_INVALID"
	case ChannelError:
		return "CHANNEL_ERROR"
	case UnexpectedFrame:
		return "UNEXPECTED_FRAME"
	case ResourceError:
		return "RESOURCE_ERROR"
	case NotAllowed:
		return "NOT_ALLOWED"
	case NotImplemented:
		return "NOT_IMPLEMENTED"
	case InternalError:
		return "INTERNAL_ERROR"
	}
	return fmt.Sprintf("UNKNOWN_%d", code)
}

// inMethod names the method in an error that does not name one yet.
func inMethod(err error, id MethodID) error {
	if e, ok := err.(*Error); ok && e.Method == 0 {
		e.Method = id
	}
	return err
}
