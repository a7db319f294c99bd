package sim

import (
	"context"
	"fmt"
	"time"

	"github.com/postrider-mq/postrider/internal/core"
)

// rule is what may hold for a queue: its arguments under the policies of users
// and operators. While a policy is being changed, and after a change whose
// answer never came, several may.
type rule struct {
	terms
	of    [2]int // the policy of each kind that it comes from, by when that was asked for
	until int    // the move at which it was certainly over; 0: it may hold
}

// terms are the limits of a queue, and what becomes of what exceeds them.
type terms struct {
	TTL       int // ms
	MaxLength int
	Overflow  string
	Dying     bool // dead letters go to exchange dlx
}

// policyState is what is known of the policies for a queue.
type policyState struct {
	rules []rule
	may   [2][]policyChange // by kind: those that may hold, the latest last
	asked int
}

type policyChange struct {
	number int
	terms  terms
}

var policyKinds = [2]core.PolicyKind{core.UserPolicy, core.OperatorPolicy}

func (q *queueState) startRules() {
	q.may = [2][]policyChange{{{}}, {{}}}
	q.rules = []rule{{terms: q.terms}}
}

// under is the terms under a user's and an operator's policy: the least of
// numbers; of words the argument's, then the user's.
func (t terms) under(user, operator terms) terms {
	for _, p := range []terms{user, operator} {
		t.TTL, t.MaxLength = least(t.TTL, p.TTL), least(t.MaxLength, p.MaxLength)
		t.Dying = t.Dying || p.Dying
		if t.Overflow == "" {
			t.Overflow = p.Overflow
		}
	}
	return t
}

