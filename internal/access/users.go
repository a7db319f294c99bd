package access

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unicode"
	"unicode/utf8"
)

// Users are the accounts, and what each may do where. It is safe for concurrent use.
//
// There are two kinds of account. Those of the configuration come by Add and AddGuest, have Rights, and last as long
// as the process; nobody changes them at run time. All others come by Put, may do what permissions say, and are kept
// by a Store, if there is one.
type Users struct {
	stranger   passwordHash  // what the password of an unknown name is compared with; nothing is equal to it
	generation atomic.Uint64 // goes up with each change of what somebody may do
	store      Store

	// changing is held while something is changed: written down first, and then so.
	changing sync.Mutex

	mu       sync.RWMutex // a leaf
	byName   map[string]*account
	grants   map[place]grant
	topics   map[topicPlace]topicGrant
	watchers []func(user string)
}

// An account is a user with what proves it. It does not change; another one takes its place.
type account struct {
	name   string
	tags   []string
	hash   passwordHash
	open   bool // the guest: its password is no secret
	limits Limits

	// configured says that the account is one of the configuration, and rights what it may do.
	configured bool
	rights     Rights
}

// place is where a user has permissions.
type place struct{ vhost, user string }

const guestName, guestPassword = "guest", "guest"

// Errors of changes that are asked for.
var (
	ErrConfigured = errors.New("the user is given by the broker's configuration: change it there")
	ErrNoUser     = errors.New("no such user")
	ErrNoPassword = errors.New("a user needs a password, or an empty password_hash to have none")
	ErrNoName     = errors.New("a user needs a name of at most 255 bytes, in UTF-8 and without control characters")
)

// NewUsers returns an empty list, in memory.
func NewUsers() *Users {
	return &Users{
		stranger: unmatched(),
		byName:   map[string]*account{},
		grants:   map[place]grant{},
		topics:   map[topicPlace]topicGrant{},
	}
}

// Add adds a user of the configuration, or gives the one of that name another password and other rights from now on;
// who is logged in already stays so. Hashing the password takes tens of milliseconds, and 19 MiB of memory.
// An empty name or password, or one that is too long to be sent, is an error; so is the name guest: see AddGuest.
func (u *Users) Add(name, password string, rights Rights) error {
	switch {
	case name == guestName:
		return errors.New("guest cannot be one of them: it is the user that everybody knows, and where there are no others may come from this machine; choose another name")
	case name == "" || password == "":
		return fmt.Errorf("a user needs a name and a password, and %q lacks one", name)
	}
	if _, err := (login{name, password}).checked(); err != nil {
		return err
	}
	u.set(&account{name: name, tags: rights.tags(), hash: hashPassword(password), rights: rights, configured: true})
	return nil
}

// AddGuest adds the user guest with the password guest, who may log in from this host only.
func (u *Users) AddGuest(rights Rights) {
	u.set(&account{name: guestName, tags: rights.tags(), open: true, rights: rights, configured: true})
}

// Remove takes a user of the configuration off the list. Who is logged in already stays so.
func (u *Users) Remove(name string) { u.drop(name) }

func (u *Users) set(acc *account) {
	u.mu.Lock()
	u.byName[acc.name] = acc
	u.mu.Unlock()
	u.generation.Add(1)
}

func (u *Users) drop(name string) {
	u.mu.Lock()
	delete(u.byName, name)
	for at := range u.grants {
		if at.user == name {
			delete(u.grants, at)
		}
	}
	for at := range u.topics {
		if at.user == name {
			delete(u.topics, at)
		}
	}
	u.mu.Unlock()
	u.generation.Add(1)
}

// find returns the account of that name; or, with ok false, one that costs as much to check and that no password fits.
func (u *Users) find(name string) (acc *account, ok bool) {
	u.mu.RLock()
	defer u.mu.RUnlock()
	if acc, ok := u.byName[name]; ok {
		return acc, true
	}
	return &account{name: name, hash: u.stranger}, false
}

// HasGuest says whether there is a guest who is kept, with the password that everybody knows.
func (u *Users) HasGuest() bool {
	acc, ok := u.find(guestName)
	return ok && acc.open && !acc.configured
}

// Generation goes up with each change of what somebody may do.
func (u *Users) Generation() uint64 { return u.generation.Load() }

// Watch asks for a call after each change of what a user may do, or of who he is. It is called without locks by whoever
// makes the change.
func (u *Users) Watch(changed func(user string)) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.watchers = append(u.watchers, changed)
}

func (u *Users) tell(user string) {
	u.generation.Add(1)
	u.mu.RLock()
	watchers := u.watchers
	u.mu.RUnlock()
	for _, changed := range watchers {
		changed(user)
	}
}

// UserInfo is a user as an administrator sees it.
type UserInfo struct {
	Name       string
	Tags       []string
	Hash       string // of the password; empty if there is none, or if it is no secret
	Algorithm  string // of the hash
	Limits     Limits
	Configured bool // given by the configuration: it cannot be changed
	Open       bool // it is guest with the password guest
}

func (a *account) info() UserInfo {
	return UserInfo{a.name, slices.Clone(a.tags), a.hash.text(), a.hash.algorithm, a.limits, a.configured, a.open}
}

