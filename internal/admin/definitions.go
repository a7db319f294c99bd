package admin

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/postrider-mq/postrider/internal/definitions"
)

const definitionsPath = "/api/definitions"

var definitionRoutes = []endpoint{
	{"GET", definitionsPath, administrator, exportDefinitions},
	{"GET", definitionsPath + "/{vhost}", administrator, exportVHostDefinitions},
	{"POST", definitionsPath, administrator, importDefinitions},
	{"POST", definitionsPath + "/{vhost}", administrator, importVHostDefinitions},
}

func (a *Admin) definitions() definitions.Broker {
	return definitions.Broker{Core: a.core, Users: a.users, Version: a.version}
}

func exportDefinitions(r *request) (any, error) {
	return sayable(r.admin.definitions().Export())
}

func exportVHostDefinitions(r *request) (any, error) {
	v, err := r.vhost()
	if err != nil {
		return nil, err
	}
	return sayable(r.admin.definitions().ExportVHost(v))
}

// sayable refuses an export that would not be what there is.
func sayable(d *definitions.Document) (any, error) {
	if err := d.Sayable(); err != nil {
		return nil, &problem{http.StatusConflict, "not_in_utf8", err.Error()}
	}
	return d, nil
}

func importDefinitions(r *request) (any, error) { return r.importInto("") }

func importVHostDefinitions(r *request) (any, error) {
	v, err := r.vhost()
	if err != nil {
		return nil, err
	}
	return r.importInto(v.Name)
}

// lines is how a caller asks to hear of the progress: a JSON object a line, of
// which the last has the report.
const lines = "application/x-ndjson"

// line is one of them: one of its fields is set.
type line struct {
	Progress *definitions.Progress `json:"progress,omitempty"`
	Report   *definitions.Report   `json:"report,omitempty"`
	Error    string                `json:"error,omitempty"`
}

// importInto imports the body. Problems are a 400, as in RabbitMQ; what could be
// imported is there nevertheless.
func (r *request) importInto(vhost string) (any, error) {
	text, err := r.text()
	if err != nil {
		return nil, err
	}
	if strings.Contains(r.Header.Get("Accept"), lines) {
		return stream(func(w http.ResponseWriter) { r.importTold(w, text, vhost) }), nil
	}
	report, err := r.admin.definitions().Import(r.Context(), text, vhost, nil)
	if errors.Is(err, definitions.ErrNotDefinitions) {
		return nil, badRequest("%v", err)
	}
	if err == nil {
		err = report.Err()
	}
	var problems *definitions.Report
	if errors.As(err, &problems) {
		return nil, badRequest("%v", err)
	}
	return nil, err
}

// stream is an answer that is written bit by bit.
type stream func(http.ResponseWriter)

// importTold is importInto for a caller who wants to hear how it goes.
func (r *request) importTold(w http.ResponseWriter, text []byte, vhost string) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{}) // it may take long; the caller can go
	w.Header().Set("Content-Type", lines)
	w.WriteHeader(http.StatusOK)
	say := func(l line) {
		_ = json.NewEncoder(w).Encode(l) // whoever asked may be gone: then ctx ends
		_ = http.NewResponseController(w).Flush()
	}
	report, err := r.admin.definitions().Import(r.Context(), text, vhost, func(p definitions.Progress) { say(line{Progress: &p}) })
	switch {
	case err != nil:
		say(line{Error: err.Error()})
	default:
		say(line{Report: report})
	}
}
