package postrider

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"time"
)

// Config says what a node is. Only Name is required.
type Config struct {
	// Name is this node's address: the name peers send to, and the sender's name
	// on everything it sends. At most 247 bytes of UTF-8, no control characters. Of nodes that listen and use the same
	// Brokers each needs one of its own: a node that finds another of its name when it starts logs a warning.
	Name string

	// Listen is where peers deliver straight to this node, as host:port; "" means
	// that nobody can. Port 0 takes a free one, see [Node.Addr]. An address that
	// is not a loopback address needs TLS.
	Listen string

	// Listener is used in place of Listen when it is not nil: a socket that was
	// handed over, or a network in memory. The node closes it, but not where Start fails.
	Listener net.Listener

	// Brokers are the AMQP URLs of the one broker, or of the nodes of one RabbitMQ cluster,
	// where mailboxes live; they are tried in turn. With none, mailboxes live in
	// the broker embedded in this node.
	Brokers []string

	// ShareMailboxes lets who connects to this node's listener use its embedded broker in full,
	// as a broker of theirs. Without it they can only put messages into the inbox. A queue that somebody deletes there is lost with what is in it, and is
	// made again by who receives from it here, at once, and by the next Send to it. A topic's exchange that somebody deletes is made again by the next who
	// sends to the topic here, and within ten seconds by who receives from it here. As others may receive from the inbox, what is posted to it comes one by one, which costs
	// more where it is much.
	ShareMailboxes bool

	// Users are names and passwords of those who may connect to the listener; guest cannot be one of them. With none, it is
	// user guest with password guest, from this machine only.
	Users map[string]string

	// Dir keeps what must survive a restart: the inbox, the embedded mailboxes, the outbox of what was posted and not confirmed, and which messages
	// were handled, so that their repeats are not.
	// It is made if it is missing, and belongs to one running node. "" keeps
	// everything in memory. A node of another name has another inbox: what came into the old one waits in the mailbox of the old name, and the
	// log warns of it.
	Dir string

	// Peers says where the nodes are that this one sends to by name: host:port, an AMQP URL, or amqp+srv://domain or
	// amqps+srv://domain, whose SRV records _amqp._tcp.domain or _amqps._tcp.domain say it, each time a connection is made. With amqps+srv a
	// host outside the domain has to show a certificate of the domain. Nodes that use the same Brokers need not be listed: they are asked.
	Peers map[string]string

	// Advertise is the host:port at which others reach this node's listener, when its own address is not the one: behind a
	// port that is forwarded, say. "" means the listener's address, or all of this machine's where it listens at all of them.
	Advertise string

	// Relay also takes into the inbox, while there is room, what senders relay when they cannot reach this node: they put it into the
	// mailbox <Name>.relay on the Brokers, see the option [Relay].
	Relay bool

	// Login is the user:password with which this node logs in to peers whose address has none: host:port or a URL without a user in Peers,
	// and those that are found by asking: whoever may bind queues on the Brokers can answer for any of them, and have it. "" is guest:guest, which a node
	// lets in from its own machine only.
	Login string

	// Resolver looks up SRV records. nil means [net.DefaultResolver].
	Resolver *net.Resolver

	// TLS secures the listener, which uses it as a server, and the connections to
	// amqps:// URLs, which use it as a client. nil means the system's roots for
	// the latter. [Keys.Secure] sets it, Users and Login for nodes that know each other by their keys.
	TLS *tls.Config

	// Keys, when they are not nil, are what this node seals messages with. What it sends to peers and mailboxes can be read by who receives it there and
	// by nobody else: by no broker, and on no disk. What it receives has to be sealed, too, or is a dead letter. Where there is no key
	// for a target, sending and receiving fail with [ErrNoKey]; nothing goes out or is taken in plain. [Message.SealedBy] says who has sealed a message.
	//
	// Of a sealed message others see its id, sender, target, [Key], size, times and how often it failed. They do not see its body, content type,
	// [Header]s and answers, nor why it failed. Whoever has the private key of a mailbox reads what is sent there, and could write to it in the name of those
	// who send there. What this node posted before it had Keys, and its outbox in Dir still keeps, goes out as it is.
	Keys *Keys

	// Plain excepts targets from being sealed, for both directions: "inbox" is this node's own, others are "peer:bob", "mailbox:audit", "topic:prices",
	// and "mailbox:logs.*" all that begins like that. What goes to topics is never sealed, so that a node with Keys has to name those that it uses. What comes sealed
	// all the same is opened.
	Plain []string

	// SealedFor is how long what this node seals can be opened. Later it is a dead letter, so that nobody can send an old message again. 0 means
	// 30 days. It cannot be opened after the certificates of sender and receiver have ended, either.
	SealedFor time.Duration

	// Logger gets what a person who runs the node wants to know. nil means [slog.Default].
	Logger *slog.Logger

	// CallTimeout is how long a [Call], and each call of a [Gather], waits for its answer when its context has no deadline. It reaches the handler
	// as any deadline does. 0 means 30 s, a negative value for ever.
	CallTimeout time.Duration

	// ConsumerTimeout is how long the brokers let a receiver hold a message before they take it away. Brokers do not tell their clients how long that is.
	// The log warns of a message that a handler or loop of this node has held for half of it. 0 means 30 minutes, as RabbitMQ has it, a negative
	// value that there is no such time.
	ConsumerTimeout time.Duration

	// OutboxMessages and OutboxBytes bound what may wait, unconfirmed, for one peer or for
	// the broker. 0 means 262,144 messages and 64 MiB; none is negative, nor are those of the inbox.
	OutboxMessages int
	OutboxBytes    int

	// InboxMessages and InboxBytes bound what waits in this node's inbox and in its handlers' hands. 0 means 262,144
	// messages and 256 MiB of bodies. Whoever sends more learns at once that it is full ([ErrFull]). A single message may be larger than InboxBytes
	// when the inbox is empty. Answers and receipts take no room in inboxes, and what is tried again is let in.
	InboxMessages int
	InboxBytes    int64

	// Codecs encode and decode bodies beside JSON. The first that takes a value which is sent encodes it;
	// a message's content type says which one decodes it.
	Codecs []Codec

	// SendMiddleware is put around everything that is sent, HandleMiddleware around every handler; the
	// first is the outermost, and has a message first on its way out and on its way in.
	SendMiddleware   []SendMiddleware
	HandleMiddleware []HandleMiddleware

	// Observe, when it is not nil, is called for each step of each message that this node receives in a handler or a loop, with the error of a step
	// that has one. Any goroutine may call it, and it must not block. It is not told of control messages.
	Observe func(m *Message, s Step, err error)

	// Dial opens connections in place of [net.Dialer] when it is not nil.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	shown func() *tls.Certificate // of Keys.Secure: what the listener shows now
}
