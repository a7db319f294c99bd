package core

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/postrider-mq/postrider/internal/journal"
	"github.com/postrider-mq/postrider/internal/pattern"
	"github.com/postrider-mq/postrider/internal/policy"
)

// PolicyKind is whose policy it is: users' or operators'. It is a kind of
// Setting, and a component of RabbitMQ's parameters.
type PolicyKind string

const (
	UserPolicy     PolicyKind = "policy"
	OperatorPolicy PolicyKind = "operator_policy"
)

// policies are those of a virtual host, whose mu guards them.
type policies struct{ users, operators policy.Book }

func (p *policies) book(kind PolicyKind) *policy.Book {
	if kind == OperatorPolicy {
		return &p.operators
	}
	return &p.users
}

// ruling is what holds for one thing; either may be nil.
type ruling struct{ user, operator *policy.Policy }

func (p *policies) ruling(name string, kind policy.Kind) ruling {
	return ruling{p.users.Find(name, kind), p.operators.Find(name, kind)}
}

func (r ruling) merged() policy.Definition { return policy.Merge(r.user, r.operator) }

// Invalid is a value that makes no sense.
type Invalid struct{ Problems []string }

// Error is as RabbitMQ's: a line each.
func (e *Invalid) Error() string {
	return "Validation failed\n\n" + strings.Join(e.Problems, "\n") + "\n"
}

// SetPolicy makes a policy, or changes the one of that name, from what JSON
// says of it (see policy.Read). It applies to all queues and exchanges, those
// that exist and those to come, and returns after it is safe on disk.
// Errors: *Invalid; 320 when the virtual host is deleted.
func (v *VHost) SetPolicy(ctx context.Context, kind PolicyKind, name string, term map[string]any) error {
	p, names, err := readPolicy(kind, name, term)
	if err != nil {
		return err
	}
	value, err := json.Marshal(p.Term())
	if err != nil {
		return fmt.Errorf("policy %s: %w", name, err)
	}
	if idle := policy.Idle(p.Definition); len(idle) > 0 {
		v.core.log.Info("settings of a policy that have no effect here", "vhost", v.Name, "policy", name, "settings", idle)
	}
	return v.changePolicies(ctx, func() (lsn journal.LSN) {
		book := v.policies.book(kind)
		*book = book.With(p, names)
		return v.core.set(Setting{string(kind), v.Name, name, value})
	})
}

// ClearPolicy takes a policy away and says whether it was there. It returns
// after that is safe on disk. Errors: 320.
func (v *VHost) ClearPolicy(ctx context.Context, kind PolicyKind, name string) (was bool, err error) {
	err = v.changePolicies(ctx, func() (lsn journal.LSN) {
		book := v.policies.book(kind)
		*book = book.Without(name)
		lsn, was = v.core.unset(settingKey{string(kind), v.Name, name})
		return lsn
	})
	return was, err
}

// changePolicies changes the books and then all that they concern.
func (v *VHost) changePolicies(ctx context.Context, change func() journal.LSN) error {
	var b Burst
	b.Begin(v.core.Now())
	lsn, err := v.applyChange(&b, change)
	b.End()
	if err != nil {
		return err
	}
	return v.core.settled(ctx, lsn)
}

func (v *VHost) applyChange(b *Burst, change func() journal.LSN) (journal.LSN, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.mayChange(); err != nil {
		return 0, err
	}
	lsn := change()
	var queues []*Queue // in an order of their own, so that what they drop is dropped in the same order always
	for _, q := range v.table.Load().Queues() {
		queues = append(queues, q)
	}
	slices.SortFunc(queues, (*Queue).byAge)
	for _, q := range queues {
		q.follow(b, v.policies.ruling(q.Name, q.policyKind()))
	}
	v.redirect()
	return lsn, nil
}

// redirect gives each exchange the alternate that it has now. The caller holds mu.
func (v *VHost) redirect() {
	t := v.table.Load()
	changed := t
	for x := range t.Exchanges() {
		changed = v.redirected(changed, x.Name)
	}
	v.table.Store(changed)
}

// redirected is the table in which an exchange has the alternate that it has
// now. The caller holds mu.
func (v *VHost) redirected(t *table, name string) *table {
	x, ok := t.Exchange(name)
	if !ok || name == "" {
		return t
	}
	definition := v.policies.ruling(name, policy.Exchange).merged()
	return t.WithAlternate(name, policy.Alternate(x.Args, definition))
}

// Policies returns the policies of a kind, by name. They must not be changed.
func (v *VHost) Policies(kind PolicyKind) []*policy.Policy {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.policies.book(kind).All()
}

// Policy returns the policy of that name, or nil.
func (v *VHost) Policy(kind PolicyKind, name string) *policy.Policy {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.policies.book(kind).Get(name)
}

// ExchangePolicies returns the two policies that hold for an exchange; either may be nil.
func (v *VHost) ExchangePolicies(name string) (user, operator *policy.Policy) {
	v.mu.Lock()
	defer v.mu.Unlock()
	r := v.policies.ruling(name, policy.Exchange)
	return r.user, r.operator
}

func readPolicy(kind PolicyKind, name string, term map[string]any) (*policy.Policy, policy.Matcher, error) {
	p, names, problems := policy.Read(name, term, kind == OperatorPolicy, func(text string) (policy.Matcher, error) {
		return pattern.Compile(text)
	})
	if len(problems) > 0 {
		return nil, nil, &Invalid{problems}
	}
	if err := CheckName("policy", name); err != nil {
		return nil, nil, &Invalid{[]string{err.Error()}}
	}
	return p, names, nil
}

// restorePolicies makes the policies that are written down, before there are
// queues and exchanges.
func (c *Core) restorePolicies() {
	for _, kind := range []PolicyKind{UserPolicy, OperatorPolicy} {
		for _, s := range c.Settings(string(kind)) {
			if err := c.vhost(s.VHost).restorePolicy(kind, s); err != nil {
				c.log.Error("a policy could not be restored", "vhost", s.VHost, "policy", s.Name, "kind", kind, "error", err)
			}
		}
	}
}

func (v *VHost) restorePolicy(kind PolicyKind, s Setting) error {
	value, err := ParseJSON(s.Value)
	if err != nil {
		return err
	}
	term, _ := value.(map[string]any)
	p, names, err := readPolicy(kind, s.Name, term)
	if err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	book := v.policies.book(kind)
	*book = book.With(p, names)
	return nil
}
