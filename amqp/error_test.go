package amqp

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestWhatAnErrorCloses(t *testing.T) {
	for code, want := range map[uint16]Scope{
		311: ScopeChannel, 312: ScopeChannel, 313: ScopeChannel,
		403: ScopeChannel, 404: ScopeChannel, 405: ScopeChannel, 406: ScopeChannel,
		320: ScopeConnection, 402: ScopeConnection,
		501: ScopeConnection, 502: ScopeConnection, 503: ScopeConnection,
		504: ScopeConnection, 505: ScopeConnection, 506: ScopeConnection,
		530: ScopeConnection, 540: ScopeConnection, 541: ScopeConnection,
		999: ScopeConnection,
	} {
		if got := Errorf(code, "x").Scope(); got != want {
			t.Errorf("%d %s closes the %v, want the %v", code, CodeName(code), got, want)
		}
		if strings.HasPrefix(CodeName(code), "UNKNOWN") != (code == 999) {
			t.Errorf("%d is called %s", code, CodeName(code))
		}
	}
}

func TestTheTextOfAnError(t *testing.T) {
	e := &Error{Code: NotFound, Text: "no queue 'q' in vhost '/'", Method: QueueDeclareID}
	if got, want := e.Error(), "amqp 404 NOT_FOUND - no queue 'q' in vhost '/' (queue.declare)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := e.ReplyText(), "NOT_FOUND - no queue 'q' in vhost '/'"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestALongReplyTextIsCutBetweenCharacters(t *testing.T) {
	for pad := range 4 {
		e := Errorf(NotFound, "%s%s", strings.Repeat("x", pad), strings.Repeat("世", 200))
		got := e.ReplyText()
		if len(got) > 255 || len(got) < 252 || !utf8.ValidString(got) {
			t.Errorf("%d octets: %q", len(got), got)
		}
		if _, err := (&ChannelClose{ReplyText: got}).Append(nil); err != nil {
			t.Error(err)
		}
	}
}