// least is the smaller of two limits, of which 0 is none.
func least(a, b int) int {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// asks notes that a policy is asked for, or its end, which has no terms.
func (p *policyState) asks(base terms, kind int, t terms) (number int) {
	p.asked++
	p.may[kind] = append(p.may[kind], policyChange{p.asked, t})
	for _, other := range p.may[1-kind] {
		pair := [2]policyChange{}
		pair[kind], pair[1-kind] = policyChange{p.asked, t}, other
		p.rules = append(p.rules, rule{terms: base.under(pair[0].terms, pair[1].terms), of: [2]int{pair[0].number, pair[1].number}})
	}
	return p.asked
}

// holds notes that a change was answered: no earlier one holds any more.
func (p *policyState) holds(kind, number, move int) {
	list := p.may[kind]
	for len(list) > 0 && list[0].number < number {
		list = list[1:]
	}
	p.may[kind] = list
	for i := range p.rules {
		if r := &p.rules[i]; r.until == 0 && r.of[kind] < number {
			r.until = move
		}
	}
}

// present is the rule that holds, if it is known.
func (p *policyState) present() (found *rule) {
	for i := range p.rules {
		if p.rules[i].until > 0 {
			continue
		}
		if found != nil {
			return nil
		}
		found = &p.rules[i]
	}
	return found
}

// policies is how many there are, if that is known.
func (w *World) policies() (n int64, known bool) {
	for _, q := range w.queues {
		for _, may := range q.may {
			if len(may) > 1 {
				return 0, false
			}
			if may[0].terms != (terms{}) {
				n++
			}
		}
	}
	return n, true
}

// any says whether one of the rules under which m may have lain in q is of a sort.
func (q *queueState) any(m *message, is func(*rule) bool) bool {
	for i := range q.rules {
		if r := &q.rules[i]; (r.until == 0 || r.until > m.move) && is(r) {
			return true
		}
	}
	return false
}

func (q *queueState) mayDrop(m *message) bool {
	return q.any(m, func(r *rule) bool { return r.MaxLength > 0 })
}

func (q *queueState) mayRefuse(m *message) bool {
	return q.any(m, func(r *rule) bool { return r.Overflow == "reject-publish" || r.Overflow == "reject-publish-dlx" })
}

func (q *queueState) mayBury(m *message) bool {
	return q.any(m, func(r *rule) bool { return r.Dying })
}

// buries says whether each dead letter has a place to go to, for sure.
func (q *queueState) buries(m *message) bool {
	return !q.any(m, func(r *rule) bool { return !r.Dying })
}

// life is how long a message may at least stay in a queue; 0 = for ever.
func (m *message) life(q *queueState) time.Duration {
	ms := m.expires
	q.any(m, func(r *rule) bool {
		ms = least(ms, r.TTL)
		return false
	})
	return time.Duration(ms) * time.Millisecond
}

// dropsHead says whether the queue's limit always holds, and which that is.
// Where it refuses publishes instead, what comes back to it may exceed it.
func (q *queueState) dropsHead() (limit int, always bool) {
	r := q.present()
	if r == nil || r.MaxLength == 0 || r.Overflow != "" && r.Overflow != "drop-head" {
		return 0, false
	}
	return r.MaxLength, true
}

// changePolicy sets or clears a policy that concerns one queue.
func (w *World) changePolicy() {
	q := w.queues[w.rnd.IntN(len(w.queues)-1)]
	if !w.program.Setup.Policies || len(w.chores) > 0 { // of two at a time nobody knew which is the later
		return
	}
	kind := w.rnd.IntN(2)
	t := terms{}
	if w.rnd.IntN(3) > 0 {
		t = w.drawTerms(kind)
	}
	number := q.asks(q.terms, kind, t)
	name := fmt.Sprintf("for-%s", q.Name)
	w.tracef("%s %s becomes %+v", policyKinds[kind], name, t)
	vhost, _ := w.core.VHost("/")
	w.chore("policy", func() error {
		if (t == terms{}) {
			_, err := vhost.ClearPolicy(context.Background(), policyKinds[kind], name)
			return err
		}
		return vhost.SetPolicy(context.Background(), policyKinds[kind], name, t.policy(q.Name))
	}, func() {
		w.moves++
		w.tracef("%s %s is %+v", policyKinds[kind], name, t)
		q.holds(kind, number, w.moves)
	})
}

// drawTerms draws those that a policy of a kind may have.
func (w *World) drawTerms(kind int) (t terms) {
	if w.rnd.IntN(2) == 0 {
		t.MaxLength = 1 + w.rnd.IntN(6)
	}
	if t.MaxLength == 0 || w.rnd.IntN(3) == 0 {
		t.TTL = 20 + w.rnd.IntN(200)
	}
	if kind == 0 {
		t.Dying = w.rnd.IntN(2) == 0
		t.Overflow = []string{"", "", "drop-head", "reject-publish", "reject-publish-dlx"}[w.rnd.IntN(5)]
	}
	return t
}

// policy is what JSON says of it.
func (t terms) policy(queue string) map[string]any {
	definition := map[string]any{}
	if t.TTL > 0 {
		definition["message-ttl"] = int64(t.TTL)
	}
	if t.MaxLength > 0 {
		definition["max-length"] = int64(t.MaxLength)
	}
	if t.Overflow != "" {
		definition["overflow"] = t.Overflow
	}
	if t.Dying {
		definition["dead-letter-exchange"] = deadExchange
	}
	return map[string]any{"pattern": "^" + queue + "$", "definition": definition, "priority": int64(0), "apply-to": "queues"}
}

// chore is something that is asked of the broker otherwise than by a client.
type chore struct {
	*coroutine
	err  error
	done func()
}

// chore has work done by a coroutine of its own, and done called when that was answered.
func (w *World) chore(name string, work func() error, done func()) {
	c := &chore{done: done}
	c.coroutine = w.spawn(name, func() { c.err = work() })
	w.chores = append(w.chores, c)
}

// runChore goes on with one.
func (w *World) runChore(i int) bool {
	c := w.chores[i]
	c.resume()
	if !c.over || w.dead {
		return false
	}
	w.chores = append(w.chores[:i:i], w.chores[i+1:]...)
	if c.err == nil {
		c.done()
	} else {
		w.tracef("no: %v", c.err)
	}
	return true
}
