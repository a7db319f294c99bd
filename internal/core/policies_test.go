package core

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/disk"
	"github.com/postrider-mq/postrider/internal/journal"
	"github.com/postrider-mq/postrider/internal/policy"
	"github.com/postrider-mq/postrider/internal/route"
)

// rules is a policy as JSON would say it, for all names that match a pattern.
func rules(pattern string, d policy.Definition) map[string]any {
	return map[string]any{"pattern": pattern, "definition": d, "priority": int64(0)}
}

func (w *world) vhost() *VHost { return w.client.VHost }

func (w *world) setPolicy(name, pattern string, d policy.Definition) {
	w.t.Helper()
	w.must(w.vhost().SetPolicy(context.Background(), UserPolicy, name, rules(pattern, d)))
}

func (w *world) setOperatorPolicy(name, pattern string, d policy.Definition) {
	w.t.Helper()
	w.must(w.vhost().SetPolicy(context.Background(), OperatorPolicy, name, rules(pattern, d)))
}

func (w *world) clearPolicy(name string) {
	w.t.Helper()
	if was, err := w.vhost().ClearPolicy(context.Background(), UserPolicy, name); !was || err != nil {
		w.t.Fatal(was, err)
	}
}

// wantPolicies compares the names of the two policies that hold for a queue.
func (w *world) wantPolicies(queue, user, operator string) {
	w.t.Helper()
	name := func(p *policy.Policy) string {
		if p == nil {
			return ""
		}
		return p.Name
	}
	u, o := w.queue(queue).Policies()
	if name(u) != user || name(o) != operator {
		w.t.Errorf("%s lives by %q and %q, want %q and %q", queue, name(u), name(o), user, operator)
	}
}

func TestAPolicyLimitsAQueueAtOnce(t *testing.T) {
	w := newWorld(t, disk.NewMem())
	w.durable("q", "dead", "other")
	w.send("q", "1", "2", "3", "4")
	w.send("other", "1", "2", "3", "4")
	w.setPolicy("short", "^q$", policy.Definition{"max-length": int64(3)})
	w.wantContents("q", "2", "3", "4")
	w.setPolicy("short", "^q$", policy.Definition{"max-length": int64(2), "dead-letter-exchange": "", "dead-letter-routing-key": "dead"})
	w.wantContents("q", "3", "4")
	w.wantContents("dead", "2")
	w.send("q", "5")
	w.wantContents("dead", "2", "3")
	w.clearPolicy("short")
	w.send("q", "6", "7")
	w.wantContents("q", "4", "5", "6", "7")
	w.wantContents("other", "1", "2", "3", "4")
	w.setPolicy("bytes", "^q$", policy.Definition{"max-length-bytes": int64(1)})
	w.wantContents("q", "7")
	w.wantContents("dead", "2", "3")
	w.sync()
	w.crash(1)
	w.wantContents("q", "7")
}

func TestAPolicyRefuses(t *testing.T) {
	w := newWorld(t, nil)
	w.durable("q")
	w.setPolicy("full", "", policy.Definition{"max-length": int64(1), "overflow": "reject-publish"})
	w.publish(message("", "q", "1", true))
	if out := w.publish(message("", "q", "2", true)); !out.Full {
		t.Error("it was let in")
	}
	w.clearPolicy("full")
	if out := w.publish(message("", "q", "3", true)); out.Full {
		t.Error("it was refused")
	}
	w.wantContents("q", "1", "3")
}

func TestATimeToLiveByPolicyIsForNewMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.durable("q")
		w.publish(message("", "q", "old", true))
		w.setPolicy("brief", "", policy.Definition{"message-ttl": int64(1000)})
		d, _ := w.get("q", true)
		if string(d.Message.Body) != "old" {
			t.Fatal("it is gone")
		}
		w.publish(message("", "q", "new", true))
		w.clearPolicy("brief")
		w.publish(message("", "q", "newer", true))
		time.Sleep(time.Second)
		synctest.Wait()
		w.wantContents("q", "newer")
		time.Sleep(time.Hour)
		synctest.Wait()
		w.wantContents("q", "newer")
	})
}

func TestAQueueExpiresByPolicy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.durable("q", "kept")
		time.Sleep(time.Hour)
		w.setPolicy("passing", "^q", policy.Definition{"expires": int64(60_000)})
		w.durable("q2")
		time.Sleep(59 * time.Second)
		synctest.Wait()
		if !w.exists("q") || !w.exists("q2") {
			t.Error("deleted too early")
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if w.exists("q") || w.exists("q2") || !w.exists("kept") {
			t.Error("the wrong queues were deleted")
		}
	})
}

