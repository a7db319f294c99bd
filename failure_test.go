package postrider

import (
	"reflect"
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
	got, err := Failure{Tries: 1}.inscribe(raw, "jobs", time.Now())
	if err != nil || got.Headers["CC"] != nil || got.Headers["colour"] != "red" {
		t.Errorf("%v, %v", got, err)
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
	got, err := Failure{Tries: 1}.inscribe(raw, "jobs", time.Now())
	if want := []any{death("jobs", "rejected"), death("late", "expired"), "no death"}; err != nil || !reflect.DeepEqual(got.Headers["x-death"], want) {
		t.Errorf("%v, %v, want %v", got.Headers["x-death"], err, want)
	}
	if got, err = (Failure{Tries: 1}).inscribe(raw, "late", time.Time{}); err != nil || len(got.Headers["x-death"].([]any)) != 5 {
		t.Errorf("dead: %v, %v", got.Headers["x-death"], err)
	}
}
