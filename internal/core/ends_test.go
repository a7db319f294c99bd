package core

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/postrider-mq/postrider/internal/journal"
	"github.com/postrider-mq/postrider/internal/route"
)

// What is deleted takes along its own bindings, and finds them without a look at any other's.
func TestARecoveredDeletionTakesItsOwnBindings(t *testing.T) {
	v := &VHost{Name: "/"}
	for seed := range uint64(200) {
		chance := rand.New(rand.NewPCG(seed, 1))
		name := func() string { return string(rune('a' + chance.IntN(5))) }
		r, want := newRecovery(), map[string]route.Binding{}
		replay := func(kind journal.Kind, body []byte) {
			if err := r.replay(journal.Record{LSN: 8, Kind: kind, Body: body}); err != nil {
				t.Fatal(err)
			}
		}
		for range 100 {
			x := route.Binding{Source: name(), Destination: name(), ToQueue: chance.IntN(2) == 0}
			key := string(v.binding(&x))
			switch chance.IntN(10) {
			default:
				replay(kindBound, []byte(key))
				want[key] = x
			case 0, 1:
				replay(kindUnbound, []byte(key))
				delete(want, key)
			case 2:
				replay(kindQueueDeleted, (&Queue{id: 1, vhost: v, QueueSpec: QueueSpec{Name: x.Destination}}).deletion())
				maps.DeleteFunc(want, func(_ string, b route.Binding) bool { return b.ToQueue && b.Destination == x.Destination })
			case 3:
				replay(kindExchangeDeleted, appendText(appendText(nil, "/"), x.Source))
				maps.DeleteFunc(want, func(_ string, b route.Binding) bool {
					return b.Source == x.Source || !b.ToQueue && b.Destination == x.Source
				})
			}
			if got, want := slices.Sorted(maps.Keys(r.bindings)), slices.Sorted(maps.Keys(want)); !slices.Equal(got, want) {
				t.Fatalf("seed %d: bindings are %q, want %q", seed, got, want)
			}
		}
		all := ends{}
		for key, b := range r.bindings {
			all.enter(key, &b)
		}
		if r.ends != nil && fmt.Sprint(r.ends) != fmt.Sprint(all) {
			t.Fatalf("seed %d: the ends of bindings are %v, want %v", seed, r.ends, all)
		}
	}
}
