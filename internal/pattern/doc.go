// Package pattern is the regular expressions that users write: in policies,
// permissions and limits on names.
//
// They are written for RabbitMQ, and so for PCRE. What Go's regexp package
// understands it matches, in linear time. The rest, of which look-aheads as in
// ^(?!amq\.).* are the common case, is left to a backtracking matcher, and to
// that no more than [maxTime] for a name: what takes longer does not match, as
// in RabbitMQ a search that exceeds its limit does not. A pattern of more than
// 64 KiB is refused; PCRE takes about as much.
//
//	p, err := pattern.Compile(`^(?!amq\.).*`)
//	p.Match("orders")        true
//	p.Match("amq.gen-x")     false
package pattern
