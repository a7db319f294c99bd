package broker

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"

	"github.com/postrider-mq/postrider/internal/access"
	"github.com/postrider-mq/postrider/internal/admin"
	"github.com/postrider-mq/postrider/internal/core"
	"github.com/postrider-mq/postrider/internal/server"
)

// store is how users are kept: as settings of the core, which is their disk.
type store struct{ core *core.Core }

func (s store) Records(kind string) []access.Record {
	var list []access.Record
	for _, x := range s.core.Settings(kind) {
		list = append(list, access.Record(x))
	}
	return list
}

func (s store) Save(ctx context.Context, r access.Record) error {
	return s.core.Set(ctx, core.Setting(r))
}

func (s store) Forget(ctx context.Context, r access.Record) error {
	_, err := s.core.Unset(ctx, r.Kind, r.VHost, r.Name)
	return err
}

// configuredUsers are those of the configuration.
func configuredUsers(cfg *Config) (*access.Users, error) {
	users := access.NewUsers()
	rights := access.Full()
	if cfg.InboxOnly != "" {
		rights = access.PublishOnly(cfg.InboxOnly, cfg.InboxAlso...)
		if len(cfg.Users) == 0 {
			users.AddGuest(rights)
		}
	}
	for name, password := range cfg.Users {
		if err := users.Add(name, password, rights); err != nil {
			return nil, fmt.Errorf("Config.Users: %w", err)
		}
	}
	return users, nil
}

// bootstrapped marks a broker that has had its first user: whoever was deleted stays so.
const bootstrapped = "bootstrapped"

// openUsers takes the users that are kept, and makes the first one where nobody else could let anybody in.
func (b *Broker) openUsers(cfg *Config, users *access.Users) error {
	if err := users.Load(store{b.core}); err != nil {
		b.log.Error("some of what is known about users cannot be understood", "error", err)
	}
	if len(cfg.Users) > 0 || cfg.InboxOnly != "" {
		b.warnOfGuest(users)
		return nil
	}
	ctx := context.Background()
	if cfg.FirstUser != nil {
		b.warnOfGuest(users)
		return b.firstUser(ctx, cfg, users)
	}
	if len(b.core.Settings(bootstrapped)) > 0 || len(users.List()) > 0 {
		return nil
	}
	if err := users.PutGuest(ctx, "/"); err != nil {
		return err
	}
	return b.core.Set(ctx, core.Setting{Kind: bootstrapped})
}

// warnOfGuest says that a user with a password that everybody knows is left of a time when there was no other.
func (b *Broker) warnOfGuest(users *access.Users) {
	if users.HasGuest() {
		b.log.Warn("user guest with the password guest may still log in from this host; to end that: postrider user delete guest")
	}
}

// firstUser makes an administrator unless there is one, guest not counted.
func (b *Broker) firstUser(ctx context.Context, cfg *Config, users *access.Users) error {
	for _, u := range users.List() {
		if access.Tagged(u.Tags, access.Administrator) && u.Name != "guest" {
			return nil
		}
	}
	name, password, err := cfg.FirstUser()
	if err != nil {
		return fmt.Errorf("the first user: %w", err)
	}
	return b.PutUser(ctx, name, password, access.Administrator)
}

// PutUser makes a user, or gives the one of that name another password and other tags. A new user has no permissions,
// except that an administrator gets all in the virtual host "/"; see SetPermissions. It returns after that is safe on
// disk. The tags that mean something are administrator, monitoring, policymaker, management and impersonator, as in
// RabbitMQ. With the password "" he can come with a certificate only, see Config.ClientCertificates. Users of Config.Users cannot be changed.
func (b *Broker) PutUser(ctx context.Context, name, password string, tags ...string) error {
	made, err := b.users.Put(ctx, name, access.Change{Password: &password, Tags: &tags})
	if err != nil || !made || !access.Tagged(tags, access.Administrator) {
		return err
	}
	return b.SetPermissions(ctx, name, "/", ".*", ".*", ".*")
}

// DeleteUser deletes a user and closes his connections; false if there is none.
func (b *Broker) DeleteUser(ctx context.Context, name string) (bool, error) {
	return b.users.Delete(ctx, name)
}

// SetPermissions says what a user may do in a virtual host: regular expressions that the names of queues and exchanges
// must match somewhere, to be declared and deleted, to be published and bound to, to be consumed from and bound; an
// empty one matches nothing. What is open and not allowed any more is closed.
func (b *Broker) SetPermissions(ctx context.Context, user, vhost, configure, write, read string) error {
	if _, ok := b.core.VHost(vhost); !ok {
		return fmt.Errorf("broker: there is no virtual host %q", vhost)
	}
	return b.users.SetPermission(ctx, access.Permission{User: user, VHost: vhost, Configure: configure, Write: write, Read: read})
}

// CreateVHost makes a virtual host, unless there is one of that name. It returns after that is safe on disk.
func (b *Broker) CreateVHost(ctx context.Context, name string) error {
	if _, ok := b.core.VHost(name); ok {
		return nil
	}
	_, err := b.core.PutVHost(ctx, name, core.VHostInfo{})
	return err
}

// DeleteVHost deletes a virtual host with all that is in it and closes its connections; false if there is none. A Conn
// that is attached to it gets errors from then on.
func (b *Broker) DeleteVHost(ctx context.Context, name string) (bool, error) {
	v, ok := b.core.VHost(name)
	if !ok {
		return false, nil
	}
	return b.server.DeleteVHost(ctx, v)
}

// Owner is the management interface for whoever owns the broker: it asks for no password and allows everything, so
// serve it where nobody else gets, as on a socket with mode 0600. The paths and the JSON are those of RabbitMQ's
// management plugin, below /api/.
func (b *Broker) Owner() http.Handler { return b.admin().Local() }

// Management is the management interface for a port, with the paths of Owner: it asks for the name and the password of a user, and
// his tags decide. Passwords are accepted from this host or over TLS only, as in AMQP.
func (b *Broker) Management() http.Handler { return b.admin().Handler() }

// Health tells whoever asks, without a password and with no names, whether the broker is well: GET /livez, /readyz and /healthz answer 200 or 503, and why
// in a line. Ready is who serves clients; in good health he whose publishers do not wait, either, for memory or disk.
func (b *Broker) Health() http.Handler { return b.admin().Probes() }

// Listener is where a program listens, for the broker's health checks.
type Listener struct {
	Protocol    string // "amqp/ssl" for one of Serve with TLS; "http", "https" or "http/prometheus"
	Addr        net.Addr
	Certificate func() *x509.Certificate // that is shown to who connects; nil: none is
}

// Listens tells the management interface of a listener that it cannot know: of one with TLS before it is served, and of one for another protocol. Its
// health checks answer for those, and for all others that Serve has been given.
func (b *Broker) Listens(l Listener) { b.server.Listens(server.Listener(l)) }

func (b *Broker) admin() *admin.Admin {
	return admin.New(admin.Config{
		Core: b.core, Server: b.server, Access: b.authority, Logger: b.log, Node: b.name, Version: Version,
	})
}
