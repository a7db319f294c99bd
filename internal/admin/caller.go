package admin

import (
	"errors"
	"net/http"
	"net/netip"

	"github.com/postrider-mq/postrider/internal/access"
)

// caller is who asks.
type caller struct {
	name  string
	tags  []string
	local bool
	user  *access.User // nil for the owner
}

func (c *caller) tagged(tag string) bool { return access.Tagged(c.tags, tag) }

// sees says whether the caller may look into a virtual host: an administrator
// and a monitor into all, others where they have permissions.
func (a *Admin) sees(c *caller, vhost string) bool {
	return c.local || c.tagged(access.Monitoring) || a.users.Permit(c.user, vhost).Enters()
}

// authenticate is HTTP basic authentication. The password is checked as one
// that comes in a login of AMQP.
func (a *Admin) authenticate(r *http.Request) (caller, error) {
	name, password, ok := r.BasicAuth()
	if !ok {
		return caller{}, &problem{http.StatusUnauthorized, "not_authorized", "Login failed"}
	}
	peer := access.Peer{TLS: r.TLS != nil}
	if addr, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		peer.Addr = addr.Addr().Unmap()
	}
	user, err := a.access.Login(r.Context(), "PLAIN", []byte("\x00"+name+"\x00"+password), peer)
	var denied *access.Denied
	if errors.As(err, &denied) {
		a.log.Warn("login refused", "peer", r.RemoteAddr, "reason", denied.Reason)
		return caller{}, &problem{http.StatusUnauthorized, "not_authorized", "Login failed"}
	}
	if err != nil {
		return caller{}, err
	}
	if !access.Tagged(user.Tags(), access.Management) {
		return caller{}, &problem{http.StatusUnauthorized, "not_authorized", "Not management user"}
	}
	return caller{name: user.Name, tags: user.Tags(), user: user}, nil
}
