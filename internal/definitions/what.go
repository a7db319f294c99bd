package definitions

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/core"
	"github.com/postrider-mq/postrider/internal/policy"
	"github.com/postrider-mq/postrider/internal/route"
)

// named are the virtual host and the name of an item, and what was wrong so far.
func (im *importing) named(it *item) (v *core.VHost, name string, err error) {
	host := it.host()
	name = it.text("name")
	if it.err != nil {
		return nil, "", it.err
	}
	v, err = im.host(host)
	return v, name, err
}

func (im *importing) exchange(it *item) error {
	v, name, err := im.named(it)
	x := route.Exchange{
		Name: name, Kind: route.Kind(it.text("type")), Durable: it.flag("durable"),
		AutoDelete: it.flagOr("auto_delete", false), Internal: it.flagOr("internal", false), Args: it.arguments(),
	}
	switch {
	case err != nil:
		return err
	case it.err != nil:
		return it.err
	case predeclared(name):
		it.warn("it is there by itself, and not imported")
		return nil
	}
	return im.declared(it, v.Operator().Do(func(c *core.Client, b *core.Burst) error {
		return c.DeclareExchange(im.ctx, b, x)
	}))
}

func (im *importing) queue(it *item) error {
	v, name, err := im.named(it)
	spec := core.QueueSpec{
		Name: name, Durable: it.flag("durable"), AutoDelete: it.flagOr("auto_delete", false), Args: it.arguments(),
	}
	kind := it.textOr("type", "")
	switch {
	case err != nil:
		return err
	case it.err != nil:
		return it.err
	case name == "" || strings.HasPrefix(name, "amq."):
		it.warn("its name is one of those that the broker gives, and it is not imported")
		return nil
	}
	im.kind(it, &spec, kind)
	return im.declared(it, v.Operator().Do(func(c *core.Client, b *core.Burst) error {
		_, err := c.DeclareQueue(im.ctx, b, spec)
		return err
	}))
}

// kind looks at the type of a queue, which is its argument's: RabbitMQ writes
// it besides, and does not read it.
func (im *importing) kind(it *item, spec *core.QueueSpec, kind string) {
	arg, given := spec.Args["x-queue-type"].(string)
	switch {
	case kind == "" || kind == arg || kind == "classic" && !given:
	case given:
		it.warn("its type is '%s', and x-queue-type says '%s', which holds", kind, arg)
	default:
		it.warn("its type is '%s' without the argument x-queue-type: as in RabbitMQ it becomes a classic queue", kind)
	}
}

// declared makes a warning of a refusal because something is there already.
func (im *importing) declared(it *item, err error) error {
	var e *amqp.Error
	if errors.As(err, &e) && (strings.HasPrefix(e.Text, "inequivalent arg") || e.Code == amqp.ResourceLocked) {
		it.warn("it exists and stays as it is: %s", e.Text)
		return nil
	}
	return text(err)
}

// text is an error of the protocol without its number.
func text(err error) error {
	var e *amqp.Error
	if errors.As(err, &e) {
		return errors.New(e.Text)
	}
	return err
}

func (im *importing) binding(it *item) error {
	host, source, key := it.host(), it.text("source"), it.textOr("routing_key", "")
	x := route.Binding{Source: source, Destination: it.text("destination"), Key: key, Args: it.arguments()}
	switch kind := it.text("destination_type"); kind {
	case "queue", "exchange":
		x.ToQueue = kind == "queue"
	default:
		it.fail(fmt.Errorf("\"destination_type\" is '%s', want queue or exchange", kind))
	}
	if it.take("properties_key"); it.err != nil {
		return it.err
	}
	v, err := im.host(host)
	if err != nil {
		return err
	}
	if source == "" && x.ToQueue && key == x.Destination {
		it.warn("every queue is bound to the default exchange by itself")
		return nil
	}
	if x.ToQueue && strings.HasPrefix(x.Destination, "amq.") {
		it.warn("its queue has one of the names that the broker gives, and neither is imported")
		return nil
	}
	return text(v.Operator().Do(func(c *core.Client, b *core.Burst) error { return c.Bind(im.ctx, b, x) }))
}

func (im *importing) policy(it *item) error {
	v, name, err := im.named(it)
	term := map[string]any{"priority": int64(0)}
	for _, key := range []string{"pattern", "definition", "priority", "apply-to"} {
		if value := it.take(key); value != nil {
			term[key] = value
		}
	}
	if err != nil {
		return err
	}
	return im.setPolicy(it, v, core.UserPolicy, name, term)
}

func (im *importing) setPolicy(it *item, v *core.VHost, kind core.PolicyKind, name string, term map[string]any) error {
	if definition, ok := objectOf(term["definition"]); ok {
		term["definition"] = definition
	}
	var invalid *core.Invalid
	switch err := v.SetPolicy(im.ctx, kind, name, term); {
	case errors.As(err, &invalid):
		return errors.New(invalid.Plain())
	case err != nil:
		return text(err)
	}
	if definition, _ := term["definition"].(map[string]any); definition != nil {
		if idle := policy.Idle(definition); len(idle) > 0 {
			it.warn("settings without effect here: %s", strings.Join(idle, ", "))
		}
	}
	return nil
}

func (im *importing) parameter(it *item) error {
	v, name, err := im.named(it)
	component, value := it.text("component"), it.take("value")
	switch {
	case err != nil:
		return err
	case it.err != nil:
		return it.err
	case component == string(core.UserPolicy):
		return errPolicy
	case component == string(core.OperatorPolicy):
		term, ok := objectOf(value)
		if !ok {
			return errors.New("\"value\" should be an object")
		}
		return im.setPolicy(it, v, core.OperatorPolicy, name, term)
	}
	return im.keep(it, v, component, name, value)
}

// keep keeps a parameter of a virtual host.
func (im *importing) keep(it *item, v *core.VHost, component, name string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	if component == componentLimits && name == nameLimits {
		var limits core.Limits
		if err := json.Unmarshal(text, &limits); err != nil {
			return fmt.Errorf("limits of a virtual host should be whole numbers: %w", err)
		}
	} else {
		it.warn("the parameter is kept, and has no effect here")
	}
	return keepParameter(im.ctx, v, component, name, text)
}

func (im *importing) globalParameter(it *item) error {
	name, value := it.text("name"), it.take("value")
	if it.err != nil {
		return it.err
	}
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return SetGlobalParameter(im.ctx, im.Core, name, text)
}
