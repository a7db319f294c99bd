package postrider

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/postrider-mq/postrider/internal/client"
)

// place is where a peer's process is, or who has to be asked.
type place struct {
	at  client.Address // as it is, unless one of the others is set
	srv string         // a domain whose SRV records say where; at has what they do not say
	ask string         // the name of a node, which says itself where it is, by way of the brokers
}

// find returns where a peer is and the name of its inbox there. The caller holds mu.
func (n *Node) find(name string) (place, string, error) {
	if p, ok := n.peers[name]; ok { // whose name was checked
		return p, name, nil
	}
	if strings.Contains(name, "://") {
		return n.findURL(name)
	}
	if err := checkName("the peer's name", name); err != nil {
		return place{}, "", fmt.Errorf("%w: %w", ErrNoSuchTarget, err)
	}
	if len(n.mail) == 0 {
		return place{}, "", fmt.Errorf("%w: %q %w", ErrNoSuchTarget, name, errPeerUnknown)
	}
	return place{ask: name}, name, nil
}

// findURL takes an address that ends in the peer's name.
func (n *Node) findURL(s string) (place, string, error) {
	u, err := url.Parse(s)
	if bad := (*url.Error)(nil); errors.As(err, &bad) {
		err = bad.Err // without the URL, which may hold a password
	}
	if err != nil {
		return place{}, "", fmt.Errorf("%w: %w", ErrNoSuchTarget, err)
	}
	inbox := strings.TrimPrefix(u.Path, "/")
	u.Path, u.RawPath = "", ""
	p, err := n.peerAt(u.String())
	if err == nil {
		err = checkName("amqp://host:port/name: the name", inbox)
	}
	if err != nil {
		return place{}, "", fmt.Errorf("%w: %w", ErrNoSuchTarget, err)
	}
	return p, inbox, nil
}

// peerAt is where a peer is, with the login for it: its address's, or, if that says none, that of the configuration.
func (n *Node) peerAt(where string) (place, error) {
	secured := n.cfg.shown != nil
	if secured && !strings.Contains(where, "://") {
		where = "amqps://" + where
	}
	p, err := placeOf(where)
	if err == nil && secured && !p.at.TLS {
		err = errors.New("it is without TLS, and Keys.Secure is for nodes that know each other by it: want host:port or amqps://")
	}
	if err != nil {
		return p, err
	}
	if u, err := url.Parse(where); err != nil || u.User == nil { // host:port is no URL
		n.cfg.logIn(&p.at)
	}
	return p, nil
}

// logIn gives an address without a login the configuration's, if it has one.
func (c *Config) logIn(at *client.Address) {
	if user, password, has := strings.Cut(c.Login, ":"); has {
		at.User, at.Password = user, password
	}
}

// placeOf parses what Config.Peers says: host:port, an AMQP URL, or one with +srv.
func placeOf(where string) (p place, err error) {
	if !strings.Contains(where, "://") {
		if _, _, err := net.SplitHostPort(where); err != nil {
			return p, fmt.Errorf("want host:port or an AMQP URL: %w", err)
		}
		where = "amqp://" + where
	}
	if scheme, rest, ok := strings.Cut(where, "+srv://"); ok {
		return placeByDNS(scheme + "://" + rest)
	}
	p.at, err = client.ParseURL(where)
	return p, err
}

// placeByDNS takes an AMQP URL that names a domain.
func placeByDNS(where string) (p place, err error) {
	if p.at, err = client.ParseURL(where); err != nil {
		return p, err
	}
	u, err := url.Parse(where)
	if err != nil {
		return p, err
	}
	if u.Port() != "" {
		return p, fmt.Errorf("%q has a port, which the SRV records of %s are to say: leave it out", u.Redacted(), u.Hostname())
	}
	p.srv, p.at.Host = u.Hostname(), ""
	return p, nil
}

// brokerAt parses what Config.Brokers says: an AMQP URL, or one with +srv.
func brokerAt(where string) (place, error) {
	if !strings.Contains(where, "://") {
		_, err := client.ParseURL(where)
		return place{}, err
	}
	return placeOf(where)
}

// whereabouts returns what a connection to one of some places needs: addresses, or a way to find them whenever it connects.
func (n *Node) whereabouts(places []place) ([]client.Address, func(context.Context) ([]client.Address, error)) {
	var fixed []client.Address
	for _, p := range places {
		if p.srv != "" || p.ask != "" {
			return nil, func(ctx context.Context) ([]client.Address, error) { return n.seek(ctx, places) }
		}
		fixed = append(fixed, p.at)
	}
	return fixed, nil
}

// names are the places in words.
func names(places []place) string {
	var all []string
	for _, p := range places {
		switch {
		case p.srv != "":
			all = append(all, "the SRV records of "+p.srv)
		case p.ask != "":
			all = append(all, "node "+p.ask)
		default:
			all = append(all, p.at.String())
		}
	}
	return strings.Join(all, ", ")
}

// seek finds the addresses of all places that can be found.
func (n *Node) seek(ctx context.Context, places []place) (all []client.Address, err error) {
	var failed error
	for _, p := range places {
		found := []client.Address{p.at}
		switch {
		case p.srv != "":
			found, err = n.lookUp(ctx, p)
		case p.ask != "":
			found, err = n.askWhere(ctx, p.ask)
		}
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		all = append(all, found...)
	}
	if len(all) > 0 {
		return all, nil
	}
	return nil, failed
}

// lookUp asks DNS for the SRV records _amqp._tcp, or _amqps._tcp, of the domain (RFC 2782), in the order in which they are to be tried. DNS can be
// forged: a host that is not of the domain has to show the domain's certificate (RFC 6125, section 6.2.1), and not its own.
func (n *Node) lookUp(ctx context.Context, p place) ([]client.Address, error) {
	service := "amqp"
	if p.at.TLS {
		service = "amqps"
	}
	r := n.cfg.Resolver
	if r == nil {
		r = net.DefaultResolver
	}
	_, records, err := r.LookupSRV(ctx, service, "tcp", p.srv)
	if err != nil && len(records) == 0 {
		return nil, err
	}
	var all []client.Address
	for _, record := range records {
		at, host := p.at, strings.TrimSuffix(record.Target, ".")
		at.Host = net.JoinHostPort(host, fmt.Sprint(record.Port))
		if !isOf(host, p.srv) {
			at.Name = strings.TrimSuffix(p.srv, ".")
		}
		all = append(all, at)
	}
	return all, nil
}

// isOf reports whether a host is of a domain.
func isOf(host, domain string) bool {
	host, domain = strings.ToLower(host), strings.ToLower(strings.TrimSuffix(domain, "."))
	return host == domain || strings.HasSuffix(host, "."+domain)
}

// errNobody is why a node was not found.
var errNobody = errors.New("no node of that name which listens is connected to the brokers")
