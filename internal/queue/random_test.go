package queue

import (
	"fmt"
	"math"
	"math/rand"
	"reflect"
	"slices"
	"testing"
)

// TestRandomOperations plays random events on the queue and on the model, and
// compares every effect and every count. A failure names its seed.
func TestRandomOperations(t *testing.T) {
	seeds, steps := 150, 1500
	if testing.Short() {
		seeds = 20
	}
	for seed := range seeds {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			rnd := rand.New(rand.NewSource(int64(seed)))
			r := newRun(t, rnd.Intn)
			for range steps {
				r.step()
			}
		})
	}
}

// FuzzOperations lets the fuzzer choose the events.
func FuzzOperations(f *testing.F) {
	f.Add([]byte("a queue is a line of entries"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := newRun(t, func(n int) int {
			if len(data) == 0 {
				return 0
			}
			b := data[0]
			data = data[1:]
			return int(b) % n
		})
		for len(data) > 0 {
			r.step()
		}
	})
}

// run is one queue beside its model.
type run struct {
	t      *testing.T
	choose func(n int) int // any of 0 to n-1
	q      *Queue[int]
	m      *model
	now    Time
	log    []string
	fresh  int // the next message
	grow   int // how much pushing is favoured, changes from time to time
}

func newRun(t *testing.T, choose func(int) int) *run {
	r := &run{t: t, choose: choose, now: 1000}
	cfg := r.config()
	switch choose(4) {
	case 0:
		cfg.MaxPriority = []uint8{1, 3, 10, 255}[choose(4)]
	case 1:
		cfg.TwoLevels = true
	}
	cfg.SingleActive, cfg.TakeOver = choose(4) == 0, choose(2) == 0
	cfg.Scattered = choose(5) == 0
	r.note("queue %+v", cfg)
	r.q, r.m = New[int](r.now, cfg), newModel(r.now, cfg)
	for range choose(100) {
		r.restore()
	}
	return r
}

// config returns what can be changed of a queue.
func (r *run) config() Config {
	return Config{
		AutoDelete:    r.choose(2) == 0,
		Expires:       Time(r.choose(3) * 500),
		TTL:           r.bound(4, 1000),
		MaxLength:     r.bound(4, 40),
		MaxBytes:      r.bound(4, 100),
		Overflow:      Overflow(r.choose(3)),
		DeliveryLimit: r.bound(3, 4),
	}
}

// bound returns a bound in one of n cases, and none in the others.
func (r *run) bound(n, limit int) Bound {
	if r.choose(n) > 0 {
		return Bound{}
	}
	return AtMost(int64(r.choose(limit)))
}

// step plays one event.
func (r *run) step() {
	r.now += Time(r.choose(20))
	if r.choose(100) == 0 {
		r.grow = r.choose(5)
	}
	if r.grow > 0 && r.choose(5) < r.grow && len(r.m.entries) < 400 {
		r.push()
	} else {
		r.any()
	}
	r.compare()
}

func (r *run) any() {
	switch r.choose(16) {
	case 0:
		r.note("reserve")
		r.reserve()
	case 1:
		r.fill()
	case 2:
		r.skip()
	case 3:
		r.push()
	case 4:
		r.attach()
	case 5:
		id := r.id(8)
		r.note("detach %d", id)
		r.same(r.q.Detach(r.now, id), r.m.Detach(r.now, id))
	case 6, 7, 8, 9:
		r.settle()
	case 10:
		r.reject()
	case 11:
		r.requeue()
	case 12:
		r.get()
	case 13:
		r.pauseOrResume()
	case 14:
		r.note("advance to %d", r.now)
		r.same(r.q.Advance(r.now), r.m.Advance(r.now))
	case 15:
		r.seldom()
	}
}

func (r *run) seldom() {
	switch r.choose(10) {
	case 0:
		r.purge()
	case 1:
		next := r.m.highest() + uint64(r.choose(300))
		if r.m.cfg.TwoLevels {
			next = r.anywhere(300)
		}
		r.note("reserve from %d", next)
		r.q.ReserveFrom(next)
		r.m.ReserveFrom(next)
	case 2:
		r.note("touch")
		r.q.Touch(r.now)
		r.m.Touch(r.now)
	case 3:
		r.note("requeue everything")
		all := r.m.positions(Out)
		r.same(r.q.Requeue(r.now, all...), r.m.Requeue(r.now, all...))
	case 4:
		r.note("settle everything")
		for _, pos := range r.m.positions(Out) {
			r.settleAt(pos)
		}
	case 5:
		pos := r.anywhere(10)
		r.fresh++
		r.note("replace at %d by %d", pos, r.fresh)
		r.same(r.q.Replace(pos, r.fresh), r.m.Replace(pos, r.fresh))
	case 6:
		cfg := r.config()
		r.note("configure %+v", cfg)
		r.same(r.q.Configure(r.now, cfg), r.m.Configure(r.now, cfg))
	case 7:
		unit := 1 + r.choose(5)
		r.note("measure by %d", unit)
		r.m.size = func(msg int) int { return msg % (unit * 7) }
		r.q.MeasureBy(r.m.size)
	case 8:
		r.takeBack()
	case 9:
		r.note("return everything")
		all := r.m.positions(Out)
		r.same(r.q.Return(r.now, all...), r.m.Return(r.now, all...))
	}
}

