package postrider

import (
	"encoding/binary"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/postrider-mq/postrider/amqp"
)

// See TestAnotherTryIsNotAnotherCopy: a copy would be tried again, too, and so be copied, and never end.
func TestWhatHasFailedIsNotCopiedAgain(t *testing.T) {
	p := amqp.Properties{Headers: amqp.Table{"CC": []any{"copies"}, "colour": "red"}}
	raw, err := p.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := inscribed(t, raw, "jobs", time.Now()); got["CC"] != nil || got["colour"] != "red" {
		t.Errorf("%v", got)
	}
}

// A count below nothing stayed where it was, and one beyond all bounds became such a one: the message never died.
func TestACountThatNobodyCountedHasAnEnd(t *testing.T) {
	for _, count := range []int64{math.MinInt64, -5, math.MaxInt64, 1 << 40} {
		p := amqp.Properties{Headers: amqp.Table{headerTries: count}}
		o, tries := handleOptionsOf(nil), 0
		for now := time.Now(); ; tries++ {
			raw, err := p.Append(nil)
			if err != nil {
				t.Fatal(err)
			}
			m := Message{origin: &origin{props: raw}}
			f, _ := m.Failure()
			v := o.judge(now, f, errors.New("no"))
			if v.dead {
				break
			}
			if tries == defaultMaxTries {
				t.Fatalf("%d: it does not die: %+v", count, v.failure)
			}
			next, err := v.failure.inscribe(raw, "jobs", v.due)
			if err != nil {
				t.Fatal(err)
			}
			p = *next
		}
	}
}

// See TestWhatHasDiedBeforeIsTriedAgain. Others count on what is left.
func TestWhatIsTriedAgainHasNotDiedInItsMailbox(t *testing.T) {
	death := func(queue, reason string) amqp.Table { return amqp.Table{"queue": queue, "reason": reason} }
	p := amqp.Properties{Headers: amqp.Table{"x-death": []any{
		death("jobs", "expired"), death("jobs", "rejected"), death("late", "expired"), death("jobs", "maxlen"), "no death",
	}}}
	raw, err := p.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	got := inscribed(t, raw, "jobs", time.Now())["x-death"]
	if want := []any{death("jobs", "rejected"), death("late", "expired"), "no death"}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := inscribed(t, raw, "late", time.Time{})["x-death"].([]any); len(got) != 5 {
		t.Errorf("dead: %v", got)
	}
}

func TestWhetherAHistoryFits(t *testing.T) {
	large := func(n int) []byte { // headers of so many bytes
		b, err := amqp.AppendTable(nil, amqp.Table{"s": strings.Repeat("x", n-11)})
		if err != nil || len(b) != n {
			t.Fatal(len(b), err)
		}
		return b
	}
	deep := func() []byte {
		b := []byte("\x00\x00\x00\x00")
		for range amqp.MaxTableDepth {
			b = append([]byte{0, 0, 0, byte(len(b) + 3), 1, 'a', 'F'}, b...)
		}
		return b
	}
	beyond := append(large(amqp.MaxTableBytes+4), "\x01bV"...)
	binary.BigEndian.PutUint32(beyond, uint32(len(beyond)-4))
	for name, it := range map[string]struct {
		before []byte
		fits   bool
	}{
		"none": {nil, true}, "small": {large(100), true}, "nearly too large": {large(amqp.MaxTableBytes - 500), true},
		"no room": {large(amqp.MaxTableBytes - 50), false}, "deep": {deep(), true}, "beyond the bounds": {beyond, false},
	} {
		raw, err := (&amqp.Properties{RawHeaders: it.before}).Append(nil)
		if err != nil {
			t.Fatal(name, err)
		}
		p, err := Failure{Tries: 1}.inscribe(raw, "jobs", time.Now())
		if err != nil || fits(p, it.before) != it.fits {
			t.Errorf("%s: %v, %v", name, !it.fits, err)
		}
		if p, err = bare(raw); err != nil || !fits(p, it.before) {
			t.Errorf("%s, bare: does not fit, %v", name, err)
		}
	}
}

// inscribed are the headers of what failed once.
func inscribed(t *testing.T, raw amqp.RawProperties, mailbox string, due time.Time) amqp.Table {
	t.Helper()
	p, err := Failure{Tries: 1}.inscribe(raw, mailbox, due)
	if err != nil {
		t.Fatal(err)
	}
	if raw, err = p.Append(nil); err == nil {
		err = p.Parse(raw, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return p.Headers
}
