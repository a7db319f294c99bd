package admin

import (
	"log/slog"
	"net/http"

	"github.com/postrider-mq/postrider/internal/access"
	"github.com/postrider-mq/postrider/internal/core"
	"github.com/postrider-mq/postrider/internal/server"
)

// Config is what is administered. All must be set.
type Config struct {
	Core   *core.Core
	Server *server.Server
	Access *access.Authority
	Logger *slog.Logger

	Node    string // what the broker calls itself
	Version string
}

// Admin answers questions about one broker, and changes it. It is safe for
// concurrent use.
type Admin struct {
	core   *core.Core
	server *server.Server
	access *access.Authority
	users  *access.Users
	log    *slog.Logger

	node    string
	version string
}

// New returns an Admin.
func New(cfg Config) *Admin {
	return &Admin{
		core: cfg.Core, server: cfg.Server, access: cfg.Access, users: cfg.Access.Users(),
		log: cfg.Logger, node: cfg.Node, version: cfg.Version,
	}
}

// owner is who comes through the local socket.
var owner = caller{name: "(local)", tags: []string{access.Administrator}, local: true}

// Local is the handler for a socket that only the broker's owner can open: it
// asks for no password.
func (a *Admin) Local() http.Handler {
	return a.handler(func(*http.Request) (caller, error) { return owner, nil })
}

// Handler is the handler for a port: it asks for a user's name and password.
func (a *Admin) Handler() http.Handler { return guarded(a.handler(a.authenticate)) }
