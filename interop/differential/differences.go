package differential

import (
	"regexp"
	"strings"

	"github.com/postrider-mq/postrider/amqp"
)

// A deliberate difference. Theirs and ours are what only one side shows in a
// step, its lines joined; step, if there is one, says which steps are meant.
type deliberate struct {
	name   string
	why    string
	theirs *regexp.Regexp
	ours   *regexp.Regexp
	step   amqp.MethodID
	quorum bool               // only in programs with quorum queues
	parts  bool               // afterwards the brokers cannot be compared any more
	ends   bool               // only where the step has ended a connection
	rare   bool               // RabbitMQ's timing decides: a long run may not show it
	only   func(Program) bool // if there is one: in what programs
}

var deliberates = []deliberate{
	{
		name:   "arguments cut short",
		why:    "502 as specified; RabbitMQ says 501, with the octets as Erlang writes them",
		theirs: regexp.MustCompile(`FRAME_ERROR - cannot decode`), ours: regexp.MustCompile(`SYNTAX_ERROR - the arguments end too early`),
	},
	{
		name:   "bad frames",
		why:    "the same 501, without the octets as Erlang writes them",
		theirs: regexp.MustCompile(`FRAME_ERROR - type`), ours: regexp.MustCompile(`FRAME_ERROR - (type|unknown frame)`),
	},
	{
		name:   "a crash",
		why:    "a close that says what is wrong, where something in RabbitMQ crashes",
		theirs: regexp.MustCompile(`"INTERNAL_ERROR"`), ours: regexp.MustCompile(`channel.close`), parts: true,
	},
	{
		name:   "one tag for two",
		why:    "RabbitMQ lets a consumer have the tag of the channel's direct replies, and the client could not tell them apart",
		theirs: regexp.MustCompile(`^`), ours: regexp.MustCompile(`attempt to reuse consumer tag`), parts: true,
	},
	{
		name:   "unknown method",
		why:    "a close that says so, where RabbitMQ hangs up",
		theirs: regexp.MustCompile(`^\d: is hung up on\n$`), ours: regexp.MustCompile(`COMMAND_INVALID - unimplemented method`),
	},
	{
		name:   "answers to what was not asked",
		why:    "a late or needless basic.cancel-ok or channel.flow-ok does no harm; RabbitMQ closes the connection",
		theirs: regexp.MustCompile(`COMMAND_INVALID - unimplemented method`), ours: regexp.MustCompile(`^`), step: amqp.BasicCancelOkID, parts: true,
	},
	{
		name:   "a quorum queue deleted if unused or empty",
		why:    "done as asked; RabbitMQ closes the connection",
		theirs: regexp.MustCompile(`set are not supported by quorum queues`), ours: regexp.MustCompile(`^`), step: amqp.QueueDeleteID, quorum: true, parts: true,
	},
	{
		name:   "a quorum queue with a bad delivery limit",
		why:    "refused; RabbitMQ 3.10 does not look at it",
		theirs: regexp.MustCompile(`queue.declare-ok|invalid property`), ours: regexp.MustCompile(`PRECONDITION_FAILED - invalid arg 'x-delivery-limit'`), quorum: true, parts: true,
	},
	{
		name:   "a channel's limit and a quorum queue",
		why:    "held to; RabbitMQ closes the connection",
		theirs: regexp.MustCompile(`does not support global qos`), ours: regexp.MustCompile(`^`), quorum: true, parts: true,
	},
	{
		name:   "messages that come back to a quorum queue in turns",
		why:    "each takes its old place; RabbitMQ has them in the order in which they came back, before all others",
		theirs: regexp.MustCompile(`^([^\n]* Redelivered=true [^\n]*\n)+$`), ours: regexp.MustCompile(`^([^\n]* Redelivered=true [^\n]*\n)+$`), quorum: true, parts: true,
	},
	{
		name:   "a full quorum queue that refuses",
		why:    "a message is refused that would be beyond the limit; RabbitMQ refuses from the next one on, and channels learn it late",
		theirs: regexp.MustCompile(aboutMore), ours: regexp.MustCompile(aboutMore), quorum: true, parts: true, only: Program.refusing,
	},
	{
		name:   "messages that come back to a full quorum queue",
		why:    "what is beyond the limit is dropped, and the rest delivered, as in every queue; RabbitMQ delivers first",
		theirs: regexp.MustCompile(`basic.deliver .*Redelivered=true`), ours: regexp.MustCompile(`^`), quorum: true, parts: true, only: Program.bounded,
	},
	{
		name:   "a message out in a connection that ends",
		why:    "it comes back once; in RabbitMQ another channel of that connection may still get it, and give it back again",
		theirs: regexp.MustCompile(aboutMore), ours: regexp.MustCompile(aboutMore), quorum: true, parts: true, ends: true, rare: true,
	},
	{
		name:   "a message out in a connection that ends, in a classic queue",
		why:    "the same, where it does no harm",
		theirs: regexp.MustCompile(`^([^\n]*basic.deliver [^\n]*Redelivered=true [^\n]*\n)+$`), ours: regexp.MustCompile(`^$`), parts: true, ends: true, rare: true,
	},
	{
		name:   "no time to live, by a policy that came later",
		why:    "a message expires at the head of its queue; RabbitMQ drops it at once, even behind older ones that have time",
		theirs: regexp.MustCompile(`: \d+ ready`), ours: regexp.MustCompile(`: \d+ ready`), parts: true, only: Program.fleeting,
	},
	{
		name:   "a limit that refuses, by a policy that came later",
		why:    "what is there stays, for it is said that publishes are refused; RabbitMQ takes the limit first, and drops what is beyond it",
		theirs: regexp.MustCompile(`: \d+ ready`), ours: regexp.MustCompile(`: \d+ ready`), parts: true, only: Program.refusingByPolicy,
	},
	{
		name:   "a consumer timeout",
		why:    "later versions of RabbitMQ have the argument; 3.10 takes no notice of it",
		theirs: regexp.MustCompile(`^`), ours: regexp.MustCompile(`PRECONDITION_FAILED - .*'x-consumer-timeout'`), parts: true,
	},
	{
		name:   "answers to what was not asked: flow",
		why:    "the same",
		theirs: regexp.MustCompile(`COMMAND_INVALID - unimplemented method`), ours: regexp.MustCompile(`^`), step: amqp.ChannelFlowOkID, parts: true,
	},
}

