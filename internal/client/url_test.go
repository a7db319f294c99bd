package client

import (
	"strings"
	"testing"
)

func TestParseURL(t *testing.T) {
	for in, want := range map[string]Address{
		"amqp://h":                     {"h:5672", false, "guest", "guest", "/", "", false, ""},
		"amqp://h/":                    {"h:5672", false, "guest", "guest", "/", "", false, ""},
		"amqps://h":                    {"h:5671", true, "guest", "guest", "/", "", false, ""},
		"amqp://u:p%40ss@h:1/v":        {"h:1", false, "u", "p@ss", "v", "", false, ""},
		"amqp://u@h/%2f":               {"h:5672", false, "u", "", "/", "", false, ""},
		"amqp://[::1]:7/a%2Fb":         {"[::1]:7", false, "guest", "guest", "a/b", "", false, ""},
		"amqp://[::1]":                 {"[::1]:5672", false, "guest", "guest", "/", "", false, ""},
		"amqp://user:secret@example/x": {"example:5672", false, "user", "secret", "x", "", false, ""},
	} {
		got, err := ParseURL(in)
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v, want %+v", in, got, err, want)
		}
		if strings.Contains(got.String(), "secret") {
			t.Errorf("%s tells the password", got)
		}
	}
	for _, in := range []string{"", "h:5672", "http://h", "amqp://", "amqp://:5672", "amqp://u:secret@h:x", "amqp://u:secret@h/%zz"} {
		if a, err := ParseURL(in); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %+v, %v", in, a, err)
		}
	}
}
