package postrider_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/postridertest"
)

// What makes no sense in a configuration is refused by Start, which says what it was and what it wants.
func TestAConfigurationThatMakesNoSense(t *testing.T) {
	type config = postrider.Config
	for want, spoil := range map[string]func(*config){
		"Config.OutboxMessages is -1: want 0, which is the default, or more": func(c *config) { c.OutboxMessages = -1 },
		"Config.OutboxBytes is -1: want 0, which is the default, or more":    func(c *config) { c.OutboxBytes = -1 },
		"Config.InboxMessages is -1: want 0, which is the default, or more":  func(c *config) { c.InboxMessages = -1 },
		"Config.InboxBytes is -1: want 0, which is the default, or more":     func(c *config) { c.InboxBytes = -1 },
		"Config.Codecs[0] is nil: ":                                          func(c *config) { c.Codecs = make([]postrider.Codec, 1) },
		"Config.SendMiddleware[0] is nil: ":                                  func(c *config) { c.SendMiddleware = make([]postrider.SendMiddleware, 1) },
		"Config.HandleMiddleware[0] is nil: ":                                func(c *config) { c.HandleMiddleware = make([]postrider.HandleMiddleware, 1) },
		`Config.Advertise is "bob": want host:port`:                          func(c *config) { c.Advertise = "bob" },
		`Config.Advertise is "bob:": want host:port`:                         func(c *config) { c.Advertise = "bob:" },
		`Config.Advertise is ":5671": want host:port`:                        func(c *config) { c.Advertise = ":5671" },
		`Config.Advertise is "bob:70000": want host:port`:                    func(c *config) { c.Advertise = "bob:70000" },
		"Config.Login: want user:password":                                   func(c *config) { c.Login = ":secret" },
		"Config.Name is 250 bytes long, 247 are allowed":                     func(c *config) { c.Name = strings.Repeat("n", 250) },
		"Config.Name is empty":                                               func(c *config) { c.Name = "" },
		"Config.SealedFor is -1s: want ":                                     func(c *config) { c.Keys, c.SealedFor = postridertest.NewKeys(t).Of("bob"), -time.Second },
		"Config.Brokers: ":                                                   func(c *config) { c.Brokers = []string{""} },
		"a name in Config.Peers is empty":                                    func(c *config) { c.Peers = map[string]string{"": "bob:1"} },
		`Config.Peers["bob"]: `:                                              func(c *config) { c.Peers = map[string]string{"bob": ""} },
	} {
		cfg := config{Name: "bob", Logger: slog.New(slog.DiscardHandler)}
		spoil(&cfg)
		n, err := postrider.Start(t.Context(), cfg)
		if err == nil {
			n.Close()
		}
		wantText(t, err, "postrider: "+want)
	}
}

// What zero means, and what is least and most, is taken.
func TestAConfigurationAtItsBounds(t *testing.T) {
	cfg := postrider.Config{Name: strings.Repeat("n", 247), OutboxMessages: 1, OutboxBytes: 1, InboxMessages: 1, InboxBytes: 1,
		CallTimeout: -1, ConsumerTimeout: -1, Advertise: "[::1]:5671", Login: "user:", Logger: slog.New(slog.DiscardHandler)}
	n, err := postrider.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	n.Close()
}

