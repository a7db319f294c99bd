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
	// on everything it sends. At most 255 bytes of UTF-8, no control characters. Of nodes that listen and use the same
	// Brokers each needs one of its own: a node that finds another of its name when it starts logs a warning.
	Name string

	// Listen is where peers deliver straight to this node, as host:port; "" means
	// that nobody can. Port 0 takes a free one, see [Node.Addr]. An address that
	// is not a loopback address needs TLS.
	Listen string

	// Listener is used in place of Listen when it is not nil: a socket that was
	// handed over, or a network in memory. The node closes it.
	Listener net.Listener

	// Brokers are the AMQP URLs of the one broker, or of the nodes of one RabbitMQ cluster,
	// where mailboxes live; they are tried in turn. With none, mailboxes live in
	// the broker embedded in this node.
	Brokers []string

	// ShareMailboxes lets who connects to this node's listener use its embedded broker in full,
	// as a broker of theirs. Without it they can only put messages into the inbox.
	ShareMailboxes bool

	// Users are names and passwords of those who may connect to the listener. With none, it is
	// user guest with password guest, from this machine only.
	Users map[string]string

	// Dir keeps what must survive a restart: the inbox, the embedded mailboxes, the outbox of what was posted and not confirmed, and which messages
	// were handled, so that their repeats are not.
	// It is made if it is missing, and belongs to one running node. "" keeps
	// everything in memory.
	Dir string

	// Peers says where the nodes are that this one sends to by name: host:port, an AMQP URL, or amqp+srv://domain or
	// amqps+srv://domain, whose SRV records _amqp._tcp.domain or _amqps._tcp.domain say it, each time a connection is made. Nodes
	// that use the same Brokers need not be listed: they are asked.
	Peers map[string]string

	// Advertise is the host:port at which others reach this node's listener, when its own address is not the one: behind a
	// port that is forwarded, say. "" means the listener's address, or all of this machine's where it listens at all of them.
	Advertise string

	// Relay also takes into the inbox, while there is room, what senders relay through the Brokers when they cannot reach this node, see the option [Relay]: from the
	// mailbox <Name>.relay there.
	Relay bool

	// Login is the user:password that opens the listeners of peers which were found by asking. "" is guest:guest.
	Login string

	// Resolver looks up SRV records. nil means [net.DefaultResolver].
	Resolver *net.Resolver

	// TLS secures the listener, which uses it as a server, and the connections to
	// amqps:// URLs, which use it as a client. nil means the system's roots for
	// the latter.
	TLS *tls.Config

	// Keys, when they are not nil, are what this node seals messages with: everything that it sends to peers and mailboxes can be read by who receives it there and
	// by nobody else, no broker and no disk among them, and everything that it receives has to be sealed, too, or is a dead letter. Where there is no key
	// for a target, sending and receiving fail with [ErrNoKey]; nothing goes out or is taken in plain. Of a sealed message its id, sender, target, [Key], size, times and
	// how often it failed can be seen; its body, content type, [Header]s, answers, and why it failed cannot. [Message.SealedBy] says who has sealed it.
	// Whoever has the private key of a mailbox reads what is sent there, and could write to it in the name of those who do. What a node without Keys had
	// posted before, and its outbox keeps, goes out as it is.
	Keys *Keys

	// Plain excepts targets from being sealed, for both directions: "inbox" is this node's own, others are "peer:bob", "mailbox:audit", "topic:prices",
	// and "mailbox:logs.*" all that begins like that. What goes to topics is never sealed, so that a node with Keys has to name those that it uses. What comes sealed
	// all the same is opened.
	Plain []string

	// SealedFor is for how long what this node seals may be opened: afterwards it is a dead letter, and nobody can repeat it. 0 means 30 days; the
	// certificates of sender and receiver end it, too.
	SealedFor time.Duration

	// Logger gets what a person who runs the node wants to know. nil means [slog.Default].
	Logger *slog.Logger

	// CallTimeout is how long a [Call] waits for its answer when its context has no deadline, and so does each call of a [Gather]; it travels along
	// as any deadline does. 0 means 30 s, a negative value for ever.
	CallTimeout time.Duration

	// ConsumerTimeout is how long the brokers let a receiver hold a message before they take it away: nothing tells a client. A message that a
	// handler or loop of this node holds for half of it is told of in the log. 0 means 30 minutes, as RabbitMQ has it, a negative value that there is none.
	ConsumerTimeout time.Duration

	// OutboxMessages and OutboxBytes bound what may wait, unconfirmed, for one peer or for
	// the broker. 0 means 262,144 messages and 64 MiB.
	OutboxMessages int
	OutboxBytes    int

	// InboxMessages and InboxBytes bound what waits in this node's inbox and in its handlers' hands. 0 means 262,144
	// messages and 256 MiB of bodies. Who sends more learns at once that it is full ([ErrFull]); a single message may be larger. Answers
	// and receipts do not go by way of inboxes, and what is tried again is let in.
	InboxMessages int
	InboxBytes    int64

	// Codecs encode and decode bodies beside JSON. They are asked in turn for a value that is sent, the first that takes it
	// does it; a message's content type says which decodes it.
	Codecs []Codec

	// SendMiddleware is put around everything that is sent, HandleMiddleware around every handler; the
	// first is the outermost, and has a message first on its way out and on its way in.
	SendMiddleware   []SendMiddleware
	HandleMiddleware []HandleMiddleware

	// Observe, when it is not nil, is told what happens to each message that this node receives, in handlers and loops alike, by any
	// goroutine and with the error of a step that has one. It must not block. Control messages are not among them.
	Observe func(m *Message, s Step, err error)

	// Dial opens connections in place of [net.Dialer] when it is not nil.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}
