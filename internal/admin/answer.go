package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/access"
	"github.com/postrider-mq/postrider/internal/core"
)

// A handler that returns nil answers 204; one that returns created, 201; a
// listing goes through columns, sorting and pages as the caller asked for.
type created struct{}

// problem is an answer that says what is wrong, in RabbitMQ's form.
type problem struct {
	status int
	Err    string `json:"error"`
	Reason string `json:"reason"`
}

// plainProblem is one whose reason is in Erlang's words, for clients that know these, with others for people.
type plainProblem struct {
	*problem
	Plain string `json:"plain"`
}

func (p *problem) Error() string { return p.Err + ": " + p.Reason }

var errNotFound = &problem{http.StatusNotFound, "Object Not Found", "Not Found"}

func badRequest(format string, args ...any) error {
	return &problem{http.StatusBadRequest, "bad_request", fmt.Sprintf(format, args...)}
}

// madeOr is the answer to a PUT.
func madeOr(made bool, err error) (any, error) {
	if err != nil || !made {
		return nil, err
	}
	return created{}, nil
}

// deletedOr is the answer to a DELETE.
func deletedOr(was bool, err error) (any, error) {
	if err == nil && !was {
		err = errNotFound
	}
	return nil, err
}

func (r *request) reply(w http.ResponseWriter, answer any) error {
	switch v := answer.(type) {
	case nil:
		w.WriteHeader(http.StatusNoContent)
		return nil
	case created:
		w.WriteHeader(http.StatusCreated)
		return nil
	case stream:
		v(w)
		return nil
	case unwell:
		body, err := json.Marshal(v)
		if err != nil {
			return err
		}
		return write(w, http.StatusServiceUnavailable, body)
	case *listing:
		return v.reply(w, r.URL.Query())
	}
	body, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, body)
}

func asJSON(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-cache")
	w.WriteHeader(status)
}

func write(w http.ResponseWriter, status int, body []byte) error {
	asJSON(w, status)
	_, _ = w.Write(append(body, '\n')) // whoever asked may be gone: his affair
	return nil
}

// cutOff is an error of an answer that has begun.
type cutOff struct{ error }

// fail answers with an error. What the broker cannot help is logged. An answer that has begun ends with its connection.
func (a *Admin) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := problemOf(err)
	if p.status >= http.StatusInternalServerError {
		a.log.Error("a request of the administration failed", "method", r.Method, "path", r.URL.Path, "error", err)
	}
	if errors.As(err, new(cutOff)) {
		panic(http.ErrAbortHandler)
	}
	if p.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="Postrider"`)
	}
	var answer any = p
	var invalid *core.Invalid
	if errors.As(err, &invalid) {
		answer = plainProblem{p, invalid.Plain()}
	}
	body, _ := json.Marshal(answer) // texts
	_ = write(w, p.status, body)
}

func problemOf(err error) *problem {
	var p *problem
	var protocol *amqp.Error
	var pattern *access.PatternError
	var invalid *core.Invalid
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &protocol) && protocol.Code == amqp.NotFound:
		return errNotFound
	case errors.As(err, &invalid):
		return &problem{http.StatusBadRequest, "bad_request", err.Error()}
	case errors.As(err, &protocol):
		return &problem{http.StatusBadRequest, "bad_request", reasonOf(protocol)}
	case errors.As(err, &pattern), errors.Is(err, access.ErrNoPassword), errors.Is(err, access.ErrNoName), errors.Is(err, access.ErrConfigured):
		return &problem{http.StatusBadRequest, "bad_request", err.Error()}
	case errors.Is(err, access.ErrNoUser):
		return errNotFound
	}
	return &problem{http.StatusInternalServerError, "internal_error", err.Error()}
}

// reasonOf is an error of the protocol as RabbitMQ writes it here: "406 PRECONDITION_FAILED - …".
func reasonOf(err error) string { return strings.TrimPrefix(err.Error(), "amqp ") }