// takeBack undoes deliveries, and lets others have them.
func (r *run) takeBack() {
	for range r.choose(5) {
		pos, ok := r.pick(Out)
		if !ok {
			pos = r.anywhere(10)
		}
		r.note("take %d back", pos)
		r.same(r.q.TakeBack(pos), r.m.TakeBack(pos))
	}
	r.same(r.q.Advance(r.now), r.m.Advance(r.now))
}

func (r *run) restore() {
	pos, redelivered, deliveries := uint64(1+r.choose(1000)), r.choose(2) == 0, uint32(r.choose(3))
	var expiry Time
	if r.choose(4) == 0 {
		expiry = Time(r.choose(3000) - 500)
	}
	pos += r.m.lanes() // a lane's first number is 1
	if r.m.cfg.TwoLevels && r.choose(2) == 0 {
		pos += HighLevel
	}
	r.fresh++
	r.note("restore %d at %d, expires %d", r.fresh, pos, expiry)
	r.q.RestoreWith(pos, r.fresh, redelivered, deliveries, expiry)
	r.m.Restore(pos, r.fresh, redelivered, deliveries, expiry)
}

func (r *run) reserve() uint64 {
	priority := uint8(r.choose(int(r.m.lanes()) + 1))
	if r.m.cfg.TwoLevels {
		priority = uint8(r.choose(10))
	}
	pos := r.q.ReserveIn(priority)
	r.same(pos, r.m.Reserve(priority))
	return pos
}

func (r *run) push() {
	size := r.choose(30)
	r.same(r.q.Admit(size), r.m.Admit(size))
	r.pushAt(r.reserve())
}

func (r *run) fill() {
	if pos, ok := r.pick(Reserved); ok {
		r.pushAt(pos)
	}
}

func (r *run) pushAt(pos uint64) {
	r.fresh++
	ttl := r.bound(4, 300)
	r.note("push %d at %d, ttl %v", r.fresh, pos, ttl)
	r.same(r.q.PushWith(r.now, pos, r.fresh, ttl), r.m.Push(r.now, pos, r.fresh, ttl))
}

func (r *run) skip() {
	if pos, ok := r.pick(Reserved); ok {
		r.note("skip %d", pos)
		r.q.Skip(pos)
		r.m.Skip(pos)
	}
}

func (r *run) attach() {
	if r.m.cfg.Scattered {
		return
	}
	c := Consumer{
		ID:        r.id(8),
		Prefetch:  uint16(r.choose(6)),
		NoAck:     r.choose(6) == 0,
		Exclusive: r.choose(10) == 0,
		Priority:  int32(r.choose(3)),
	}
	r.note("attach %+v", c)
	got, gotErr := r.q.Attach(r.now, c)
	want, wantErr := r.m.Attach(r.now, c)
	r.same(gotErr, wantErr)
	r.same(got, want)
}

func (r *run) settle() {
	if pos, ok := r.pick(Out); ok {
		r.settleAt(pos)
	} else {
		r.settleAt(r.anywhere(10))
	}
}

func (r *run) settleAt(pos uint64) {
	r.note("settle %d", pos)
	gotMsg, gotOK, got := r.q.Settle(r.now, pos)
	wantMsg, wantOK, want := r.m.Settle(r.now, pos)
	r.same(gotMsg, wantMsg)
	r.same(gotOK, wantOK)
	r.same(got, want)
}

func (r *run) reject() {
	pos, ok := r.pick(Out)
	if !ok {
		pos = r.anywhere(0)
	}
	if r.choose(2) == 0 {
		r.note("reject %d, requeue", pos)
		r.same(r.q.Reject(r.now, pos, true), r.m.Requeue(r.now, pos))
		return
	}
	r.note("reject %d", pos)
	r.same(r.q.Reject(r.now, pos, false), r.m.Reject(r.now, pos))
}

// requeue returns a few entries, in any order; some positions may be wrong.
func (r *run) requeue() {
	var list []uint64
	for range r.choose(10) {
		if pos, ok := r.pick(Out); ok {
			list = append(list, pos)
		} else {
			list = append(list, r.anywhere(10))
		}
	}
	r.note("requeue %v", list)
	r.same(r.q.Requeue(r.now, list...), r.m.Requeue(r.now, list...))
}

