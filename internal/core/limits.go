package core

import (
	"context"
	"encoding/json"

	"github.com/postrider-mq/postrider/amqp"
)

// Limits are what a virtual host may have at most. Nil, or less than 0, is no limit.
type Limits struct {
	MaxConnections *int64 `json:"max-connections,omitempty"` // of clients; those in this process do not count
	MaxQueues      *int64 `json:"max-queues,omitempty"`      // those that there are stay
}

// The limits of a virtual host are a setting of the kind and name of a parameter, which is what they are in definitions.
const (
	limitsKind = "parameter"
	limitsName = "vhost-limits\x00limits"
)

// Limits returns the limits of the virtual host.
func (v *VHost) Limits() (l Limits) {
	c := v.core
	c.settings.mu.Lock()
	defer c.settings.mu.Unlock()
	if f, ok := c.settings.byKey[settingKey{limitsKind, v.Name, limitsName}]; ok {
		_ = json.Unmarshal(f.value.Value, &l) // what is no number is no limit
	}
	return l
}

// SetLimits gives the virtual host limits in place of those that it has. It returns after that is safe on disk. Errors: 320.
func (v *VHost) SetLimits(ctx context.Context, l Limits) error {
	if l == (Limits{}) {
		_, err := v.core.Unset(ctx, limitsKind, v.Name, limitsName)
		return err
	}
	value, err := json.Marshal(l)
	if err != nil {
		return err
	}
	return v.core.Set(ctx, Setting{limitsKind, v.Name, limitsName, value})
}

// reached says whether a limit leaves no room beside n.
func reached(limit *int64, n int) bool { return limit != nil && *limit >= 0 && int64(n) >= *limit }

// ConnectionsReached says whether n connections are all that the virtual host may have, and how many these are.
func (v *VHost) ConnectionsReached(n int) (limit int64, is bool) {
	l := v.Limits().MaxConnections
	if !reached(l, n) {
		return 0, false
	}
	return *l, true
}

// mayHaveQueue asks whether there may be one more queue. The caller holds mu.
func (v *VHost) mayHaveQueue(name string) error {
	limit := v.Limits().MaxQueues
	if limit == nil || !reached(limit, v.QueueCount()) {
		return nil
	}
	return amqp.Errorf(amqp.PreconditionFailed, "cannot declare queue '%s': queue limit in vhost '%s' (%d) is reached", name, v.Name, *limit)
}
