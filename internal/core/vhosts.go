package core

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/journal"
	"github.com/postrider-mq/postrider/internal/route"
)

// VHostInfo is what people say of a virtual host.
type VHostInfo struct {
	Description      string   `json:"description,omitempty"`
	Tags             []string `json:"tags,omitempty"`
	DefaultQueueType string   `json:"default_queue_type,omitempty"`
}

// VHosts returns the virtual hosts by name.
func (c *Core) VHosts() []*VHost {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := make([]*VHost, 0, len(c.vhosts))
	for _, v := range c.vhosts {
		list = append(list, v)
	}
	slices.SortFunc(list, func(a, b *VHost) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// PutVHost makes a virtual host, or changes what is said of the one of that
// name; made is false then. It returns after that is safe on disk. Errors: 406
// for a bad name.
func (c *Core) PutVHost(ctx context.Context, name string, info VHostInfo) (made bool, err error) {
	if name == "" {
		return false, amqp.Errorf(amqp.PreconditionFailed, "a virtual host needs a name")
	}
	if err := CheckName("vhost", name); err != nil {
		return false, err
	}
	c.changing.Lock()
	c.declareVHosts() // before this one: a crash between the two would end them
	_, had := c.VHost(name)
	v := c.vhost(name)
	lsn := v.describe(info)
	c.changing.Unlock()
	return !had, c.settled(ctx, lsn)
}

// declareVHosts writes down those that are only taken for granted, as "/" is in
// a fresh journal: once any is written, those that are not are no more. The
// caller holds changing.
func (c *Core) declareVHosts() {
	for _, v := range c.VHosts() {
		v.mu.Lock()
		if v.declared == 0 {
			v.declare()
		}
		v.mu.Unlock()
	}
}

// Info is what is said of the virtual host.
func (v *VHost) Info() VHostInfo {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.info
}

// IsDeleted says whether the virtual host is no more.
func (v *VHost) IsDeleted() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.deleted
}

func (v *VHost) describe(info VHostInfo) journal.LSN {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.info = info
	v.declare()
	return v.declared
}

// declare writes the virtual host down. The caller holds mu.
func (v *VHost) declare() {
	old := v.declared
	if v.declared = v.core.append(kindVHostDeclared, true, v.declaration()); old != 0 {
		v.core.release(old)
	}
}

// declaration is the record of a virtual host. The caller holds mu.
func (v *VHost) declaration() []byte {
	info, err := json.Marshal(v.info)
	if err != nil { // strings alone
		info = nil
	}
	return appendText(appendText(nil, v.Name), string(info))
}

// DeleteVHost deletes a virtual host with all that is in it; false if there is
// none. Its clients are not told: their commands fail with 320 from then on. It
// returns after that is safe on disk.
func (c *Core) DeleteVHost(ctx context.Context, name string) (bool, error) {
	c.changing.Lock()
	v, ok := c.VHost(name)
	if !ok {
		c.changing.Unlock()
		return false, nil
	}
	c.declareVHosts() // or the others would be gone with it after a restart
	var b Burst
	b.Begin(c.Now())
	lsn := v.end(&b)
	c.mu.Lock()
	delete(c.vhosts, name) // not before all is written: the name may be taken again at once
	c.mu.Unlock()
	c.changing.Unlock()
	b.End()
	return true, c.settled(ctx, lsn)
}

// end deletes everything. The record comes first: it implies all that follows.
func (v *VHost) end(b *Burst) journal.LSN {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.deleted = true
	lsn := v.core.append(kindVHostDeleted, false, appendText(nil, v.Name))
	v.core.release(v.declared)
	v.declared = 0
	for _, q := range v.AllQueues() {
		v.dropQueue(b, q)
	}
	for _, exchange := range slices.Sorted(maps.Keys(v.stores)) {
		v.dropStore(b, exchange)
	}
	for key, fact := range v.facts {
		delete(v.facts, key)
		v.core.release(fact)
	}
	v.table.Store(route.New[*Queue](v.Name))
	v.core.endSettings(v.Name)
	return lsn
}

// mayChange refuses what comes too late. The caller holds mu.
func (v *VHost) mayChange() error {
	if v.deleted {
		return amqp.Errorf(amqp.ConnectionForced, "vhost '%s' is deleted", v.Name)
	}
	return nil
}

// vhostDeclared takes the record of a virtual host.
func (r *recovery) vhostDeclared(d *decoder, lsn journal.LSN) {
	name := d.text()
	var info VHostInfo
	if text := d.bytes(); len(text) > 0 {
		if err := json.Unmarshal(text, &info); err != nil {
			d.fail(err)
		}
	}
	supersede(r, r.vhosts, name, fact[VHostInfo]{info, name, lsn})
}

// vhostDeleted drops all that belonged to a virtual host so far.
func (r *recovery) vhostDeleted(name string) {
	withdraw(r, r.vhosts, name)
	for _, q := range r.queues {
		if q.vhost == name && !q.deleted {
			r.abandon(q)
		}
	}
	for key, x := range r.exchanges {
		if x.vhost == name {
			withdraw(r, r.exchanges, key)
		}
	}
	for key, x := range r.bindings {
		if x.vhost == name {
			r.unbind(key)
		}
	}
	for key := range r.settings {
		if key.vhost == name {
			withdraw(r, r.settings, key)
		}
	}
}

func (r *recovery) settingMade(d *decoder, lsn journal.LSN) {
	key := d.settingKey()
	s := Setting{key.kind, key.vhost, key.name, []byte(d.text())}
	supersede(r, r.settings, key, fact[Setting]{s, key.vhost, lsn})
}

// hasDeclaredVHosts says whether a virtual host is written down. Where none is, it is a
// fresh journal, or one of the time before they were: then there is "/".
func (c *Core) hasDeclaredVHosts() bool {
	return slices.ContainsFunc(c.VHosts(), func(v *VHost) bool {
		v.mu.Lock() // the compaction may be at work already
		defer v.mu.Unlock()
		return v.declared != 0
	})
}

// applyVHosts makes the virtual hosts that are written down.
func (r *recovery) applyVHosts(c *Core) {
	for name, x := range r.vhosts {
		v := c.vhost(name)
		v.mu.Lock()
		v.info, v.declared = x.value, x.lsn
		v.mu.Unlock()
	}
	c.settings.byKey = r.settings
}
