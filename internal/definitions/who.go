package definitions

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/postrider-mq/postrider/internal/access"
	"github.com/postrider-mq/postrider/internal/core"
)

func (im *importing) user(it *item) error {
	name := it.text("name")
	change := access.Change{Algorithm: it.textOr("hashing_algorithm", im.algorithm())}
	if tags := it.tags("tags"); tags != nil {
		change.Tags = &tags
	}
	change.Password = optional(it, "password")
	change.Hash = optional(it, "password_hash")
	if own := optional(it, "argon2id"); own != nil {
		change.Hash, change.Algorithm = own, access.Argon2id
	}
	limits := it.take("limits")
	var bounds access.Limits
	if err := into(it.object("limits"), &bounds); err != nil {
		it.fail(fmt.Errorf("limits: %w", err))
	}
	if it.err != nil {
		return it.err
	}
	if limits == nil {
		return im.putUser(it, name, change, nil)
	}
	return im.putUser(it, name, change, &bounds)
}

// putUser makes or changes a user. One of the configuration stays as it is.
func (im *importing) putUser(it *item, name string, c access.Change, limits *access.Limits) error {
	now, had := im.Users.Get(name)
	if had && now.Configured {
		it.warn("the user is given by the broker's configuration and stays as it is")
		return nil
	}
	if now.Open && c.Hash != nil && *c.Hash == openHash {
		c.Hash = nil // it has this very password
	}
	if _, err := im.Users.Put(im.ctx, name, c); err != nil {
		return err
	}
	if limits == nil || *limits == now.Limits { // both without
		return nil
	}
	return im.Users.SetLimits(im.ctx, name, *limits)
}

// optional returns a text that may be missing.
func optional(it *item, key string) *string {
	if it.take(key) == nil {
		return nil
	}
	text := it.text(key)
	return &text
}

// into makes a struct of an object.
func into(object map[string]any, v any) error {
	if object == nil {
		return nil
	}
	text, err := json.Marshal(object)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, v)
}

// algorithm is how passwords are hashed in a file that does not say: by MD5,
// if it comes from a RabbitMQ before 3.6.0.
func (im *importing) algorithm() string {
	major, rest, _ := strings.Cut(im.version, ".")
	minor, _, _ := strings.Cut(rest, ".")
	x, err := strconv.Atoi(major)
	y, _ := strconv.Atoi(minor)
	if err == nil && (x < 3 || x == 3 && y < 6) {
		return access.MD5
	}
	return access.SHA256
}

func (im *importing) vhost(it *item) error {
	name := it.text("name")
	about := it.object("metadata")
	meta := &item{fields: about, taken: map[string]bool{}}
	info := core.VHostInfo{
		Description:      it.textOr("description", meta.textOr("description", "")),
		Tags:             it.tags("tags"),
		DefaultQueueType: it.textOr("default_queue_type", meta.textOr("default_queue_type", "")),
	}
	if info.Tags == nil {
		info.Tags = meta.tags("tags")
	}
	if info.DefaultQueueType == "undefined" {
		info.DefaultQueueType = ""
	}
	limits := it.object("limits")
	tracing := it.flagOr("tracing", false)
	if err := errors.Join(it.err, meta.err); err != nil {
		return err
	}
	if tracing {
		it.warn("tracing is not available here")
	}
	if _, err := im.Core.PutVHost(im.ctx, name, info); err != nil || len(limits) == 0 {
		return err
	}
	v, _ := im.Core.VHost(name)
	return im.keep(it, v, componentLimits, nameLimits, limits)
}

func (im *importing) permission(it *item) error {
	p := access.Permission{User: it.text("user"), VHost: it.host(), Configure: it.text("configure"), Write: it.text("write"), Read: it.text("read")}
	if err := im.grantable(it, p.VHost, p.User); err != nil {
		return err
	}
	return im.granted(it, im.Users.SetPermission(im.ctx, p))
}

func (im *importing) topicPermission(it *item) error {
	p := access.TopicPermission{User: it.text("user"), VHost: it.host(), Exchange: it.text("exchange"), Write: it.text("write"), Read: it.text("read")}
	if err := im.grantable(it, p.VHost, p.User); err != nil {
		return err
	}
	return im.granted(it, im.Users.SetTopicPermission(im.ctx, p))
}

func (im *importing) grantable(it *item, vhost, user string) error {
	if it.err != nil {
		return it.err
	}
	if _, ok := im.Users.Get(user); !ok {
		return fmt.Errorf("there is no user '%s'", user)
	}
	_, err := im.host(vhost)
	return err
}

// granted makes a warning of what the configuration does not allow.
func (im *importing) granted(it *item, err error) error {
	if errors.Is(err, access.ErrConfigured) {
		it.warn("the user is given by the broker's configuration and stays as it is")
		return nil
	}
	return err
}

// host finds a virtual host.
func (im *importing) host(name string) (*core.VHost, error) {
	if v, ok := im.Core.VHost(name); ok {
		return v, nil
	}
	return nil, fmt.Errorf("there is no vhost '%s'", name)
}
