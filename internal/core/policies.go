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

// policies are those of a virtual host. They are never changed, but replaced, by who holds its mu.
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

// foresight is the ruling for a thing that is about to be made, and whose it is. It is found before mu is locked, for some patterns take long to match.
type foresight struct {
	ruling
	by *policies
}

func (v *VHost) foresee(name string, kind policy.Kind) foresight {
	p := v.policies.Load()
	return foresight{p.ruling(name, kind), p}
}

// now is the ruling of what was foreseen, if need be looked up again, for the policies have changed meanwhile. The caller holds mu.
func (f foresight) now(v *VHost, name string, kind policy.Kind) ruling {
	if p := v.policies.Load(); p != f.by {
		return p.ruling(name, kind)
	}
	return f.ruling
}

func (r ruling) merged() policy.Definition { return policy.Merge(r.user, r.operator) }

// Invalid is a value that makes no sense.
type Invalid struct{ Problems []policy.Problem }

// Error is as RabbitMQ's: a line each.
func (e *Invalid) Error() string {
	return "Validation failed\n\n" + e.lines(func(p policy.Problem) string { return p.Term }, "\n") + "\n"
}

// Plain says it for people.
func (e *Invalid) Plain() string {
	return e.lines(func(p policy.Problem) string { return p.Plain }, "; ")
}

func (e *Invalid) lines(of func(policy.Problem) string, between string) string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = of(p)
	}
	return strings.Join(lines, between)
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
	return v.changePolicies(ctx, func(all *policies) (lsn journal.LSN) {
		book := all.book(kind)
		*book = book.With(p, names)
		return v.core.set(Setting{string(kind), v.Name, name, value})
	})
}

// ClearPolicy takes a policy away and says whether it was there. It returns
// after that is safe on disk. Errors: 320.
func (v *VHost) ClearPolicy(ctx context.Context, kind PolicyKind, name string) (was bool, err error) {
	err = v.changePolicies(ctx, func(all *policies) (lsn journal.LSN) {
		book := all.book(kind)
		*book = book.Without(name)
		lsn, was = v.core.unset(settingKey{string(kind), v.Name, name})
		return lsn
	})
	return was, err
}

// changePolicies changes the books and then all that they concern: what is there, for what is
// made from then on has the new ones. There may be much of it, and patterns may take long to match, so
// nobody has to wait for that but who changes policies next.
func (v *VHost) changePolicies(ctx context.Context, change func(*policies) journal.LSN) error {
	lsn, err := v.applyChange(change)
	if err != nil {
		return err
	}
	return v.core.settled(ctx, lsn)
}

func (v *VHost) applyChange(change func(*policies) journal.LSN) (journal.LSN, error) {
	v.ordering.Lock()
	defer v.ordering.Unlock()
	lsn, err := v.enact(change)
	if err != nil {
		return 0, err
	}
	v.followAll()
	v.redirectAll()
	return lsn, nil
}

func (v *VHost) enact(change func(*policies) journal.LSN) (journal.LSN, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.mayChange(); err != nil {
		return 0, err
	}
	all := *v.policies.Load()
	lsn := change(&all)
	v.policies.Store(&all)
	return lsn, nil
}

// policySlice is how many queues or exchanges have their policies changed between two looks at what else is to be done.
const policySlice = 64

// followAll makes the queues live by the policies. The caller holds ordering.
func (v *VHost) followAll() {
	var queues []*Queue // in an order of their own, so that what they drop is dropped in the same order always
	for _, q := range v.table.Load().Queues() {
		queues = append(queues, q)
	}
	slices.SortFunc(queues, (*Queue).byAge)
	p := v.policies.Load()
	var b Burst
	for some := range slices.Chunk(queues, policySlice) {
		b.Begin(v.core.Now())
		for _, q := range some {
			q.follow(&b, p.ruling(q.Name, q.policyKind()))
			if b.droppedEnough() {
				b.End()
			}
		}
		b.End()
	}
}

// redirectAll gives each exchange the alternate that it has by the policies. The caller holds ordering or is alone.
func (v *VHost) redirectAll() {
	p := v.policies.Load()
	var names []string
	for x := range v.table.Load().Exchanges() {
		names = append(names, x.Name)
	}
	for some := range slices.Chunk(names, policySlice) {
		rulings := make([]ruling, len(some))
		for i, name := range some {
			rulings[i] = p.ruling(name, policy.Exchange)
		}
		v.redirect(some, rulings)
	}
}

func (v *VHost) redirect(names []string, rulings []ruling) {
	v.mu.Lock()
	defer v.mu.Unlock()
	t := v.table.Load()
	for i, name := range names {
		t = redirected(t, name, rulings[i])
	}
	v.table.Store(t)
}

// redirected is the table in which an exchange has the alternate that its arguments and policies say.
func redirected(t *table, name string, r ruling) *table {
	x, ok := t.Exchange(name)
	if !ok || name == "" {
		return t
	}
	return t.WithAlternate(name, policy.Alternate(x.Args, r.merged()))
}

// Policies returns the policies of a kind, by name. They must not be changed.
func (v *VHost) Policies(kind PolicyKind) []*policy.Policy {
	return v.policies.Load().book(kind).All()
}

// Policy returns the policy of that name, or nil.
func (v *VHost) Policy(kind PolicyKind, name string) *policy.Policy {
	return v.policies.Load().book(kind).Get(name)
}

// ExchangePolicies returns the two policies that hold for an exchange; either may be nil.
func (v *VHost) ExchangePolicies(name string) (user, operator *policy.Policy) {
	r := v.policies.Load().ruling(name, policy.Exchange)
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
		return nil, nil, &Invalid{[]policy.Problem{{Term: err.Error(), Plain: err.Error()}}}
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
	_, err = v.enact(func(all *policies) journal.LSN {
		book := all.book(kind)
		*book = book.With(p, names)
		return 0
	})
	return err
}
