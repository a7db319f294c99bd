package access

import (
	"errors"
	"sync"
)

// Users are the accounts, in memory. It is safe for concurrent use.
type Users struct {
	stranger passwordHash // what the password of an unknown name is compared with; nothing is equal to it

	mu     sync.RWMutex
	byName map[string]account
}

// An account is a user with what proves it.
type account struct {
	user *User
	hash passwordHash
	open bool // the guest: its password is no secret
}

const guestName, guestPassword = "guest", "guest"

// NewUsers returns an empty list.
func NewUsers() *Users {
	return &Users{stranger: unmatched(), byName: map[string]account{}}
}

// Add adds a user, or gives the one of that name another password and other rights from now on; who is
// logged in already stays so. Hashing the password takes tens of milliseconds, and 19 MiB of memory.
// An empty name or password, or one that is too long to be sent, is an error; so is the name guest: see AddGuest.
func (u *Users) Add(name, password string, rights Rights) error {
	switch {
	case name == guestName:
		return errors.New("access: guest is a name for the password that everybody knows")
	case name == "" || password == "":
		return errors.New("access: a user needs a name and a password")
	}
	if _, err := (login{name, password}).checked(); err != nil {
		return err
	}
	u.set(account{user: &User{Name: name, rights: rights}, hash: hashPassword(password)})
	return nil
}

// AddGuest adds the user guest with the password guest, who may log in from this host only.
func (u *Users) AddGuest(rights Rights) {
	u.set(account{user: &User{Name: guestName, rights: rights}, open: true})
}

// Remove takes the user off the list. Who is logged in already stays so.
func (u *Users) Remove(name string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.byName, name)
}

func (u *Users) set(acc account) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.byName[acc.user.Name] = acc
}

// find returns the account of that name; or, with ok false, one that costs as much to check and that no password fits.
func (u *Users) find(name string) (acc account, ok bool) {
	u.mu.RLock()
	defer u.mu.RUnlock()
	if acc, ok := u.byName[name]; ok {
		return acc, true
	}
	return account{hash: u.stranger}, false
}
