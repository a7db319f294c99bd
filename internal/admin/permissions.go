package admin

import "github.com/postrider-mq/postrider/internal/access"

var permissionRoutes = []endpoint{
	{"GET", "/api/permissions", administrator, listPermissions},
	{"GET", "/api/permissions/{vhost}/{user}", need{tag: access.Administrator, inHost: true}, getPermission},
	{"PUT", "/api/permissions/{vhost}/{user}", need{tag: access.Administrator, inHost: true}, putPermission},
	{"DELETE", "/api/permissions/{vhost}/{user}", need{tag: access.Administrator, inHost: true}, deletePermission},
}

type permissionJSON struct {
	User      string `json:"user"`
	VHost     string `json:"vhost"`
	Configure string `json:"configure"`
	Write     string `json:"write"`
	Read      string `json:"read"`
}

// knowsBoth checks what is named in the path: 404 for a user or a virtual host that is not there.
func (r *request) knowsBoth() error {
	if name := r.PathValue("user"); name != "" {
		if _, ok := r.admin.users.Get(name); !ok {
			return errNotFound
		}
	}
	if r.PathValue("vhost") == "" {
		return nil
	}
	_, err := r.vhost()
	return err
}

// meant says whether a thing is one of those that the path names.
func (r *request) meant(vhost, user string) bool {
	v, u := r.PathValue("vhost"), r.PathValue("user")
	return (v == "" || v == vhost) && (u == "" || u == user)
}

func (r *request) permissions() (all []permissionJSON) {
	for _, p := range r.admin.users.Permissions() {
		if r.meant(p.VHost, p.User) {
			all = append(all, permissionJSON(p))
		}
	}
	return all
}

func listPermissions(r *request) (any, error) { return list(r.permissions()), r.knowsBoth() }

func getPermission(r *request) (any, error) {
	all := r.permissions()
	if len(all) == 0 {
		return nil, errNotFound
	}
	return all[0], nil
}

func putPermission(r *request) (any, error) {
	var want struct{ Configure, Write, Read *string }
	if err := r.decode(&want); err != nil {
		return nil, err
	}
	if want.Configure == nil || want.Write == nil || want.Read == nil {
		return nil, badRequest("a permission needs configure, write and read")
	}
	if err := r.knowsBoth(); err != nil {
		return nil, err
	}
	made := len(r.permissions()) == 0
	err := r.admin.users.SetPermission(r.Context(), access.Permission{
		User: r.PathValue("user"), VHost: r.PathValue("vhost"), Configure: *want.Configure, Write: *want.Write, Read: *want.Read,
	})
	return madeOr(made, err)
}

func deletePermission(r *request) (any, error) {
	return deletedOr(r.admin.users.ClearPermission(r.Context(), r.PathValue("vhost"), r.PathValue("user")))
}
