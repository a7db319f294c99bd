package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/postrider-mq/postrider/internal/core"
)

// Bounds of what a request may bring, in bytes. JSON that is read takes thirty times as much memory, or more.
const (
	maxBody        = 1 << 20
	maxPublish     = 32 << 20 // a message of 16 MiB in base64; its properties have maxBody
	maxDefinitions = 64 << 20 // those of a large broker are a few MB; for administrators
)

// maxBody bounds what a request to the endpoint may bring.
func (rt *endpoint) maxBody() int64 {
	switch {
	case strings.HasPrefix(rt.path, definitionsPath):
		return maxDefinitions
	case rt.path == publishPath:
		return maxPublish
	}
	return maxBody
}

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
		return &problem{http.StatusRequestEntityTooLarge, "bad_request", fmt.Sprintf("the body is larger than %d bytes", tooLarge.Limit)}
	}
	return badRequest("the body is not the JSON that is wanted: %v", err)
}

// A key of a request's object that has to be there.
type key struct {
	name string
	is   bool
}

// missing is the error that some are not, in RabbitMQ's words.
func missing(keys ...key) error {
	var not []string
	for _, k := range keys {
		if !k.is {
			not = append(not, "{key_missing,"+k.name+"}")
		}
	}
	if not == nil {
		return nil
	}
	return badRequest("[%s]", strings.Join(not, ","))
}

// An integer is also taken as a text, as RabbitMQ does.
type integer struct {
	value int
	given bool
}

func (n *integer) UnmarshalJSON(b []byte) error {
	text := strings.Trim(string(b), `"`)
	v, err := strconv.Atoi(text)
	if err != nil {
		return fmt.Errorf("%s is no whole number", b)
	}
	n.value, n.given = v, true
	return nil
}

// A truth is also taken as a text: rabbitmqadmin sends one.
type truth bool

func (t *truth) UnmarshalJSON(b []byte) error {
	switch strings.Trim(string(b), `"`) {
	case "true":
		*t = true
	case "false", "null":
		*t = false
	default:
		return fmt.Errorf("%s is neither true nor false", b)
	}
	return nil
}

// or is what it says, or otherwise where it was not given.
func (t *truth) or(otherwise bool) bool {
	if t == nil {
		return otherwise
	}
	return bool(*t)
}
