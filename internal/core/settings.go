package core

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/journal"
)

// A Setting is a fact that the core keeps for others and does not read: a user,
// a permission, a policy. One whose VHost is a virtual host goes with it.
type Setting struct {
	Kind  string // whose it is, and so what Value means: "user", "permission"
	VHost string // empty: it belongs to the broker
	Name  string // within the kind and the virtual host
	Value []byte // nobody may change it afterwards
}

type settingKey struct{ kind, vhost, name string }

func (s *Setting) key() settingKey { return settingKey{s.Kind, s.VHost, s.Name} }

func (s *Setting) record() []byte {
	b := appendText(nil, s.Kind)
	b = appendText(b, s.VHost)
	b = appendText(b, s.Name)
	return appendText(b, string(s.Value))
}

func (k settingKey) record() []byte {
	return appendText(appendText(appendText(nil, k.kind), k.vhost), k.name)
}

func (d *decoder) settingKey() settingKey {
	return settingKey{d.text(), d.text(), d.text()}
}

// settings are all that there are. mu is a leaf beside the journal's intake.
type settings struct {
	mu    sync.Mutex
	byKey map[settingKey]fact[Setting]
}

// Set makes a setting, or gives the one of that kind, virtual host and name
// another value. It returns after it is safe on disk. Errors: 320 and 404 where the virtual host is no more.
func (c *Core) Set(ctx context.Context, s Setting) error {
	if s.VHost == "" {
		return c.settled(ctx, c.set(s))
	}
	v, ok := c.VHost(s.VHost)
	if !ok {
		return amqp.Errorf(amqp.NotFound, "vhost %s not found", s.VHost)
	}
	lsn, err := v.set(s)
	if err != nil {
		return err
	}
	return c.settled(ctx, lsn)
}

// set makes a setting of the virtual host, unless that is deleted: its end would not take along what comes after it.
func (v *VHost) set(s Setting) (journal.LSN, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.mayChange(); err != nil {
		return 0, err
	}
	return v.core.set(s), nil
}

func (c *Core) set(s Setting) journal.LSN {
	c.settings.mu.Lock()
	defer c.settings.mu.Unlock()
	old := c.settings.byKey[s.key()]
	lsn := c.append(kindSettingMade, true, s.record())
	c.settings.byKey[s.key()] = fact[Setting]{value: s, vhost: s.VHost, lsn: lsn}
	if old.lsn != 0 {
		c.release(old.lsn)
	}
	return lsn
}

// Unset ends a setting, and says whether there was one. It returns after that
// is safe on disk.
func (c *Core) Unset(ctx context.Context, kind, vhost, name string) (bool, error) {
	lsn, was := c.unset(settingKey{kind, vhost, name})
	return was, c.settled(ctx, lsn)
}

func (c *Core) unset(key settingKey) (lsn journal.LSN, was bool) {
	c.settings.mu.Lock()
	defer c.settings.mu.Unlock()
	old, was := c.settings.byKey[key]
	if !was {
		return 0, false
	}
	delete(c.settings.byKey, key)
	lsn = c.append(kindSettingEnded, false, key.record())
	if old.lsn != 0 {
		c.release(old.lsn)
	}
	return lsn, true
}

// Settings returns those of a kind, ordered by virtual host and name.
func (c *Core) Settings(kind string) []Setting {
	c.settings.mu.Lock()
	defer c.settings.mu.Unlock()
	var list []Setting
	for key, s := range c.settings.byKey {
		if key.kind == kind {
			list = append(list, s.value)
		}
	}
	slices.SortFunc(list, func(a, b Setting) int {
		return cmp.Or(cmp.Compare(a.VHost, b.VHost), cmp.Compare(a.Name, b.Name))
	})
	return list
}

// endSettings lets go of what belonged to a deleted virtual host, whose record
// says so already. The caller holds the host's mu.
func (c *Core) endSettings(vhost string) {
	c.settings.mu.Lock()
	defer c.settings.mu.Unlock()
	for key, s := range c.settings.byKey {
		if key.vhost == vhost {
			delete(c.settings.byKey, key)
			c.release(s.lsn)
		}
	}
}

// settled returns when the record of a change is durable.
func (c *Core) settled(ctx context.Context, lsn journal.LSN) error {
	if c.journal == nil || lsn == 0 {
		return nil
	}
	if err := c.journal.Wait(ctx, lsn); err != nil {
		return fmt.Errorf("writing to the journal: %w", err)
	}
	return nil
}