func (r *run) get() {
	if r.m.cfg.Scattered {
		return
	}
	noAck := r.choose(2) == 0
	r.note("get, no ack %v", noAck)
	got, gotOK := r.q.Get(r.now, noAck)
	want, wantOK := r.m.Get(r.now, noAck)
	r.same(gotOK, wantOK)
	r.same(got, want)
}

func (r *run) pauseOrResume() {
	id := r.id(8)
	if r.choose(2) == 0 {
		r.note("pause %d", id)
		r.q.Pause(id)
		r.m.Pause(id)
		return
	}
	r.note("resume %d", id)
	r.same(r.q.Resume(r.now, id), r.m.Resume(r.now, id))
}

func (r *run) purge() {
	r.note("purge")
	var got []Entry[int]
	n := r.q.Purge(math.MaxInt, func(e Entry[int]) { got = append(got, e) })
	want := r.m.Purge()
	r.same(n, len(want))
	r.same(got, want)
}

// compare looks at all that can be seen from outside, and at the deque from inside.
func (r *run) compare() {
	r.same(r.q.Len(), r.m.count(Ready))
	r.same(r.q.Unacked(), r.m.count(Out))
	r.same(r.q.Consumers(), len(r.m.consumers))
	gotTime, gotOK := r.q.Deadline()
	wantTime, wantOK := r.m.Deadline()
	r.same(gotTime, wantTime)
	r.same(gotOK, wantOK)
	r.same(r.q.Bytes(), r.m.Bytes())
	if id, ok := r.q.Active(); ok != (r.m.active != nil) || ok && id != r.m.active.ID {
		r.fail("%d is active", id)
	}
	r.lookup(r.anywhere(70))
	r.all()
	for _, d := range r.deques() {
		if err := d.check(); err != nil {
			r.fail("%v", err)
		}
	}
}

func (r *run) deques() []*deque[int] {
	if r.q.lanes == nil {
		return []*deque[int]{&r.q.entries}
	}
	return slices.DeleteFunc(slices.Clone(r.q.lanes.deques), func(d *deque[int]) bool { return d == nil })
}

func (r *run) lookup(pos uint64) {
	gotEntry, gotState, ok := r.q.Lookup(pos)
	want := r.m.at(pos)
	r.same(ok, want != nil)
	if want != nil {
		r.same(gotEntry, want.Entry)
		r.same(gotState, want.state)
		expiry, _ := r.q.Expiry(pos)
		r.same(expiry, want.expiry)
	}
}

func (r *run) all() {
	entries := slices.DeleteFunc(slices.Clone(r.m.entries), func(e *modelEntry) bool { return e.state == Reserved })
	for e, s := range r.q.All() {
		if len(entries) == 0 || e != entries[0].Entry || s != entries[0].state {
			r.fail("iteration yields %+v", e)
		}
		entries = entries[1:]
	}
	r.same(len(entries), 0)
}

// anywhere returns any position that was handed out, or one of a few beyond.
func (r *run) anywhere(beyond int) uint64 {
	if !r.m.cfg.TwoLevels {
		return uint64(r.choose(int(r.m.highest()) + beyond))
	}
	level := r.choose(2)
	return uint64(level)*HighLevel + uint64(r.choose(int(r.m.next[level]%HighLevel)+beyond))
}

// pick returns the position of any entry in a state.
func (r *run) pick(s State) (uint64, bool) {
	list := r.m.positions(s)
	if len(list) == 0 {
		return 0, false
	}
	return list[r.choose(len(list))], true
}

func (r *run) id(n int) ConsumerID { return ConsumerID(r.choose(n)) }

func (r *run) note(format string, args ...any) { r.log = append(r.log, fmt.Sprintf(format, args...)) }

func (r *run) same(got, want any) {
	r.t.Helper()
	if g, ok := got.(*Effects[int]); ok {
		got = plain(g)
	}
	if w, ok := want.(Effects[int]); ok {
		want = plain(&w)
	}
	if !reflect.DeepEqual(got, want) {
		r.fail("got %+v, want %+v", got, want)
	}
}

// plain makes no difference between an empty list and none.
func plain(p *Effects[int]) (fx Effects[int]) {
	if p == nil {
		return fx
	}
	fx = *p
	if len(fx.Drop) == 0 {
		fx.Drop = nil
	}
	if len(fx.Deliver) == 0 {
		fx.Deliver = nil
	}
	return fx
}

func (r *run) fail(format string, args ...any) {
	r.t.Helper()
	for _, line := range r.log[max(0, len(r.log)-20):] {
		r.t.Log(line)
	}
	r.t.Fatalf(format, args...)
}
