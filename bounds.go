package postrider

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/postrider-mq/postrider/internal/client"
)

// What a caller gives that makes no sense is said to be so by the first that returns an error: Start of a Config; Handle, Messages, Send, Post and Call of
// their options. All say it in one way: what it is of, what was given, what is wanted.

// unwanted is the error of a value.
func unwanted(what string, is any, want string) error {
	return fmt.Errorf("%s is %v: want %s", what, is, want)
}

// amiss is part of options. An option can return no error: it leaves one here, and the first counts.
type amiss struct{ wrong error }

func (a *amiss) wants(what string, is any, want string) {
	if a.wrong == nil {
		a.wrong = unwanted(what, is, want)
	}
}

// within is n, which has to be from least to most.
func (a *amiss) within(what string, n, least, most int) int {
	if n < least || n > most {
		a.wants(what, n, fmt.Sprintf("%d to %d", least, most))
	}
	return n
}

// named is a name, which has to be of 1 to 255 bytes.
func (a *amiss) named(what, name string) string {
	switch {
	case name == "":
		a.wants(what, "empty", "a name")
	case len(name) > client.MaxID:
		a.wants(what, fmt.Sprintf("%d bytes long", len(name)), fmt.Sprintf("at most %d", client.MaxID))
	}
	return name
}

// check says what makes no sense whatever the machine is like. Files, addresses and names of others are looked at where they are used.
func (c *Config) check() error {
	if err := checkName("Config.Name", c.Name); err != nil {
		return err
	}
	if most := client.MaxID - len(controlSuffix); len(c.Name) > most {
		return fmt.Errorf("Config.Name is %d bytes long, %d are allowed: the queue for control messages has a longer name", len(c.Name), most)
	}
	for _, bound := range []struct {
		what string
		is   int64
	}{
		{"OutboxMessages", int64(c.OutboxMessages)},
		{"OutboxBytes", int64(c.OutboxBytes)},
		{"InboxMessages", int64(c.InboxMessages)},
		{"InboxBytes", c.InboxBytes},
	} {
		if bound.is < 0 {
			return unwanted("Config."+bound.what, bound.is, "0, which is the default, or more")
		}
	}
	if user, _, ok := strings.Cut(c.Login, ":"); c.Login != "" && (!ok || user == "") {
		return errors.New("Config.Login: want user:password")
	}
	if c.Advertise != "" && !isHostPort(c.Advertise) {
		return unwanted("Config.Advertise", strconv.Quote(c.Advertise), "host:port")
	}
	for i, codec := range c.Codecs {
		if codec == nil {
			return unwanted(fmt.Sprintf("Config.Codecs[%d]", i), nilValue, "a Codec")
		}
	}
	for i, m := range c.SendMiddleware {
		if m == nil {
			return unwanted(fmt.Sprintf("Config.SendMiddleware[%d]", i), nilValue, "a function")
		}
	}
	for i, m := range c.HandleMiddleware {
		if m == nil {
			return unwanted(fmt.Sprintf("Config.HandleMiddleware[%d]", i), nilValue, "a function")
		}
	}
	return nil
}

// nilValue is how nil is told of.
const nilValue = "nil"

// isHostPort reports whether somebody could connect to an address.
func isHostPort(address string) bool {
	host, port, err := net.SplitHostPort(address)
	if err != nil || host == "" {
		return false
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0
}
