package access

import (
	"cmp"
	"context"
	"regexp"
	"slices"
	"strings"
)

// A TopicPermission bounds the routing keys that a user may publish to, or bind, at one topic exchange. Without one
// every key is free. {username}, {vhost} and {client_id} in a pattern stand for those of the connection; {client_id} stands
// for itself where the protocol has none, as AMQP 0-9-1.
type TopicPermission struct {
	User     string
	VHost    string
	Exchange string
	Write    string
	Read     string
}

// topicPlace is where a topic permission holds.
type topicPlace struct{ vhost, user, exchange string }

func (p *TopicPermission) place() topicPlace { return topicPlace{p.VHost, p.User, p.Exchange} }

// topicGrant is a topic permission, ready to be asked: what stands for something stands for it.
type topicGrant struct {
	TopicPermission
	write, read rule
}

func (p TopicPermission) compile() (g topicGrant, err error) {
	g.TopicPermission = p
	if g.write, err = compile(p.expand(p.Write)); err == nil {
		g.read, err = compile(p.expand(p.Read))
	}
	return g, err
}

// expand puts names where they are stood for. A name is a name, whatever it means as a pattern: a user called ".*"
// gains nothing by it.
func (p *TopicPermission) expand(text string) string {
	return strings.NewReplacer(
		"{username}", regexp.QuoteMeta(p.User),
		"{vhost}", regexp.QuoteMeta(p.VHost),
		"{client_id}", regexp.QuoteMeta("{client_id}"),
	).Replace(text)
}

// TopicPermissions returns all of them, by virtual host, user and exchange.
func (u *Users) TopicPermissions() []TopicPermission {
	u.mu.RLock()
	defer u.mu.RUnlock()
	list := make([]TopicPermission, 0, len(u.topics))
	for _, g := range u.topics {
		list = append(list, g.TopicPermission)
	}
	slices.SortFunc(list, func(a, b TopicPermission) int {
		return cmp.Or(cmp.Compare(a.VHost, b.VHost), cmp.Compare(a.User, b.User), cmp.Compare(a.Exchange, b.Exchange))
	})
	return list
}

// SetTopicPermission bounds a user's routing keys at an exchange, in place of what bounded them there. Errors:
// ErrNoUser, *PatternError.
func (u *Users) SetTopicPermission(ctx context.Context, p TopicPermission) error {
	g, err := p.compile()
	if err != nil {
		return err
	}
	if err := u.bound(ctx, g); err != nil {
		return err
	}
	u.tell(p.User)
	return nil
}

func (u *Users) bound(ctx context.Context, g topicGrant) error {
	u.changing.Lock()
	defer u.changing.Unlock()
	if _, ok := u.find(g.User); !ok {
		return ErrNoUser
	}
	if err := u.save(ctx, g.TopicPermission.record()); err != nil {
		return err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.topics[g.place()] = g
	return nil
}

// ClearTopicPermissions frees a user's routing keys at one exchange of a virtual host, or at all of it when exchange is
// empty; false if nothing bound them.
func (u *Users) ClearTopicPermissions(ctx context.Context, vhost, user, exchange string) (bool, error) {
	was, err := u.unbound(ctx, topicPlace{vhost, user, exchange})
	if was && err == nil {
		u.tell(user)
	}
	return was, err
}

func (u *Users) unbound(ctx context.Context, at topicPlace) (was bool, err error) {
	u.changing.Lock()
	defer u.changing.Unlock()
	for _, p := range u.TopicPermissions() {
		if p.VHost != at.vhost || p.User != at.user || at.exchange != "" && p.Exchange != at.exchange {
			continue
		}
		was = true
		if err := u.forget(ctx, p.record()); err != nil {
			return was, err
		}
		u.mu.Lock()
		delete(u.topics, p.place())
		u.mu.Unlock()
	}
	return was, nil
}
