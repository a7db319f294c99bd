package coord

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"time"

	"github.com/postrider-mq/postrider"
)

// ErrNoValue is the error of a value that nobody has set yet.
var ErrNoValue = errors.New("no value yet")

// Value is one value that processes share: the last one that was set, which who comes later learns as well. It outlives all of them, on the
// broker. T is encoded as JSON. It is for what is small and changes seldom: settings, who leads, how far something has come. Any
// goroutine may use it.
type Value[T any] struct {
	seat seat
	news *postrider.Target
}

// Version is a value and its number, which grows with each change, by one or more.
type Version[T any] struct {
	Value  T
	Number uint64
	By     string // the node that set it
}

// NewValue is the value of that name on the node's broker.
func NewValue[T any](n *postrider.Node, name string) *Value[T] {
	s := newSeat(n, "value", name, "")
	return &Value[T]{seat: s, news: n.Topic("coord.value." + name + ".news")}
}

// Get returns the present value: what every Set and Update that has returned somewhere has left. The error is
// [ErrNoValue] before the first one. It costs as much as to acquire a [Lock], and waits its turn as that does: whoever needs the value often
// keeps what [Value.Watch] yields.
func (v *Value[T]) Get(ctx context.Context) (Version[T], error) {
	var last note
	t, err := v.seat.during(ctx, nil, func(t *turn) error {
		err := t.look(ctx)
		last = t.last
		return err
	})
	if err != nil {
		return Version[T]{}, err
	}
	t.leave()
	return v.version(last)
}

func (v *Value[T]) version(n note) (Version[T], error) {
	x := Version[T]{Number: n.Number, By: n.By}
	if n.Number == 0 {
		return x, v.seat.wrap(ErrNoValue)
	}
	if err := json.Unmarshal(n.Value, &x.Value); err != nil {
		return x, v.seat.wrap(err)
	}
	return x, nil
}

// Set makes it the value, also where what was there is none of T. When Set fails because ctx ended, it may be the value all the same.
func (v *Value[T]) Set(ctx context.Context, value T) (Version[T], error) {
	return v.Update(ctx, func(T, error) (T, error) { return value, nil })
}

// Update replaces the value by what change makes of it; nobody else can change it meanwhile. change is given the present
// value, or the error of [Value.Get]; it may be called more than once, when the connection breaks in between, and is to be
// quick. What it made becomes the value once: only when the connection broke, and the value changed more than 64 times before this node was served
// again, it is not known whether it had, and it does once more. When change returns an error, that is the error of Update, and the value stays.
func (v *Value[T]) Update(ctx context.Context, change func(T, error) (T, error)) (Version[T], error) {
	var last note
	t, err := v.seat.during(ctx, nil, func(t *turn) error {
		if err := t.look(ctx); err != nil {
			return err
		}
		if n, ok := t.succeeded(); ok {
			last = n
			return nil
		}
		old, err := v.version(t.last)
		value, err := change(old.Value, err)
		if err != nil {
			return err
		}
		b, err := json.Marshal(value)
		if err != nil {
			return err
		}
		err = t.claim(ctx, b, t.last.past())
		last = t.last
		return err
	})
	if err != nil {
		return Version[T]{}, err
	}
	defer t.leave()
	v.news.Post(ctx, last) // or watchers find out by themselves
	return v.version(last)
}

// lookAgain is how often a watcher looks whether it missed news, and who waits calls again.
const lookAgain = 10 * time.Second

// Watch goes through the value and its changes: first the present value, if there is one, then each that follows. Of changes that
// come faster than the loop runs only the last is seen. It sees one at once, or within ten seconds if whoever made it, or the connection, failed at
// that moment. It ends with an error: ctx's, or what keeps this node from the value.
func (v *Value[T]) Watch(ctx context.Context) iter.Seq2[Version[T], error] {
	return func(yield func(Version[T], error) bool) {
		if err := v.watch(ctx, yield); err != nil {
			yield(Version[T]{}, err)
		}
	}
}

// watch returns nil when the loop was left.
func (v *Value[T]) watch(ctx context.Context, yield func(Version[T], error) bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if v.seat.wrong != nil {
		return v.seat.wrap(v.seat.wrong)
	}
	news := make(chan note, 1)
	err := v.seat.node.Handle(ctx, v.news, func(_ context.Context, m *postrider.Message) error {
		var n note
		if err := m.Decode(&n); err != nil {
			return postrider.Reject(err)
		}
		select { // the last one only
		case <-news:
		default:
		}
		news <- n
		return nil
	})
	if err != nil {
		return v.seat.wrap(err)
	}
	again := time.NewTicker(lookAgain)
	defer again.Stop()
	var seen uint64
	for {
		x, err := v.Get(ctx)
		if err != nil && !errors.Is(err, ErrNoValue) {
			return err
		}
		if x.Number < seen { // the broker has forgotten, and begins anew
			seen = 0
		}
		for looking := true; looking; {
			if x.Number > seen {
				seen = x.Number
				if !yield(x, nil) {
					return nil
				}
			}
			select {
			case n := <-news:
				if x, err = v.version(n); err != nil || !n.isClaim() { // another program's, or of another type: the value itself tells
					looking = false
				}
			case <-again.C:
				looking = false
			case <-ctx.Done():
				return v.seat.wrap(ctx.Err())
			}
		}
	}
}
