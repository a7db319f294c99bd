package access

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/postrider-mq/postrider/internal/pattern"
)

// A Permission is what a user may do in a virtual host, as patterns that the name of a queue or an exchange must match
// somewhere. An empty pattern matches the empty name alone: nothing.
type Permission struct {
	User      string
	VHost     string
	Configure string // declare and delete
	Write     string // publish; bind something to it
	Read      string // consume, get, purge; bind to something
}

// A Right is one of the three that a permission has a pattern for.
type Right uint8

const (
	Configure Right = iota
	Write
	Read
)

func (r Right) String() string { return [...]string{"configure", "write", "read"}[r] }

// A PatternError says which pattern of a permission is wrong.
type PatternError struct {
	Pattern string
	Err     error
}

func (e *PatternError) Error() string { return fmt.Sprintf("bad pattern %q: %v", e.Pattern, e.Err) }
func (e *PatternError) Unwrap() error { return e.Err }

// rule is a compiled pattern.
type rule struct {
	*pattern.Pattern
	all bool // it matches every name: nobody has to ask
}

// maxPattern bounds a pattern, in bytes: it is compiled for whoever logs in.
const maxPattern = 4096

func compile(text string) (r rule, err error) {
	if len(text) > maxPattern {
		return r, &PatternError{clip(text), fmt.Errorf("it is %d bytes long, at most %d are allowed", len(text), maxPattern)}
	}
	switch text {
	case "":
		text = "^$"
	case ".*", "^.*$", "^.*", ".*$":
		r.all = true
	}
	if r.Pattern, err = pattern.Compile(text); err != nil {
		return r, &PatternError{text, err}
	}
	return r, nil
}

func (r rule) allows(name string) bool { return r.all || r.Pattern != nil && r.Match(name) }

// grant is a permission, ready to be asked.
type grant struct {
	Permission
	rules [3]rule // by Right
}

func (p Permission) compile() (g grant, err error) {
	g.Permission = p
	for i, text := range [...]string{p.Configure, p.Write, p.Read} {
		if g.rules[i], err = compile(text); err != nil {
			return grant{}, err
		}
	}
	return g, nil
}

// Permissions returns all of them, by virtual host and user.
func (u *Users) Permissions() []Permission {
	u.mu.RLock()
	defer u.mu.RUnlock()
	list := make([]Permission, 0, len(u.grants))
	for _, g := range u.grants {
		list = append(list, g.Permission)
	}
	slices.SortFunc(list, func(a, b Permission) int {
		return cmp.Or(cmp.Compare(a.VHost, b.VHost), cmp.Compare(a.User, b.User))
	})
	return list
}

// SetPermission gives a user permissions in a virtual host, in place of those that he had there. Whether there is such
// a virtual host is the caller's to know. Errors: ErrNoUser, *PatternError.
func (u *Users) SetPermission(ctx context.Context, p Permission) error {
	g, err := p.compile()
	if err != nil {
		return err
	}
	if err := u.grant(ctx, g); err != nil {
		return err
	}
	u.tell(p.User)
	return nil
}

func (u *Users) grant(ctx context.Context, g grant) error {
	u.changing.Lock()
	defer u.changing.Unlock()
	if _, ok := u.find(g.User); !ok {
		return ErrNoUser
	}
	if err := u.save(ctx, g.Permission.record()); err != nil {
		return err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.grants[place{g.VHost, g.User}] = g
	return nil
}

// ClearPermission takes a user's permissions in a virtual host away; false if he has none.
func (u *Users) ClearPermission(ctx context.Context, vhost, user string) (bool, error) {
	was, err := u.revoke(ctx, place{vhost, user})
	if was && err == nil {
		u.tell(user)
	}
	return was, err
}

func (u *Users) revoke(ctx context.Context, at place) (bool, error) {
	u.changing.Lock()
	defer u.changing.Unlock()
	u.mu.RLock()
	g, was := u.grants[at]
	u.mu.RUnlock()
	if !was {
		return false, nil
	}
	if err := u.forget(ctx, g.Permission.record()); err != nil {
		return true, err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.grants, at)
	return true, nil
}

// ForgetVHost drops what users may do in a virtual host that is deleted; the store has dropped it already.
func (u *Users) ForgetVHost(vhost string) {
	u.mu.Lock()
	maps.DeleteFunc(u.grants, func(at place, _ grant) bool { return at.vhost == vhost })
	maps.DeleteFunc(u.topics, func(at topicPlace, _ topicGrant) bool { return at.vhost == vhost })
	u.mu.Unlock()
	u.generation.Add(1)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
