package definitions

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"

	"github.com/postrider-mq/postrider/internal/access"
	"github.com/postrider-mq/postrider/internal/core"
	"github.com/postrider-mq/postrider/internal/policy"
)

// rabbitVersion is the RabbitMQ whose form an export has.
const rabbitVersion = "3.10.8"

// Broker is what definitions are of.
type Broker struct {
	Core    *core.Core
	Users   *access.Users
	Version string // of this broker
}

// Export returns the definitions of the whole broker, ordered by name.
func (b Broker) Export() *Document {
	d := b.empty()
	d.Users, d.Permissions, d.TopicPermissions = b.users(), b.permissions(), b.topicPermissions()
	d.VHosts, d.GlobalParameters = []VHost{}, GlobalParameters(b.Core)
	for _, v := range b.Core.VHosts() {
		d.VHosts = append(d.VHosts, vhost(v))
		d.add(v, v.Name)
	}
	return d
}

// ExportVHost returns those of one virtual host.
func (b Broker) ExportVHost(v *core.VHost) *Document {
	d := b.empty()
	d.add(v, "")
	return d
}

func (b Broker) empty() *Document {
	return &Document{
		RabbitVersion: rabbitVersion, RabbitMQVersion: rabbitVersion, ProductName: "Postrider", ProductVersion: b.Version,
		Parameters: []Parameter{}, Policies: []Policy{}, Queues: []Queue{}, Exchanges: []Exchange{}, Bindings: []Binding{},
	}
}

// add adds what is in a virtual host, which is called so in the document.
func (d *Document) add(v *core.VHost, called string) {
	for _, p := range Parameters(v) {
		p.VHost = called
		d.Parameters = append(d.Parameters, p)
	}
	for _, p := range v.Policies(core.UserPolicy) {
		d.Policies = append(d.Policies, PolicyOf(called, p))
	}
	d.Queues = append(d.Queues, queues(v, called)...)
	d.Exchanges = append(d.Exchanges, exchanges(v, called)...)
	d.Bindings = append(d.Bindings, bindings(v, called)...)
}

// PolicyOf is a policy as JSON has it.
func PolicyOf(vhost string, p *policy.Policy) Policy {
	return Policy{vhost, p.Name, p.Pattern, p.ApplyTo, p.Definition, p.Priority}
}

func (b Broker) users() []User {
	list := []User{}
	for _, u := range b.Users.List() {
		x := User{Name: u.Name, Hash: u.Hash, Algorithm: u.Algorithm, Tags: u.Tags, Limits: u.Limits}
		if x.Tags == nil {
			x.Tags = []string{}
		}
		switch {
		case u.Open:
			x.Hash, x.Algorithm = openHash, access.SHA256
		case u.Algorithm == access.Argon2id:
			x.Hash, x.Algorithm, x.Argon2id = "", access.SHA256, u.Hash
		case u.Algorithm == "":
			x.Algorithm = access.SHA256
		}
		list = append(list, x)
	}
	return list
}

// openHash is the hash of guest's password, which everybody knows.
var openHash = func() string {
	const salt = "open"
	sum := sha256.Sum256([]byte(salt + "guest"))
	return base64.StdEncoding.EncodeToString(append([]byte(salt), sum[:]...))
}()

func (b Broker) permissions() []Permission {
	list := []Permission{}
	for _, p := range b.Users.Permissions() {
		list = append(list, Permission{p.User, p.VHost, p.Configure, p.Write, p.Read})
	}
	return list
}

func (b Broker) topicPermissions() []TopicPermission {
	list := []TopicPermission{}
	for _, p := range b.Users.TopicPermissions() {
		list = append(list, TopicPermission{p.User, p.VHost, p.Exchange, p.Write, p.Read})
	}
	return list
}

func vhost(v *core.VHost) VHost {
	info := v.Info()
	tags := info.Tags
	if tags == nil {
		tags = []string{}
	}
	return VHost{v.Name, []any{}, VHostMetadata{info.Description, tags, info.DefaultQueueType}}
}

func queues(v *core.VHost, called string) []Queue {
	var list []Queue
	for _, q := range v.AllQueues() {
		if q.Exclusive {
			continue
		}
		kind, ok := q.Args["x-queue-type"].(string)
		if !ok {
			kind = "classic"
		}
		list = append(list, Queue{q.Name, called, kind, q.Durable, q.AutoDelete, Object(q.Args)})
	}
	slices.SortFunc(list, func(a, b Queue) int { return strings.Compare(a.Name, b.Name) })
	return list
}

func exchanges(v *core.VHost, called string) []Exchange {
	var list []Exchange
	for _, x := range v.Exchanges() {
		if predeclared(x.Name) {
			continue
		}
		list = append(list, Exchange{x.Name, called, string(x.Kind), x.Durable, x.AutoDelete, x.Internal, Object(x.Args)})
	}
	slices.SortFunc(list, func(a, b Exchange) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// bindings leaves out those of exclusive queues, which go with their connection.
func bindings(v *core.VHost, called string) []Binding {
	exclusive := map[string]bool{}
	for _, q := range v.AllQueues() {
		exclusive[q.Name] = q.Exclusive
	}
	var list []Binding
	for _, b := range v.Bindings() {
		kind := "exchange"
		if b.ToQueue {
			kind = "queue"
		}
		if b.Source == "" || b.ToQueue && exclusive[b.Destination] {
			continue
		}
		list = append(list, Binding{b.Source, called, b.Destination, kind, b.Key, Object(b.Args)})
	}
	slices.SortFunc(list, func(a, b Binding) int {
		return cmp.Or(strings.Compare(a.Source, b.Source), strings.Compare(a.DestinationType, b.DestinationType),
			strings.Compare(a.Destination, b.Destination), strings.Compare(a.RoutingKey, b.RoutingKey), compareJSON(a.Arguments, b.Arguments))
	})
	return list
}

func compareJSON(a, b any) int {
	x, _ := json.Marshal(a) // keys in order
	y, _ := json.Marshal(b)
	return strings.Compare(string(x), string(y))
}

// predeclared says whether an exchange is there by itself.
func predeclared(name string) bool { return name == "" || strings.HasPrefix(name, "amq.") }
