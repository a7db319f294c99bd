package seal

import (
	"bytes"
	"testing"
)

// A grant that is parsed has one form, and nothing that is not one breaks anything.
func FuzzGrant(f *testing.F) {
	said := (&terms{starts: 1, ends: 2, expires: 3, target: Target{Mailbox, "jobs"}, sender: []byte("certificate")}).append(nil)
	whole := appendBytes(appendBytes(said, []byte("wrapped")), []byte("signature"))
	if _, ok := parseGrant(whole); !ok {
		f.Fatal("a grant is none")
	}
	f.Add(whole)
	f.Add(said)
	f.Add([]byte(magic + "\x00\x01\x01and a nonce and a tag, as long as they are"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if grant, rest, err := Cut(b); err == nil && !bytes.Equal(b, append(appendBytes([]byte(magic), grant), rest...)) {
			t.Errorf("%x is not cut into its parts", b)
		}
		g, ok := parseGrant(b)
		if !ok {
			return
		}
		again := g.terms.append(nil)
		if len(again) != g.said {
			t.Errorf("terms of %d bytes, and then of %d", g.said, len(again))
		}
		if again = appendBytes(again, g.wrapped); len(again) != g.signed {
			t.Errorf("%d signed bytes, and then %d", g.signed, len(again))
		}
		if again = appendBytes(again, g.signature); !bytes.Equal(again, b) {
			t.Errorf("%x, and then %x", b, again)
		}
	})
}

func FuzzContent(f *testing.F) {
	f.Add((&Content{Type: "text/plain", Headers: []byte("headers"), Body: []byte("body")}).append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		v, ok := parseContent(b)
		if !ok {
			return
		}
		if n := 8 + 1 + len(v.Type) + 4 + len(v.Headers) + len(v.Body); n != len(b) {
			t.Errorf("%d bytes of %d", n, len(b))
		}
	})
}