func TestTheOperatorsLimitIsTheUpperOne(t *testing.T) {
	w := newWorld(t, nil)
	w.declare(args(amqp.Table{"x-max-length": int32(3)})("q"))
	w.setPolicy("user", "", policy.Definition{"max-length": int64(4)})
	w.setOperatorPolicy("operator", "", policy.Definition{"max-length": int64(2)})
	w.wantPolicies("q", "user", "operator")
	w.send("q", "1", "2", "3", "4", "5")
	w.wantContents("q", "4", "5")
	w.must(w.vhost().SetPolicy(context.Background(), OperatorPolicy, "operator", rules("", policy.Definition{"max-length": int64(9)})))
	w.send("q", "6", "7")
	w.wantContents("q", "5", "6", "7")
	was, err := w.vhost().ClearPolicy(context.Background(), OperatorPolicy, "operator")
	again, err2 := w.vhost().ClearPolicy(context.Background(), OperatorPolicy, "operator")
	if !was || again || err != nil || err2 != nil {
		t.Error(was, again, err, err2)
	}
	w.wantPolicies("q", "user", "")
}

func TestTheBestPolicyHolds(t *testing.T) {
	w := newWorld(t, nil)
	w.durable("orders.eu", "orders.us", "other")
	w.setPolicy("all", `^(?!other).*`, policy.Definition{"max-length": int64(9)})
	term := rules(`\.eu$`, policy.Definition{"max-length": int64(1)})
	term["priority"], term["apply-to"] = int64(1), "classic_queues"
	w.must(w.vhost().SetPolicy(context.Background(), UserPolicy, "eu", term))
	w.wantPolicies("orders.eu", "eu", "")
	w.wantPolicies("orders.us", "all", "")
	w.wantPolicies("other", "", "")
	w.durable("new.eu")
	w.wantPolicies("new.eu", "eu", "")
	w.clearPolicy("eu")
	w.wantPolicies("orders.eu", "all", "")
	if p := w.vhost().Policies(UserPolicy); len(p) != 1 || w.vhost().Policy(UserPolicy, "all") != p[0] || w.vhost().Policy(OperatorPolicy, "all") != nil {
		t.Errorf("policies are %v", p)
	}
}

func TestAnAlternateExchangeByPolicy(t *testing.T) {
	w := newWorld(t, disk.NewMem())
	w.durable("lost", "elsewhere")
	w.exchange("x", route.Direct, true)
	w.exchange("rest", route.Fanout, true)
	w.exchange("other", route.Fanout, true)
	w.bind("lost", "rest", "")
	w.bind("elsewhere", "other", "")
	w.do(func(b *Burst) {
		w.must(w.client.DeclareExchange(context.Background(), b, route.Exchange{Name: "own", Kind: route.Direct, Durable: true,
			Args: amqp.Table{"alternate-exchange": "other"}}))
	})
	w.setPolicy("lost", "^(x|own|new|amq.direct)$", policy.Definition{"alternate-exchange": "rest"})
	w.exchange("new", route.Direct, true)
	w.sync()
	w.crash(1)
	for _, x := range []string{"x", "own", "new", "amq.direct", "amq.topic"} {
		w.publish(message(x, "nowhere", x, true))
	}
	w.wantContents("lost", "x", "new", "amq.direct")
	w.wantContents("elsewhere", "own")
	if user, _ := w.vhost().ExchangePolicies("amq.direct"); user == nil || user.Name != "lost" {
		t.Errorf("amq.direct lives by %v", user)
	}
	w.clearPolicy("lost")
	for _, x := range []string{"x", "own", "new", "amq.direct"} {
		w.publish(message(x, "nowhere", x+" again", true))
	}
	w.wantContents("lost", "x", "new", "amq.direct")
	w.wantContents("elsewhere", "own", "own again")
}

