package access

// A User is who a client proved to be. It does not change.
type User struct {
	Name   string
	rights Rights // of the configuration; none for whom permissions are kept
	tags   []string
}

// Rights are what a user of the configuration may do: everything, or publish into one queue.
type Rights struct {
	inbox    string   // the queue that may be published to; if restricted
	also     []string // and these
	full     bool
	confined bool
}

// Full is the right to do everything, in every virtual host.
func Full() Rights { return Rights{full: true} }

// PublishOnly is the right of a peer: to publish into these queues through the default exchange, and to answer those
// who ask by direct reply-to. It may not declare, bind, consume or get.
func PublishOnly(queue string, also ...string) Rights {
	return Rights{inbox: queue, also: also, confined: true}
}

func (r Rights) given() bool { return r.full || r.confined }

func (r Rights) tags() []string {
	if r.full {
		return []string{Administrator}
	}
	return nil
}

// replyTo begins the routing keys that lead to a client that waits for an answer. What follows is not to be guessed,
// so whoever knows one was given it.
const replyTo = "amq.rabbitmq.reply-to."

// Tags are those that the user had when he logged in.
func (u *User) Tags() []string { return u.tags }
