package access

import (
	"slices"
	"strings"
)

// A Permit is what a user may do in one virtual host. It does not change: when it is not Current any more, its owner
// asks for another one. The zero Permit permits nothing.
type Permit struct {
	users      *Users
	generation uint64

	User  string
	VHost string

	tags     []string
	limits   Limits
	exists   bool // the user does
	enters   bool // may use the virtual host at all
	all      bool // everything in it, without asking
	confined bool // to inbox
	inbox    string
	also     []string
	rules    [3]rule
	topics   map[string]topicGrant // by exchange
}

// Permit returns what a user may do in a virtual host, by now.
func (u *Users) Permit(user *User, vhost string) *Permit {
	p := &Permit{users: u, generation: u.generation.Load(), User: user.Name, VHost: vhost}
	if user.rights.given() { // the configuration's word holds as long as he is logged in
		p.exists, p.enters, p.tags = true, true, user.tags
		p.all, p.confined, p.inbox = user.rights.full, !user.rights.full, user.rights.inbox
		p.also = user.rights.also
		return p
	}
	u.mu.RLock()
	defer u.mu.RUnlock()
	acc, ok := u.byName[user.Name]
	if !ok {
		return p
	}
	p.exists, p.tags, p.limits = true, acc.tags, acc.limits
	g, ok := u.grants[place{vhost, user.Name}]
	if !ok {
		return p
	}
	p.enters, p.rules = true, g.rules
	for at, t := range u.topics {
		if at.vhost == vhost && at.user == user.Name {
			p.bound(t)
		}
	}
	p.all = p.rules[Configure].all && p.rules[Write].all && p.rules[Read].all && p.topics == nil
	return p
}

func (p *Permit) bound(t topicGrant) {
	if p.topics == nil {
		p.topics = map[string]topicGrant{}
	}
	p.topics[t.Exchange] = t
}

// Current says whether nothing has changed since the permit was given. It costs next to nothing.
func (p *Permit) Current() bool { return p.users != nil && p.generation == p.users.generation.Load() }

// Exists says whether there is such a user still.
func (p *Permit) Exists() bool { return p.exists }

// Enters says whether the user may use the virtual host at all.
func (p *Permit) Enters() bool { return p.enters }

// Everything says whether nothing else need be asked.
func (p *Permit) Everything() bool { return p.all }

// May says whether the user has a right to the queue or the exchange of that name. It does not allocate.
func (p *Permit) May(right Right, name string) bool {
	return p.all || p.enters && p.rules[right].allows(name)
}

// Bounds says whether there is anything to ask of routing keys at a topic exchange.
func (p *Permit) Bounds(exchange string) bool {
	_, ok := p.topics[exchange]
	return ok
}

// MayTopic says whether a routing key is free to be published to (Write) or bound (Read) at a topic exchange.
func (p *Permit) MayTopic(right Right, exchange, key string) bool {
	t, ok := p.topics[exchange]
	switch {
	case !ok:
		return true
	case right == Write:
		return t.write.allows(key)
	default:
		return t.read.allows(key)
	}
}

// Tagged says whether the user has a tag, or one that it comes with.
func (p *Permit) Tagged(tag string) bool { return Tagged(p.tags, tag) }

// Impersonates says whether the user may publish in another's name.
func (p *Permit) Impersonates() bool { return slices.Contains(p.tags, Impersonator) }

// Limits are the user's.
func (p *Permit) Limits() Limits { return p.limits }

// Confined says whether the user is a peer, who may only publish, into one inbox.
func (p *Permit) Confined() (inbox string, confined bool) { return p.inbox, p.confined }

// MayReach says whether a confined user may publish there: into his inbox through the default exchange, and to those
// who ask by direct reply-to.
func (p *Permit) MayReach(exchange, key string) bool {
	return exchange == "" && (key == p.inbox && p.inbox != "" || strings.HasPrefix(key, replyTo) || slices.Contains(p.also, key))
}