func TestPoliciesSurvive(t *testing.T) {
	w := newWorld(t, disk.NewMem())
	w.putVHost("v", VHostInfo{})
	w.visit("v")
	w.durable("q", "busy")
	w.setPolicy("short", "^q", policy.Definition{"max-length": int64(2)})
	w.setPolicy("gone", "^q", policy.Definition{"max-length": int64(1)})
	w.clearPolicy("gone")
	w.setOperatorPolicy("brief", "^q", policy.Definition{"message-ttl": int64(3600_000)})
	w.setPolicy("short", "^q", policy.Definition{"max-length": int64(3)})
	w.send("q", "1", "2", "3", "4")
	for range 200 { // through several segments, so that the facts are carried
		w.publish(message("", "busy", strings.Repeat("x", 300), true))
		w.get("busy", true)
		w.core.Throttle(context.Background())
	}
	for seed := range uint64(5) {
		w.sync()
		w.crash(seed)
		w.visit("v")
		w.wantPolicies("q", "short", "brief")
		w.send("q", "more")
		if n := len(w.contents("q")); n != 3 {
			t.Errorf("it holds %d", n)
		}
		d := w.queue("q")
		d.mu.Lock()
		for e := range d.core.All() {
			if _, ok := d.core.Expiry(e.Pos); !ok {
				t.Errorf("%s does not expire", w.message(e.Msg).Body)
			}
		}
		d.mu.Unlock()
	}
	w.deleteVHost("v")
	w.putVHost("v", VHostInfo{})
	w.crash(9)
	w.visit("v")
	w.durable("q")
	w.wantPolicies("q", "", "")
}

// What SetPolicy and ClearPolicy have answered holds after a crash.
func TestAPolicyIsSafeWhenItIsAnswered(t *testing.T) {
	for seed := range uint64(20) {
		w := newWorld(t, disk.NewMem())
		w.durable("q")
		w.setPolicy("p", "", policy.Definition{"max-length": int64(1)})
		w.crash(seed)
		w.wantPolicies("q", "p", "")
		w.clearPolicy("p")
		w.crash(seed)
		w.wantPolicies("q", "", "")
		w.core.Close()
	}
}

func TestAPolicyThatMakesNoSense(t *testing.T) {
	w := newWorld(t, nil)
	err := w.vhost().SetPolicy(context.Background(), UserPolicy, "p", rules("(", policy.Definition{"expires": int64(0)}))
	var invalid *Invalid
	if !errors.As(err, &invalid) || err.Error() != "Validation failed\n\n0 is not a valid queue expiry\n"+
		"pattern should be regular expression but is invalid: {\"missing )\",1}\n" {
		t.Errorf("got %v", err)
	}
	if n := len(w.vhost().Policies(UserPolicy)); n != 0 {
		t.Errorf("there are %d policies", n)
	}
	w.putVHost("v", VHostInfo{})
	v, _ := w.core.VHost("v")
	w.deleteVHost("v")
	err = v.SetPolicy(context.Background(), UserPolicy, "p", rules("", policy.Definition{"expires": int64(1)}))
	wantCode(t, err, amqp.ConnectionForced, "vhost 'v' is deleted")
}

// A limit that no arithmetic can bear is none.
func TestAPolicyBeyondAllBounds(t *testing.T) {
	w := newWorld(t, nil)
	w.durable("q")
	w.setPolicy("vast", "", policy.Definition{"message-ttl": int64(1 << 62), "expires": int64(1 << 62), "max-length": int64(1 << 62)})
	w.send("q", "m")
	w.wantContents("q", "m")
}

// Policies come and go while messages are published, taken and dead-lettered.
func TestPoliciesBesideEverythingElse(t *testing.T) {
	w := newWorld(t, disk.NewMem())
	w.durable("q", "dead")
	var publishing sync.WaitGroup
	for range 3 {
		publishing.Go(func() {
			via := w.vhost().NewPublisher()
			var b Burst
			for i := range 300 {
				b.Begin(w.core.Now())
				m := message("", "q", "m", i%2 == 0)
				if _, err := via.Publish(&b, m); err != nil {
					t.Error(err)
				}
				w.queue("q").get(&b, true)
				b.End()
			}
		})
	}
	for range 50 {
		w.setPolicy("p", "^q$", policy.Definition{"max-length": int64(1), "max-length-bytes": int64(9), "message-ttl": int64(1),
			"dead-letter-exchange": "", "dead-letter-routing-key": "dead"})
		w.setPolicy("p", "^q$", policy.Definition{"max-length": int64(1), "overflow": "reject-publish-dlx"})
		w.clearPolicy("p")
	}
	publishing.Wait()
	w.send("q", "last")
	if all := w.contents("q"); all[len(all)-1] != "last" {
		t.Errorf("q holds %v", all)
	}
}

