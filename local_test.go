package postrider

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/postrider-mq/postrider/broker"
	"github.com/postrider-mq/postrider/internal/client"
)

// Why the embedded broker takes nothing is said once, though it is an error of two packages.
func TestTheEmbeddedBrokersAlarmIsToldOnce(t *testing.T) {
	err := (&Target{}).cause(localError(fmt.Errorf("%w: low on disk", broker.ErrBlocked)))
	if !errors.Is(err, ErrBlocked) || !errors.Is(err, client.ErrBlocked) {
		t.Errorf("%v is not ErrBlocked", err)
	}
	if n := strings.Count(err.Error(), "takes no messages"); n != 1 || !strings.Contains(err.Error(), "low on disk") {
		t.Errorf("%q", err)
	}
}
