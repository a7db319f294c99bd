package definitions

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/postrider-mq/postrider/internal/core"
)

// The kinds of setting under which parameters are kept. They are written to disk: never rename.
const (
	kindParameter = "parameter"        // of a virtual host; the name is component, NUL, name
	kindGlobal    = "global-parameter" // of the broker
)

// The limits of a virtual host are the one parameter, beside operator policies, that has an effect, see core.Limits.
const (
	componentLimits = "vhost-limits"
	nameLimits      = "limits"
)

// Parameters returns those of a virtual host: its operator policies, its limits, and those
// of RabbitMQ's plugins, which are kept and have no effect here.
func Parameters(v *core.VHost) []Parameter {
	list := []Parameter{}
	for _, p := range v.Policies(core.OperatorPolicy) {
		value, _ := json.Marshal(p.Term()) // it came from JSON
		list = append(list, Parameter{v.Name, string(core.OperatorPolicy), p.Name, value})
	}
	for _, s := range v.Core().Settings(kindParameter) {
		if s.VHost == v.Name {
			component, name, _ := strings.Cut(s.Name, "\x00")
			list = append(list, Parameter{v.Name, component, name, s.Value})
		}
	}
	return list
}

// errPolicy is RabbitMQ's.
var errPolicy = errors.New("policies may not be set using this method")

// keepParameter keeps a parameter of a plugin; value is JSON.
func keepParameter(ctx context.Context, v *core.VHost, component, name string, value []byte) error {
	return v.Core().Set(ctx, core.Setting{Kind: kindParameter, VHost: v.Name, Name: component + "\x00" + name, Value: value})
}

// ClearParameter ends a parameter of a plugin and says whether it was there.
func ClearParameter(ctx context.Context, v *core.VHost, component, name string) (bool, error) {
	return v.Core().Unset(ctx, kindParameter, v.Name, component+"\x00"+name)
}

// GlobalParameters returns the parameters of the broker, which have no effect here.
func GlobalParameters(c *core.Core) []GlobalParameter {
	list := []GlobalParameter{}
	for _, s := range c.Settings(kindGlobal) {
		list = append(list, GlobalParameter{s.Name, s.Value})
	}
	return list
}

// SetGlobalParameter sets one; value is JSON. It returns when that is safe on disk.
func SetGlobalParameter(ctx context.Context, c *core.Core, name string, value []byte) error {
	return c.Set(ctx, core.Setting{Kind: kindGlobal, Name: name, Value: value})
}

// ClearGlobalParameter ends one and says whether it was there.
func ClearGlobalParameter(ctx context.Context, c *core.Core, name string) (bool, error) {
	return c.Unset(ctx, kindGlobal, "", name)
}
