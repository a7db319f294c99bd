package admin

import (
	"net/http"

	"github.com/postrider-mq/postrider/internal/access"
)

var limitRoutes = []endpoint{
	{"GET", "/api/user-limits", administrator, listUserLimits},
	{"GET", "/api/user-limits/{user}", administrator, listUserLimits},
	{"PUT", "/api/user-limits/{user}/{limit}", administrator, putUserLimit},
	{"DELETE", "/api/user-limits/{user}/{limit}", administrator, deleteUserLimit},
}

type userLimitsJSON struct {
	User  string        `json:"user"`
	Value access.Limits `json:"value"`
}

func listUserLimits(r *request) (any, error) {
	var all []userLimitsJSON
	for _, u := range r.admin.users.List() {
		if r.meant("", u.Name) && u.Limits != (access.Limits{}) {
			all = append(all, userLimitsJSON{u.Name, u.Limits})
		}
	}
	return list(all), r.knowsBoth()
}

// limitValue reads the body of a PUT: {"value": 5}. A negative number is no limit.
func (r *request) limitValue() (*int64, error) {
	var want struct {
		Value *int64 `json:"value"`
	}
	if err := r.decode(&want); err != nil {
		return nil, err
	}
	if want.Value == nil {
		return nil, badRequest("a limit needs a value")
	}
	if *want.Value < 0 {
		return nil, nil
	}
	return want.Value, nil
}

func putUserLimit(r *request) (any, error) {
	value, err := r.limitValue()
	if err != nil {
		return nil, err
	}
	return nil, r.setUserLimit(value)
}

func deleteUserLimit(r *request) (any, error) { return nil, r.setUserLimit(nil) }

func (r *request) setUserLimit(value *int64) error {
	u, ok := r.admin.users.Get(r.PathValue("user"))
	if !ok {
		return errNotFound
	}
	switch r.PathValue("limit") {
	case "max-connections":
		u.Limits.MaxConnections = value
	case "max-channels":
		u.Limits.MaxChannels = value
	default:
		return &problem{http.StatusBadRequest, "bad_request", "a user's limits are max-connections and max-channels"}
	}
	return r.admin.users.SetLimits(r.Context(), u.Name, u.Limits)
}
