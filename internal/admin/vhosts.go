package admin

import (
	"github.com/postrider-mq/postrider/internal/access"
	"github.com/postrider-mq/postrider/internal/core"
)

var vhostRoutes = []endpoint{
	{"GET", "/api/vhosts", everyUser, listVHosts},
	{"GET", "/api/vhosts/{vhost}", inVHost, getVHost},
	{"PUT", "/api/vhosts/{vhost}", administrator, putVHost},
	{"DELETE", "/api/vhosts/{vhost}", administrator, deleteVHost},
	{"GET", "/api/vhosts/{vhost}/permissions", need{tag: access.Administrator, inHost: true}, listPermissions},
	{"GET", "/api/vhosts/{vhost}/topic-permissions", need{tag: access.Administrator, inHost: true}, listTopicPermissions},
}

type vhostJSON struct {
	Name             string         `json:"name"`
	Description      string         `json:"description"`
	Tags             []string       `json:"tags"`
	DefaultQueueType string         `json:"default_queue_type,omitempty"`
	Tracing          bool           `json:"tracing"`
	Metadata         core.VHostInfo `json:"metadata"`
	messageCounts
}

func vhostOf(v *core.VHost) vhostJSON {
	info := v.Info()
	j := vhostJSON{Name: v.Name, Description: info.Description, Tags: tagList(info.Tags), DefaultQueueType: info.DefaultQueueType, Metadata: info}
	v.EachQueue(j.add)
	return j
}

func listVHosts(r *request) (any, error) {
	var all []vhostJSON
	for _, v := range r.vhosts() {
		all = append(all, vhostOf(v))
	}
	return list(all), nil
}

func getVHost(r *request) (any, error) {
	v, err := r.vhost()
	if err != nil {
		return nil, err
	}
	return vhostOf(v), nil
}

func putVHost(r *request) (any, error) {
	var want struct {
		Description      string `json:"description"`
		Tags             any    `json:"tags"`
		DefaultQueueType string `json:"default_queue_type"`
	}
	if err := r.decode(&want); err != nil {
		return nil, err
	}
	tags, err := tagsOf(want.Tags)
	if err != nil {
		return nil, err
	}
	info := core.VHostInfo{Description: want.Description, Tags: tags, DefaultQueueType: want.DefaultQueueType}
	made, err := r.admin.core.PutVHost(r.Context(), r.PathValue("vhost"), info)
	if err == nil && made {
		err = r.grantMaker()
	}
	return madeOr(made, err)
}

// grantMaker lets whoever has made the virtual host do everything in it, as RabbitMQ does: tools go on with what is to be in it.
func (r *request) grantMaker() error {
	if r.caller.user == nil {
		return nil
	}
	const all = ".*"
	return r.admin.users.SetPermission(r.Context(), access.Permission{
		User: r.caller.name, VHost: r.PathValue("vhost"), Configure: all, Write: all, Read: all,
	})
}

func deleteVHost(r *request) (any, error) {
	v, err := r.vhost()
	if err != nil {
		return nil, err
	}
	r.admin.log.Info("virtual host deleted", "vhost", v.Name, "by", r.caller.name)
	return deletedOr(r.admin.server.DeleteVHost(r.Context(), v))
}
