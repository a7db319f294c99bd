package client

import (
	"fmt"
	"net"
	"net/url"
	"strings"
)

// Address is where a broker is and how to enter it, parsed from an AMQP URL:
//
//	amqp[s]://[user[:password]@]host[:port][/vhost]
type Address struct {
	Host     string // host:port
	TLS      bool
	User     string
	Password string
	VHost    string
	Key      string // what [PublicKey] gives of the certificate that is wanted there; "": whatever is signed by whom we trust
	Near     bool   // it counts on this machine alone
	Name     string // whose certificate is wanted there; "": Host's
}

// ParseURL parses an AMQP URL. What is left out is guest, guest, 5672 (5671 with TLS)
// and the virtual host "/". Errors do not repeat the URL's password.
func ParseURL(s string) (Address, error) {
	u, err := url.Parse(s)
	if (err != nil || u.Opaque != "") && hostPort(s) {
		return Address{}, fmt.Errorf("not an AMQP URL: want it as amqp://%s", s)
	}
	if err != nil {
		return Address{}, fmt.Errorf("not an AMQP URL: %w", stripped(err))
	}
	a := Address{User: "guest", Password: "guest", VHost: "/"}
	port := "5672"
	switch u.Scheme {
	case "amqp":
	case "amqps":
		a.TLS, port = true, "5671"
	default:
		return Address{}, fmt.Errorf("not an AMQP URL: %q has the scheme %q, want amqp or amqps", u.Redacted(), u.Scheme)
	}
	if u.Hostname() == "" {
		return Address{}, fmt.Errorf("AMQP URL %q names no host", u.Redacted())
	}
	if u.Port() != "" {
		port = u.Port()
	}
	a.Host = net.JoinHostPort(u.Hostname(), port)
	if u.User != nil {
		a.User = u.User.Username()
		a.Password, _ = u.User.Password()
	}
	if path := strings.TrimPrefix(u.EscapedPath(), "/"); path != "" {
		if a.VHost, err = url.PathUnescape(path); err != nil {
			return Address{}, fmt.Errorf("AMQP URL %q: %w", u.Redacted(), err)
		}
	}
	return a, nil
}

// hostPort tells an address that lacks nothing but the scheme; it has no password to repeat.
func hostPort(s string) bool {
	host, port, err := net.SplitHostPort(s)
	return err == nil && host != "" && port != "" && !strings.ContainsAny(s, "@/")
}

// stripped is a URL error without the URL, which may hold a password.
func stripped(err error) error {
	if e, ok := err.(*url.Error); ok {
		return e.Err
	}
	return err
}

// String is the address without its secrets.
func (a Address) String() string {
	scheme := "amqp"
	if a.TLS {
		scheme = "amqps"
	}
	s := scheme + "://" + a.Host
	if a.VHost != "/" {
		s += "/" + url.PathEscape(a.VHost)
	}
	return s
}
