package core

import (
	"context"

	"github.com/postrider-mq/postrider/internal/journal"
	"github.com/postrider-mq/postrider/internal/policy"
	"github.com/postrider-mq/postrider/internal/route"
)

// DeclareExchange makes the exchange, or checks that the one of that name is
// alike. It returns after a durable one is safe on disk. Errors: 403 reserved
// name, 406 not alike, or arguments that cannot be kept, 503 unknown type.
func (c *Client) DeclareExchange(ctx context.Context, b *Burst, x route.Exchange) error {
	if err := CheckName("exchange", x.Name); err != nil {
		return err
	}
	if err := c.VHost.checkArgs("exchange", x.Name, x.Args); err != nil {
		return err
	}
	lsn, err := c.VHost.declareExchange(b, x)
	if err != nil {
		return err
	}
	return c.VHost.core.await(ctx, b, lsn)
}

func (v *VHost) declareExchange(b *Burst, x route.Exchange) (journal.LSN, error) {
	var rules foresight
	if _, ok := v.table.Load().Exchange(x.Name); !ok {
		rules = v.foresee(x.Name, policy.Exchange)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.mayChange(); err != nil {
		return 0, err
	}
	old := v.table.Load()
	table, err := old.Declare(x)
	switch {
	case err != nil:
		return 0, err
	case table == old:
		return v.exchangeWritten(x.Name), nil
	}
	v.table.Store(redirected(table, x.Name, rules.now(v, x.Name, policy.Exchange)))
	lsn := journal.LSN(0)
	if x.Durable {
		lsn = v.remember(kindExchangeDeclared, v.exchange(&x))
	}
	if x.Kind == route.Delayed {
		lsn = max(lsn, v.addStore(b.now, &x))
	}
	return lsn, nil
}

// exchangeWritten is the record to wait for of an exchange that is there: who declared it may wait himself. The caller holds mu.
func (v *VHost) exchangeWritten(name string) journal.LSN {
	x, _ := v.table.Load().Exchange(name)
	lsn := v.facts[factKey(kindExchangeDeclared, v.exchange(&x))]
	if store, ok := v.stores[name]; ok {
		lsn = max(lsn, store.declared)
	}
	return lsn
}

// Exchange returns what was declared under a name.
func (c *Client) Exchange(name string) (route.Exchange, bool) {
	return c.VHost.table.Load().Exchange(name)
}

// MayPublishTo says whether clients may publish to an exchange at all. Errors:
// 404 no such exchange, 403 an internal one.
func (c *Client) MayPublishTo(name string) error {
	_, err := c.VHost.table.Load().Route(name, &route.Letter{}, nil)
	return err
}

// InspectExchange is a passive declare. Errors: 404.
func (c *Client) InspectExchange(name string) error {
	_, err := c.VHost.table.Load().Lookup(name)
	return err
}

// DeleteExchange deletes an exchange and its bindings. One that does not exist
// is deleted already. Errors: 403 predeclared, 406 in use.
func (c *Client) DeleteExchange(ctx context.Context, b *Burst, name string, ifUnused bool) error {
	return c.VHost.change(ctx, b, func(t *table) (*table, route.Removed, error) { return t.Delete(name, ifUnused) })
}

// Bind adds a binding to a queue or an exchange; one that is there already
// stays. It returns after a durable one is safe on disk. Errors: 404, 405, 403 the default exchange, 406 bad arguments.
func (c *Client) Bind(ctx context.Context, b *Burst, x route.Binding) error {
	if err := c.mayBind(x); err != nil {
		return err
	}
	lsn, err := c.VHost.bind(x)
	if err != nil {
		return err
	}
	return c.VHost.core.await(ctx, b, lsn)
}

func (v *VHost) bind(x route.Binding) (journal.LSN, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.mayChange(); err != nil {
		return 0, err
	}
	table, changed, err := v.table.Load().Bind(x)
	switch {
	case err != nil:
		return 0, err
	case !changed: // who made it may wait for the disk himself
		return v.facts[factKey(kindBound, v.binding(&x))], nil
	}
	v.table.Store(table)
	if !v.durableBinding(&x) {
		return 0, nil
	}
	return v.remember(kindBound, v.binding(&x)), nil
}

// Unbind removes a binding. Errors: 404, 405.
func (c *Client) Unbind(ctx context.Context, b *Burst, x route.Binding) error {
	if _, gone, err := c.VHost.table.Load().Unbind(x); err == nil && len(gone.Bindings) > 0 {
		if err := c.mayBind(x); err != nil {
			return err
		}
	}
	return c.VHost.change(ctx, b, func(t *table) (*table, route.Removed, error) { return t.Unbind(x) })
}

// mayBind refuses another connection's exclusive queue, unless there is worse
// to say of the ends of the binding.
func (c *Client) mayBind(x route.Binding) error {
	if !x.ToQueue {
		return nil
	}
	t := c.VHost.table.Load()
	q, ok := t.Queue(x.Destination)
	if !ok {
		return nil // the table says 404
	}
	err := c.mayUse(q)
	if err == nil {
		return nil
	}
	if _, _, worse := t.Bind(x); worse != nil {
		return worse
	}
	return err
}

type table = route.Table[*Queue]

// change applies a removal and writes down what went.
func (v *VHost) change(ctx context.Context, b *Burst, remove func(*table) (*table, route.Removed, error)) error {
	lsn, err := v.applyRemoval(b, remove)
	if err != nil {
		return err
	}
	return v.core.await(ctx, b, lsn)
}

func (v *VHost) applyRemoval(b *Burst, remove func(*table) (*table, route.Removed, error)) (last journal.LSN, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	t, gone, err := remove(v.table.Load())
	if err != nil {
		return 0, err
	}
	v.table.Store(t)
	for i := range gone.Bindings {
		body := v.binding(&gone.Bindings[i])
		if v.forget(kindBound, body) {
			last = v.core.append(kindUnbound, false, body)
		}
	}
	if lsn := v.dropped(b, route.Removed{Exchanges: gone.Exchanges}); lsn != 0 {
		last = lsn
	}
	return last, nil
}