// Operators set and clear policies while others declare, bind, fill and delete what they are for. In the end each queue and exchange lives by the
// policies that there are, and does so after a restart.
func TestPoliciesBesideDeclarations(t *testing.T) {
	w := newWorld(t, disk.NewMem())
	w.exchange("fan", route.Fanout, true)
	w.durable("unrouted")
	w.bind("unrouted", "fan", "")
	const names, rounds = 4, 60
	var all sync.WaitGroup
	for n := range 3 {
		all.Go(func() { declareAndDelete(w, n, names, rounds) })
	}
	for _, kind := range []PolicyKind{UserPolicy, OperatorPolicy} {
		for n := range 2 {
			all.Go(func() { setAndClear(w, kind, n, rounds) })
		}
	}
	all.Wait()
	look := func() {
		for n := range names {
			q, x := fmt.Sprint("q", n), fmt.Sprint("x", n)
			w.durable(q)
			w.exchange(x, route.Direct, true)
			wantFollowing(w, q, x)
		}
	}
	look()
	w.restart()
	look()
}

// declareAndDelete has queues and exchanges come and go.
func declareAndDelete(w *world, seed, names, rounds int) {
	ctx, c, r := context.Background(), w.vhost().NewClient("other"), rand.New(rand.NewSource(int64(seed)))
	via := w.vhost().NewPublisher()
	var b Burst
	for range rounds {
		n := r.Intn(names)
		q, x := fmt.Sprint("q", n), fmt.Sprint("x", n)
		b.Begin(w.core.Now())
		_, declared := c.DeclareQueue(ctx, &b, QueueSpec{Name: q, Durable: true})
		declared = errors.Join(declared, c.DeclareExchange(ctx, &b, route.Exchange{Name: x, Kind: route.Direct, Durable: true}))
		_ = c.Bind(ctx, &b, toQueue(q, x, "k")) // another may have deleted either
		_, _ = via.Publish(&b, message(x, "k", "m", true))
		b.End()
		b.Begin(w.core.Now())
		_, deleted := c.DeleteQueue(ctx, &b, fmt.Sprint("q", r.Intn(names)), false, false)
		deleted = errors.Join(deleted, c.DeleteExchange(ctx, &b, fmt.Sprint("x", r.Intn(names)), false))
		b.End()
		if declared != nil || deleted != nil {
			w.t.Error(declared, deleted)
		}
	}
}

// setAndClear changes a policy for half the names, and leaves it set.
func setAndClear(w *world, kind PolicyKind, n, rounds int) {
	ctx, v, name := context.Background(), w.vhost(), fmt.Sprint(kind, n)
	for i := range rounds {
		if i%3 == 1 {
			if _, err := v.ClearPolicy(ctx, kind, name); err != nil {
				w.t.Error(err)
			}
			continue
		}
		d := policy.Definition{"max-length": int64(1 + i%2)}
		if kind == UserPolicy {
			d["alternate-exchange"] = "fan"
		}
		term := rules(fmt.Sprintf("^[qx][%d%d]$", n, n+1), d)
		term["priority"] = int64(i % 4)
		if err := v.SetPolicy(ctx, kind, name, term); err != nil {
			w.t.Error(err)
		}
	}
}

// wantFollowing checks that a queue and an exchange do what the policies say.
func wantFollowing(w *world, q, x string) {
	w.t.Helper()
	p := w.vhost().policies.Load()
	r := p.ruling(q, policy.ClassicQueue)
	if user, operator := w.queue(q).Policies(); user != r.user || operator != r.operator {
		w.t.Errorf("%s lives by %v and %v, want %v and %v", q, user, operator, r.user, r.operator)
	}
	w.do(func(b *Burst) { _, _ = w.client.PurgeQueue(b, q) })
	w.send(q, "1", "2", "3")
	most := 3
	if limit, is := r.merged()["max-length"].(int64); is {
		most = int(limit)
	}
	if got := w.contents(q); len(got) != most {
		w.t.Errorf("%s holds %v, want the last %d", q, got, most)
	}
	_, alternate := p.ruling(x, policy.Exchange).merged()["alternate-exchange"]
	if out := w.publish(message(x, "nowhere", "m", true)); out.Routed != alternate {
		w.t.Errorf("%s has an alternate: %v, want %v", x, out.Routed, alternate)
	}
}

// slowPattern tells of each name that it is to match, and waits for a word.
type slowPattern struct{ asked, goOn chan bool }