// List returns all users, by name.
func (u *Users) List() []UserInfo {
	u.mu.RLock()
	defer u.mu.RUnlock()
	list := make([]UserInfo, 0, len(u.byName))
	for _, name := range sortedKeys(u.byName) {
		list = append(list, u.byName[name].info())
	}
	return list
}

// Get returns a user.
func (u *Users) Get(name string) (UserInfo, bool) {
	acc, ok := u.find(name)
	if !ok {
		return UserInfo{}, false
	}
	return acc.info(), true
}

// A Change is what Put makes of a user. Nil leaves it as it is; for a new user, without.
type Change struct {
	Tags     *[]string
	Password *string // "" takes the password away
	// Hash is used in place of a Password: as List gives it, or as RabbitMQ exports it, of Algorithm, or SHA256 when
	// that is empty. "" takes the password away.
	Hash      *string
	Algorithm string
}

// Put makes a user, or changes the one of that name; made is false then. Who is logged in stays so. It returns after
// that is safe on disk. Errors: ErrConfigured, ErrNoName, ErrNoPassword for a new user without, a bad hash.
func (u *Users) Put(ctx context.Context, name string, c Change) (made bool, err error) {
	if name == "" || len(name) > maxName || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		return false, ErrNoName
	}
	hash, changed, err := c.hash()
	if err != nil {
		return false, err
	}
	made, err = u.put(ctx, name, c, hash, changed)
	if err != nil {
		return false, err
	}
	u.tell(name)
	return made, nil
}

// hash is what the change makes of the password.
func (c *Change) hash() (h passwordHash, changed bool, err error) {
	switch {
	case c.Password != nil && *c.Password == "":
		return h, true, nil
	case c.Password != nil && len(*c.Password) > maxPassword:
		return h, false, errTooLong
	case c.Password != nil:
		return hashPassword(*c.Password), true, nil
	case c.Hash != nil:
		h, err = parseHash(c.Algorithm, *c.Hash)
		return h, true, err
	}
	return h, false, nil
}

func (u *Users) put(ctx context.Context, name string, c Change, hash passwordHash, changed bool) (made bool, err error) {
	u.changing.Lock()
	defer u.changing.Unlock()
	old, had := u.find(name)
	switch {
	case had && old.configured:
		return false, ErrConfigured
	case !had && !changed:
		return false, ErrNoPassword
	case !had:
		old = &account{name: name}
	}
	next := *old
	if changed {
		next.hash, next.open = hash, false
	}
	if c.Tags != nil {
		next.tags = slices.Clone(*c.Tags)
	}
	return !had, u.keep(ctx, &next)
}

// keep writes an account down, and then it is so. The caller holds changing.
func (u *Users) keep(ctx context.Context, acc *account) error {
	if err := u.save(ctx, acc.record()); err != nil {
		return err
	}
	u.set(acc)
	return nil
}

// PutGuest makes the user guest with the password guest, who may log in from this host only: an administrator with
// all permissions in vhost. Unlike AddGuest's it is kept, and can be deleted.
func (u *Users) PutGuest(ctx context.Context, vhost string) error {
	if err := u.putGuest(ctx); err != nil {
		return err
	}
	return u.SetPermission(ctx, Permission{User: guestName, VHost: vhost, Configure: ".*", Write: ".*", Read: ".*"})
}

func (u *Users) putGuest(ctx context.Context) error {
	u.changing.Lock()
	defer u.changing.Unlock()
	return u.keep(ctx, &account{name: guestName, tags: []string{Administrator}, open: true})
}

// Delete deletes a user with his permissions; false if there is none. It returns after that is safe on disk; whoever
// watches ends his connections. Errors: ErrConfigured.
func (u *Users) Delete(ctx context.Context, name string) (bool, error) {
	was, err := u.delete(ctx, name)
	if was && err == nil {
		u.tell(name)
	}
	return was, err
}

func (u *Users) delete(ctx context.Context, name string) (bool, error) {
	u.changing.Lock()
	defer u.changing.Unlock()
	switch acc, ok := u.find(name); {
	case !ok:
		return false, nil
	case acc.configured:
		return true, ErrConfigured
	}
	for _, s := range u.recordsOf(name) { // the user last: a permission without its user is nothing
		if err := u.forget(ctx, s); err != nil {
			return true, err
		}
	}
	u.drop(name)
	return true, nil
}

// SetLimits bounds what a user may have at once. Errors: ErrNoUser, ErrConfigured.
func (u *Users) SetLimits(ctx context.Context, name string, l Limits) error {
	u.changing.Lock()
	defer u.changing.Unlock()
	switch acc, ok := u.find(name); {
	case !ok:
		return ErrNoUser
	case acc.configured:
		return ErrConfigured
	default:
		next := *acc
		next.limits = l
		return u.keep(ctx, &next)
	}
}

// improve keeps a better hash of the password that acc was just found to have.
func (u *Users) improve(ctx context.Context, acc *account, password string) error {
	hash := hashPassword(password)
	u.changing.Lock()
	defer u.changing.Unlock()
	if now, ok := u.find(acc.name); !ok || now != acc {
		return nil // it was changed meanwhile
	}
	next := *acc
	next.hash = hash
	return u.keep(ctx, &next)
}