func TestReceivingWithOptionsThatMakeNoSense(t *testing.T) {
	net := postridertest.New(t)
	n := net.Node("bob")
	handler := func(context.Context, *postrider.Message) error { return nil }
	for want, option := range map[string]postrider.HandleOption{
		"Workers is 0: want 1 to 65535":      postrider.Workers(0),
		"Workers is -1: want 1 to 65535":     postrider.Workers(-1),
		"Workers is 65536: want 1 to 65535":  postrider.Workers(65536),
		"Prefetch is 0: want 1 to 65535":     postrider.Prefetch(0),
		"Prefetch is -1: want 1 to 65535":    postrider.Prefetch(-1),
		"Prefetch is 70000: want 1 to 65535": postrider.Prefetch(70000),
		"MaxTries is -1: want ":              postrider.MaxTries(-1),
		"Backoff is nil: want ":              postrider.Backoff(nil),
	} {
		err := n.Handle(t.Context(), n.Mailbox("jobs"), handler, option)
		wantText(t, err, "postrider: receiving from mailbox jobs: "+want)
	}
	for want, option := range map[string]postrider.MessagesOption{
		"Of is nil: want ":     postrider.Of(nil),
		"From is empty: want ": postrider.From(""),
	} {
		for _, err := range n.Messages(t.Context(), option) {
			wantText(t, err, "postrider: receiving: "+want)
		}
	}
	for want, target := range map[string]*postrider.Target{
		"0 partitions, 1 to 256 are allowed":   n.Mailbox("parted", postrider.Partitions(0)),
		"-1 partitions, 1 to 256 are allowed":  n.Mailbox("parted", postrider.Partitions(-1)),
		"257 partitions, 1 to 256 are allowed": n.Mailbox("parted", postrider.Partitions(257)),
		"name is empty":                        n.Mailbox(""),
		"name is 256 bytes long":               n.Mailbox(strings.Repeat("m", 256)),
		"the topic's name is empty":            n.Topic(""),
		"the subscription's name is empty":     n.Topic("prices", postrider.Durable("")),
		"the pattern ":                         n.Topic("prices", postrider.Matching(strings.Repeat("p", 256))),
	} {
		wantText(t, n.Handle(t.Context(), target, handler), want)
		wantText(t, target.Send(t.Context(), "x"), want)
	}
}

func TestSendingWithOptionsThatMakeNoSense(t *testing.T) {
	net := postridertest.New(t)
	n := net.Node("bob")
	for want, option := range map[string]postrider.SendOption{
		"Until is grade 77: want ":               postrider.Until(77),
		"Expires is 0s: want ":                   postrider.Expires(0),
		"Expires is -1s: want ":                  postrider.Expires(-time.Second),
		"Expires is 1200h0m0s: want ":            postrider.Expires(50 * 24 * time.Hour),
		"Control is empty: want ":                postrider.Control(""),
		"Control is 256 bytes long":              postrider.Control(strings.Repeat("c", 256)),
		"a Header's name is empty: want ":        postrider.Header("", 1),
		"too long":                               postrider.Header(strings.Repeat("h", 256), 1),
		"the ID is 256 bytes long, 255 are":      postrider.ID(strings.Repeat("i", 256)),
		"is 256 bytes long, 255 are allowed":     postrider.Key(strings.Repeat("k", 256)),
		`header "h": a chan int cannot travel: `: postrider.Header("h", make(chan int)),
	} {
		for _, to := range []*postrider.Target{n.Inbox(), n.Mailbox("jobs"), n.Topic("news")} {
			wantText(t, to.Send(t.Context(), "x", option), want)
			_, err := to.Post(t.Context(), "x", option)
			wantText(t, err, want)
			_, err = postrider.Call[string](t.Context(), to, "x", option)
			wantText(t, err, want)
		}
	}
	err := n.Inbox().Send(t.Context(), "x", postrider.Expires(-time.Second))
	if failed := new(postrider.SendError); !errors.Is(err, postrider.ErrExpired) || !errors.As(err, &failed) || failed.MaybeDelivered {
		t.Errorf("a message that has expired before it was sent: %v", err)
	}
	rc, err := n.Inbox().Post(t.Context(), "x", postrider.Until(postrider.Pending), postrider.Expires(1), postrider.ID(""), postrider.Key(""))
	if err != nil {
		t.Fatal(err)
	}
	wantText(t, rc.WaitFor(t.Context(), 77), "postrider: WaitFor: its grade is grade 77: want ")
}

func wantText(t *testing.T, err error, text string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("got %v\nwant an error with %q", err, text)
	}
}