// aboutMore fits what shows that there is one message more at one of two brokers, or was refused.
const aboutMore = `^$|: \d+ ready|basic\.(ack|nack|deliver|get-ok)`

// refusingByPolicy says whether a policy has queues refuse what is beyond a limit.
func (p Program) refusingByPolicy() bool {
	return p.mentions(`"overflow":"reject-publish`) && p.mentions(`"max-length`)
}

// fleeting says whether a policy leaves messages no time.
func (p Program) fleeting() bool { return p.mentions(`"message-ttl":0`) }

// excuse finds the entry that a difference falls under.
func excuse(p Program, d *Difference) *deliberate {
	var s *Step
	if d.Step < len(p) {
		s = &p[d.Step]
	}
	theirs, ours := joined(missing(d.Theirs, d.Ours)), joined(missing(d.Ours, d.Theirs))
	for i := range deliberates {
		x := &deliberates[i]
		if x.step != 0 && (s == nil || s.Method == nil || s.Method.ID() != x.step) {
			continue
		}
		if x.ends && !(s != nil && s.HangUp) && !strings.Contains(joined(d.Ours), ": connection.close") {
			continue
		}
		if x.quorum && !p.quorum() || x.only != nil && !x.only(p) {
			continue
		}
		if x.theirs.MatchString(theirs) && x.ours.MatchString(ours) {
			return x
		}
	}
	return nil
}

func joined(lines []string) (text string) {
	for _, line := range lines {
		text += line + "\n"
	}
	return text
}
