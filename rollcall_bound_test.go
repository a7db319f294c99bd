package postrider

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// Strangers answer with as many cards as they like, as large as they may be, or made of many small pieces. What is kept of them is bounded, whether
// they are yielded or not, and those that had no room come when all are asked again.
func TestStrangersWhoAnswerARollCallTakeLittle(t *testing.T) {
	for name, card := range map[string]struct {
		addresses string
		many      int // are too many to be kept
	}{
		"one large address":    {`"` + strings.Repeat("a", maxCard-100) + `"`, 1200},
		"many empty addresses": {strings.Repeat(`"",`, maxCard/3-40) + `""`, 300},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRolls().open("roll")
			before := heap()
			yielded := 0
			for range 2 {
				for i := range card.many {
					r.enter(fmt.Appendf(nil, `{"name":"stranger%d","addresses":[%s]}`, i, card.addresses))
				}
				if size := heap() - before; size > 3*maxCome/2 {
					t.Errorf("%d MiB", size>>20)
				}
				some := len(r.take())
				if some == 0 {
					t.Error("no card is yielded")
				}
				yielded += some
			}
			if yielded > card.many {
				t.Errorf("%d cards are yielded of %d", yielded, card.many)
			}
		})
	}
}

func TestAsManyAnswerARollCallAsMay(t *testing.T) {
	r := newRolls().open("roll")
	before := heap()
	for i := range maxRoll + 1000 {
		r.enter(fmt.Appendf(nil, `{"name":"stranger%d"}`, i))
		r.take()
	}
	if size := heap() - before; len(r.seen) != maxRoll || size > 8<<20 {
		t.Errorf("%d cards are known, in %d MiB", len(r.seen), size>>20)
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
