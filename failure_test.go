package postrider

import (
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
