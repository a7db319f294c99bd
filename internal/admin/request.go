package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/postrider-mq/postrider/internal/core"
)

// maxBody bounds what a request may bring, in bytes: definitions of a large
// broker are a few MB.
const maxBody = 64 << 20

// request is a question, with who asks.
type request struct {
	*http.Request
	admin  *Admin
	caller caller
}

// authorize says whether the caller may ask this.
func (r *request) authorize(n need) error {
	if !r.caller.tagged(n.tag) {
		return &problem{http.StatusUnauthorized, "not_authorized", "User does not have the tag " + n.tag}
	}
	if !n.inHost {
		return nil
	}
	v, err := r.vhost()
	if err != nil {
		return err
	}
	if !r.admin.sees(&r.caller, v.Name) {
		return &problem{http.StatusUnauthorized, "not_authorized", "User not authorised to access virtual host"}
	}
	return nil
}

// vhost is the virtual host that {vhost} names. Errors: 404.
func (r *request) vhost() (*core.VHost, error) {
	v, ok := r.admin.core.VHost(r.PathValue("vhost"))
	if !ok {
		return nil, errNotFound
	}
	return v, nil
}

// vhosts are those that the caller sees; with {vhost} in the path, that one alone.
func (r *request) vhosts() []*core.VHost {
	var list []*core.VHost
	for _, v := range r.admin.core.VHosts() {
		if one := r.PathValue("vhost"); (one == "" || one == v.Name) && r.admin.sees(&r.caller, v.Name) {
			list = append(list, v)
		}
	}
	return list
}

// decode reads the body, a JSON object. An empty body is an empty object.
func (r *request) decode(into any) error {
	err := json.NewDecoder(r.Body).Decode(into)
	var tooLarge *http.MaxBytesError
	switch {
	case err == nil || errors.Is(err, io.EOF):
		return nil
	case errors.As(err, &tooLarge):
		return &problem{http.StatusRequestEntityTooLarge, "bad_request", fmt.Sprintf("the body is larger than %d bytes", maxBody)}
	}
	return badRequest("the body is not the JSON that is wanted: %v", err)
}
