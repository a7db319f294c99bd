package session

import "github.com/postrider-mq/postrider/amqp"

// Event is what one received frame amounts to.
//
// Method, Content and Reply are valid until the session's next call; the bytes
// inside Content are the receiver's to keep.
type Event struct {
	Kind    Kind
	Channel uint16
	Method  amqp.Method
	Content *Content
	Reply   []byte      // to be sent after the event was acted upon; may be nil
	Err     *amqp.Error // of ChannelClosed and Closed: the reason the peer gave, nil when all was well
}

// Kind says what an Event asks of the shell.
type Kind uint8

const (
	// None asks for nothing but sending Reply, if there is one.
	None Kind = iota
	// Heartbeat is a sign of life and asks for nothing.
	Heartbeat
	// ChannelOpen: Channel is open. A server's Reply is the open-ok; a client's
	// Method is the *amqp.ChannelOpenOk.
	ChannelOpen
	// ChannelClosed: Channel is gone. Release everything of it before sending
	// Reply, for the peer may use the number again as soon as it has it.
	ChannelClosed
	// Closed: the connection is over. Release everything, send Reply, hang up.
	Closed

	// Login: Method is the *amqp.ConnectionStartOk. Verify it, then call
	// AcceptLogin, or Fail with 403.
	Login
	// Open: Method is the *amqp.ConnectionOpen. Check the virtual host, then
	// call AcceptOpen, or Fail with 530.
	Open
	// Command: Method is for the shell to execute and to answer.
	Command
	// Publish: Method is the *amqp.BasicPublish and Content is whole.
	Publish

	// Start: Method is the server's *amqp.ConnectionStart. Choose a mechanism
	// and call Respond.
	Start
	// Ready: the connection is open; channels can be opened.
	Ready
	// Reply: Method answers what was asked on Channel.
	Reply
	// Deliver: Content is whole; Method is the *amqp.BasicDeliver,
	// *amqp.BasicGetOk or *amqp.BasicReturn it came with.
	Deliver
	// Confirm: Method is the *amqp.BasicAck or *amqp.BasicNack of publishes.
	Confirm
	// Cancelled: the broker cancelled a consumer; Method is its
	// *amqp.BasicCancel. What it asks for is already in Reply.
	Cancelled
	// Flow: the broker stops or resumes publishing on Channel; Method is the
	// *amqp.ChannelFlow, already answered in Reply.
	Flow
	// Blocked and Unblocked: the broker reads no more publishes, or does again;
	// the Method of Blocked is the *amqp.ConnectionBlocked with the reason.
	Blocked
	Unblocked
)

var kindNames = [...]string{
	"none", "heartbeat", "channel-open", "channel-closed", "closed",
	"login", "open", "command", "publish",
	"start", "ready", "reply", "deliver", "confirm", "cancelled", "flow", "blocked", "unblocked",
}

func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "unknown"
}
