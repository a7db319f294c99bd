package admin

import "github.com/postrider-mq/postrider/internal/access"

var topicPermissionRoutes = []endpoint{
	{"GET", "/api/topic-permissions", administrator, listTopicPermissions},
	{"GET", "/api/topic-permissions/{vhost}/{user}", need{tag: access.Administrator, inHost: true}, listTopicPermissions},
	{"PUT", "/api/topic-permissions/{vhost}/{user}", need{tag: access.Administrator, inHost: true}, putTopicPermission},
	{"DELETE", "/api/topic-permissions/{vhost}/{user}", need{tag: access.Administrator, inHost: true}, deleteTopicPermissions},
}

type topicPermissionJSON struct {
	User     string `json:"user"`
	VHost    string `json:"vhost"`
	Exchange string `json:"exchange"`
	Write    string `json:"write"`
	Read     string `json:"read"`
}

func listTopicPermissions(r *request) (any, error) {
	var all []topicPermissionJSON
	for _, p := range r.admin.users.TopicPermissions() {
		if r.meant(p.VHost, p.User) {
			all = append(all, topicPermissionJSON(p))
		}
	}
	return list(all), r.knowsBoth()
}

func putTopicPermission(r *request) (any, error) {
	var want struct{ Exchange, Write, Read *string }
	if err := r.decode(&want); err != nil {
		return nil, err
	}
	if want.Exchange == nil || want.Write == nil || want.Read == nil {
		return nil, badRequest("a topic permission needs exchange, write and read")
	}
	if err := r.knowsBoth(); err != nil {
		return nil, err
	}
	return created{}, r.admin.users.SetTopicPermission(r.Context(), access.TopicPermission{
		User: r.PathValue("user"), VHost: r.PathValue("vhost"), Exchange: *want.Exchange, Write: *want.Write, Read: *want.Read,
	})
}

func deleteTopicPermissions(r *request) (any, error) {
	return deletedOr(r.admin.users.ClearTopicPermissions(r.Context(), r.PathValue("vhost"), r.PathValue("user"), r.URL.Query().Get("exchange")))
}
