package session

import (
	"fmt"
	"math/rand"
	"slices"
	"testing"

	"github.com/postrider-mq/postrider/amqp"
)

func TestLedgerSettlesEachDeliveryOnce(t *testing.T) {
	var l Ledger[string]
	for i, v := range []string{"a", "b", "c"} {
		if tag := l.Add(v); tag != uint64(i+1) {
			t.Fatalf("%s has tag %d, want %d", v, tag, i+1)
		}
	}
	wantSettled(t, &l, 2, false, "b")
	wantUnknown(t, &l, 2, false)
	wantUnknown(t, &l, 2, true)
	wantSettled(t, &l, 3, true, "a", "c")
	wantUnknown(t, &l, 3, false)
}

func TestLedgerKnowsNoTagZeroNorOneToCome(t *testing.T) {
	var l Ledger[string]
	l.Add("a")
	wantUnknown(t, &l, 0, false)
	wantUnknown(t, &l, 7, false)
	wantUnknown(t, &l, 7, true)
	wantUnknown(t, &l, 1<<63, true)
	if l.Len() != 1 {
		t.Errorf("%d outstanding, want 1: an error settles nothing", l.Len())
	}
}

func TestMultipleWithZeroIsAllAndNeverAnError(t *testing.T) {
	var l Ledger[string]
	wantSettled(t, &l, 0, true)
	l.Add("a")
	l.Add("b")
	wantSettled(t, &l, 0, true, "a", "b")
	wantSettled(t, &l, 0, true)
}

func TestNoAckDeliveriesHaveTagsButNothingToSettle(t *testing.T) {
	var l Ledger[string]
	l.Skip()
	if tag := l.Add("b"); tag != 2 {
		t.Fatalf("tag %d after a skipped one, want 2", tag)
	}
	wantUnknown(t, &l, 1, false)
	wantSettled(t, &l, 2, false, "b")
}

func TestOneOldDeliveryDoesNotKeepTheMemoryOfAMillionSettledOnes(t *testing.T) {
	var l Ledger[[64]byte]
	l.Add([64]byte{})
	for range 1_000_000 {
		if err := l.Settle(l.Add([64]byte{}), false, nil); err != nil {
			t.Fatal(err)
		}
	}
	chunks := 0
	for _, c := range l.w.dir {
		if c != nil {
			chunks++
		}
	}
	if chunks > 2 || l.w.spares > maxSpares {
		t.Errorf("%d chunks and %d spares are held for one delivery", chunks, l.w.spares)
	}
	if err := l.Settle(1, false, nil); err != nil {
		t.Fatal(err)
	}
	if held := len(l.w.dir) - l.w.head; held > 1 {
		t.Errorf("%d places in the directory are held for none", held)
	}
}

func TestLedgerAgreesWithAPlainMap(t *testing.T) {
	for seed := range int64(15) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { againstMap(t, rand.New(rand.NewSource(seed))) })
	}
}

// againstMap drives a ledger and a map with the same random operations.
func againstMap(t *testing.T, r *rand.Rand) {
	var l Ledger[uint64]
	model, last := map[uint64]uint64{}, uint64(0)
	undone := map[uint64]uint64{} // settled, perhaps to be restored
	burst := 1 + r.Intn(200)
	for range 1500 {
		switch r.Intn(5) {
		case 4:
			for tag, v := range undone {
				l.Restore(tag, v)
				model[tag] = v
			}
			clear(undone)
		case 0:
			for range r.Intn(burst) {
				last++
				if tag := l.Add(last * 3); tag != last {
					t.Fatalf("tag %d, want %d", tag, last)
				}
				model[last] = last * 3
			}
		case 1:
			for range r.Intn(burst) {
				last++
				l.Skip()
			}
		default:
			tag := uint64(r.Int63n(int64(last) + 3))
			multiple := r.Intn(10) == 0
			_, known := model[tag]
			want := takeFromMap(model, tag, multiple)
			var got []uint64
			settled := func(v uint64) { got = append(got, v) }
			err := error(nil)
			if r.Intn(2) == 0 {
				err = l.Settle(tag, multiple, settled)
			} else {
				err = l.Each(tag, multiple, func(tag, v uint64) {
					undone[tag] = v
					settled(v)
				})
			}
			if (err == nil) != (known || tag == 0 && multiple) {
				t.Fatalf("settle %d multiple %v: %v", tag, multiple, err)
			}
			if !slices.Equal(got, want) {
				t.Fatalf("settle %d multiple %v: %v, want %v", tag, multiple, got, want)
			}
		}
		if r.Intn(50) == 0 {
			wantSameAsMap(t, &l, model)
		}
	}
	wantSameAsMap(t, &l, model)
}

func takeFromMap(model map[uint64]uint64, tag uint64, multiple bool) (taken []uint64) {
	v, ok := model[tag]
	if !multiple && ok {
		delete(model, tag)
		return []uint64{v}
	}
	if !ok && !(multiple && tag == 0) {
		return nil
	}
	for _, k := range sortedKeys(model) {
		if k <= tag || tag == 0 {
			taken = append(taken, model[k])
			delete(model, k)
		}
	}
	return taken
}

func sortedKeys(m map[uint64]uint64) (keys []uint64) {
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func wantSameAsMap(t *testing.T, l *Ledger[uint64], model map[uint64]uint64) {
	t.Helper()
	if l.Len() != len(model) {
		t.Fatalf("%d outstanding, want %d", l.Len(), len(model))
	}
	n, before := 0, uint64(0)
	for tag, v := range l.All() {
		if model[tag] != v || tag <= before {
			t.Fatalf("tag %d after %d stands for %d, want %d", tag, before, v, model[tag])
		}
		n, before = n+1, tag
	}
	if n != len(model) {
		t.Fatalf("All walked %d, want %d", n, len(model))
	}
}

func wantSettled(t *testing.T, l *Ledger[string], tag uint64, multiple bool, want ...string) {
	t.Helper()
	var got []string
	if err := l.Settle(tag, multiple, func(v string) { got = append(got, v) }); err != nil {
		t.Fatalf("settle %d multiple %v: %v", tag, multiple, err)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("settle %d multiple %v: %q, want %q", tag, multiple, got, want)
	}
}

func wantUnknown(t *testing.T, l *Ledger[string], tag uint64, multiple bool) {
	t.Helper()
	err := l.Settle(tag, multiple, func(v string) { t.Errorf("%q was settled", v) })
	want := fmt.Sprintf("unknown delivery tag %d", tag)
	if e, ok := err.(*amqp.Error); !ok || e.Code != 406 || e.Text != want {
		t.Fatalf("settle %d multiple %v: %v, want 406 %q", tag, multiple, err, want)
	}
}

func TestABurstLeavesFewSpareChunksBehind(t *testing.T) {
	var l Ledger[int]
	for range 100 * chunkTags {
		l.Add(1)
	}
	err := l.Settle(0, true, nil)
	if err != nil || l.w.spares != maxSpares || l.Len() != 0 {
		t.Errorf("%v, %d spares, %d outstanding; want %d spares", err, l.w.spares, l.Len(), maxSpares)
	}
}