func (m slowPattern) Match(string) bool {
	m.asked <- true
	<-m.goOn
	return true
}

// Some patterns take long for a name, and there may be many names: nobody who declares, binds or deletes has to wait for that but who does it for that name.
func TestNobodyWaitsForThePatternOfAPolicy(t *testing.T) {
	w := newWorld(t, nil)
	v := w.vhost()
	w.durable("q")
	names := slowPattern{make(chan bool), make(chan bool)}
	p, _, err := readPolicy(UserPolicy, "slow", rules("^", policy.Definition{"alternate-exchange": "amq.fanout", "max-length": int64(1)}))
	w.must(err)
	for what, do := range map[string]func(){
		"change a policy": func() {
			_, err := v.applyChange(func(all *policies) journal.LSN { all.users = all.users.With(p, names); return 0 })
			w.must(err)
		},
		"declare a queue":     func() { w.durable("other") },
		"declare an exchange": func() { w.exchange("x", route.Fanout, true) },
		"look at an exchange": func() { v.ExchangePolicies("amq.topic") },
	} {
		_, err := v.enact(func(all *policies) journal.LSN { all.users = all.users.With(p, names); return 0 })
		w.must(err)
		done, asked := make(chan bool), 0
		go func() { defer close(done); do() }()
		for going := true; going; {
			select {
			case <-names.asked:
				asked++
				if !v.mu.TryLock() {
					t.Errorf("%s: the virtual host is locked meanwhile", what)
				} else {
					v.mu.Unlock()
				}
				names.goOn <- true
			case <-done:
				going = false
			}
		}
		if asked == 0 {
			t.Errorf("%s: the pattern was not asked", what)
		}
	}
	if user, _ := w.queue("q").Policies(); user != p {
		t.Error("the queue does not follow")
	}
	if user, _ := w.queue("other").Policies(); user != p {
		t.Error("the new queue does not follow")
	}
}

// pausing matches every name; when it is asked for the first time about one of them it says so and waits.
type pausing struct {
	name        string
	once        *sync.Once
	asked, goOn chan bool
}

func (m pausing) Match(name string) bool {
	if name == m.name {
		m.once.Do(func() { close(m.asked); <-m.goOn })
	}
	return true
}

// While what holds for a new queue or exchange is looked up, an operator changes that: the new one has the change.
func TestAPolicyThatComesWhileAQueueIsMade(t *testing.T) {
	for name, declare := range map[string]func(*world){
		"q": func(w *world) { w.durable("q") },
		"x": func(w *world) { w.exchange("x", route.Direct, true) },
	} {
		w := newWorld(t, nil)
		v := w.vhost()
		names := pausing{name, new(sync.Once), make(chan bool), make(chan bool)}
		p, _, err := readPolicy(UserPolicy, "first", rules("^", policy.Definition{"max-length": int64(1)}))
		w.must(err)
		_, err = v.enact(func(all *policies) journal.LSN { all.users = all.users.With(p, names); return 0 })
		w.must(err)
		done := make(chan bool)
		go func() { defer close(done); declare(w) }()
		<-names.asked
		_, err = v.ClearPolicy(context.Background(), UserPolicy, "first") // which is not written down
		w.must(err)
		w.setOperatorPolicy("second", "^[qx]$", policy.Definition{"max-length": int64(2)})
		w.setPolicy("third", "^x$", policy.Definition{"alternate-exchange": "amq.fanout"})
		close(names.goOn)
		<-done
		if name == "q" {
			w.wantPolicies("q", "", "second")
			w.send("q", "1", "2", "3")
			w.wantContents("q", "2", "3")
			continue
		}
		w.durable("unrouted")
		w.bind("unrouted", "amq.fanout", "")
		if out := w.publish(message("x", "k", "m", true)); !out.Routed {
			t.Error("the new exchange has no alternate")
		}
	}
}

// Who changes policies waits for the disk, and no other change for him.
func TestAPolicyThatWaitsForTheDiskHoldsUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, stuck, goOn := stuckWorld(t)
		defer w.core.Close()
		synctest.Wait()
		stuck.Store(true)
		done := make(chan bool)
		go func() { w.setPolicy("p", "^", policy.Definition{"max-length": int64(1)}); close(done) }()
		synctest.Wait()
		if v := w.vhost(); v.ordering.TryLock() {
			v.ordering.Unlock()
		} else {
			t.Error("the next change has to wait, too")
		}
		close(goOn)
		<-done
	})
}
