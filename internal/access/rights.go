package access

import (
	"strings"

	"github.com/postrider-mq/postrider/amqp"
)

// A User is who a client proved to be. It does not change.
type User struct {
	Name   string
	rights Rights
}

// Rights are what a user may do: everything, or publish into one queue.
type Rights struct {
	inbox string // the only queue that may be published to; if restricted
	full  bool
}

// Full is the right to do everything.
func Full() Rights { return Rights{full: true} }

// PublishOnly is the right of a peer: to publish into this queue through the default exchange, and to answer those
// who ask by direct reply-to. It may not declare, bind, consume or get.
func PublishOnly(queue string) Rights { return Rights{inbox: queue} }

// replyTo begins the routing keys that lead to a client that waits for an answer. What follows is not to be guessed,
// so whoever knows one was given it.
const replyTo = "amq.rabbitmq.reply-to."

// MayManage returns nil if the user may declare, bind, delete, consume and get, else an *amqp.Error with code 403.
func (u *User) MayManage() error {
	if u.rights.full {
		return nil
	}
	return u.onlyInbox()
}

// MayPublish returns nil if the user may publish there, else an *amqp.Error with code 403. It does not allocate.
func (u *User) MayPublish(exchange, key string) error {
	if u.rights.full {
		return nil
	}
	if exchange == "" && (key == u.rights.inbox || strings.HasPrefix(key, replyTo)) {
		return nil
	}
	return u.onlyInbox()
}

func (u *User) onlyInbox() error {
	return amqp.Errorf(amqp.AccessRefused, "user '%s' may only publish to queue '%s'", u.Name, u.rights.inbox)
}
