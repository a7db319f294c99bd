package admin

import (
	"slices"

	"github.com/postrider-mq/postrider/internal/access"
)

var userRoutes = []endpoint{
	{"GET", "/api/users", administrator, listUsers},
	{"GET", "/api/users/without-permissions", administrator, listUsersWithoutPermissions},
	{"POST", "/api/users/bulk-delete", administrator, deleteUsers},
	{"GET", "/api/users/{user}", administrator, getUser},
	{"PUT", "/api/users/{user}", administrator, putUser},
	{"DELETE", "/api/users/{user}", administrator, deleteUser},
	{"GET", "/api/users/{user}/permissions", administrator, listPermissions},
	{"GET", "/api/users/{user}/topic-permissions", administrator, listTopicPermissions},
}

type userJSON struct {
	Name      string        `json:"name"`
	Hash      string        `json:"password_hash"`
	Algorithm string        `json:"hashing_algorithm"`
	Tags      []string      `json:"tags"`
	Limits    access.Limits `json:"limits"`
	// Configured users are given by the broker's configuration, which is where they can be changed.
	Configured bool `json:"configured,omitempty"`
}

func userOf(u access.UserInfo) userJSON {
	return userJSON{u.Name, u.Hash, u.Algorithm, tagList(u.Tags), u.Limits, u.Configured}
}

func listUsers(r *request) (any, error) {
	var all []userJSON
	for _, u := range r.admin.users.List() {
		all = append(all, userOf(u))
	}
	return list(all), nil
}

func listUsersWithoutPermissions(r *request) (any, error) {
	var all []userJSON
	permissions := r.admin.users.Permissions()
	for _, u := range r.admin.users.List() {
		has := slices.ContainsFunc(permissions, func(p access.Permission) bool { return p.User == u.Name })
		if !has && !u.Configured {
			all = append(all, userOf(u))
		}
	}
	return list(all), nil
}

func getUser(r *request) (any, error) {
	u, ok := r.admin.users.Get(r.PathValue("user"))
	if !ok {
		return nil, errNotFound
	}
	return userOf(u), nil
}

// userChange is what a PUT says: a password or a hash of one, of RabbitMQ's algorithms or of ours.
type userChange struct {
	Password  *string `json:"password"`
	Hash      *string `json:"password_hash"`
	Algorithm string  `json:"hashing_algorithm"`
	Tags      any     `json:"tags"`
}

func putUser(r *request) (any, error) {
	var want userChange
	if err := r.decode(&want); err != nil {
		return nil, err
	}
	change := access.Change{Password: want.Password, Hash: want.Hash, Algorithm: want.Algorithm}
	if want.Tags != nil {
		tags, err := tagsOf(want.Tags)
		if err != nil {
			return nil, err
		}
		change.Tags = &tags
	} else if _, had := r.admin.users.Get(r.PathValue("user")); !had {
		return nil, badRequest("a new user needs tags; an empty text means none")
	}
	return madeOr(r.admin.putUser(r, r.PathValue("user"), change))
}

// putUser says what is wrong with a request as a 400.
func (a *Admin) putUser(r *request, name string, change access.Change) (bool, error) {
	made, err := a.users.Put(r.Context(), name, change)
	if err == nil {
		a.log.Info("user changed", "user", name, "new", made, "by", r.caller.name)
	}
	return made, err
}

func deleteUser(r *request) (any, error) {
	return deletedOr(r.admin.deleteUser(r, r.PathValue("user")))
}

func (a *Admin) deleteUser(r *request, name string) (bool, error) {
	was, err := a.users.Delete(r.Context(), name)
	if was && err == nil {
		a.log.Info("user deleted", "user", name, "by", r.caller.name)
	}
	return was, err
}

func deleteUsers(r *request) (any, error) {
	var want struct {
		Users []string `json:"users"`
	}
	if err := r.decode(&want); err != nil {
		return nil, err
	}
	for _, name := range want.Users {
		if _, err := r.admin.deleteUser(r, name); err != nil {
			return nil, err
		}
	}
	return nil, nil
}
