package pattern

import (
	"errors"
	"strings"
	"testing"
)

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"", "", true},
		{"", "anything", true},
		{".*", "", true},
		{"^$", "", true},
		{"^$", "a", false},
		{"b", "abc", true},
		{"^b", "abc", false},
		{`^(?!amq\.).*`, "amq.topic", false},
		{`^(?!amq\.).*`, "orders", true},
		{`^(amq\.gen.*|amq\.default)$`, "amq.gen-1", true},
		{`^(?i)ORDERS`, "orders.eu", true},
		{`(?<=eu\.)orders$`, "eu.orders", true},
		{`(?<=eu\.)orders$`, "us.orders", false},
		{`^(\w+)\.\1$`, "a.a", true},
		{`^(\w+)\.\1$`, "a.b", false},
		{`^(?>a+)b`, "aab", true},
		{"ä", "bär", true},
		{`[[:digit:]]$`, "q7", true},
	} {
		p, err := Compile(c.pattern)
		if err != nil {
			t.Errorf("%s: %v", c.pattern, err)
			continue
		}
		if got := p.Match(c.name); got != c.want {
			t.Errorf("%s on %q: %v", c.pattern, c.name, got)
		}
		if p.String() != c.pattern {
			t.Errorf("%s calls itself %s", c.pattern, p)
		}
	}
}

func TestMistakes(t *testing.T) {
	for pattern, want := range map[string]string{
		"(":     `{"missing )",1}`,
		"(?!x":  `{"missing )",4}`,
		"a)":    `{"unmatched parentheses",1}`,
		"[a":    `{"missing terminating ] for character class",2}`,
		"*":     `{"nothing to repeat",0}`,
		`a\`:    `{"\\ at end of pattern",2}`,
		"(?<n":  "",
		"a{2,1": "none", // a text, in PCRE too

		strings.Repeat("a", 64<<10):                                     "none",
		strings.Repeat("a", 64<<10+1):                                   `{"regular expression is too large",65537}`,
		strings.Repeat("(?=", 1<<18) + "a" + strings.Repeat(")", 1<<18): `{"regular expression is too large",1048577}`,
	} {
		_, err := Compile(pattern)
		var bad *Error
		switch {
		case want == "none":
			if err != nil {
				t.Errorf("%s: %v", pattern, err)
			}
		case !errors.As(err, &bad) || want != "" && bad.Term() != want:
			t.Errorf("%.100s: %v, want %s", pattern, err, want)
		}
	}
	if _, err := Compile("(?!x"); err == nil || err.Error() != "missing ), at byte 4" {
		t.Errorf("in words: %v", err)
	}
}

// A pattern that would search for ages gives up and does not match.
func TestASearchThatWouldTakeForEver(t *testing.T) {
	p, err := Compile(`^(?=(a+)+$)`) // with an x behind it, nothing would be searched
	if err != nil {
		t.Fatal(err)
	}
	if p.Match(strings.Repeat("a", 200) + "!") {
		t.Error("matched")
	}
}
