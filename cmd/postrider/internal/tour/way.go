package tour

// way is one of the four.
type way uint8

const (
	directSend way = iota
	directPost
	mailboxSend
	mailboxPost
	ways
)

func (w way) direct() bool { return w < mailboxSend }
func (w way) waits() bool  { return w == directSend || w == mailboxSend }

// code is what a program says to send that way.
func (w way) code() string {
	return [ways]string{"bob.Send", "bob.Post", "jobs.Send", "jobs.Post"}[w]
}

func (w way) String() string {
	return [ways]string{"direct, synchronous", "direct, asynchronous", "indirect, synchronous", "indirect, asynchronous"}[w]
}

// tag begins the body of what is sent that way.
func (w way) tag() string {
	return [ways]string{"direct-send", "direct-post", "mailbox-send", "mailbox-post"}[w]
}

func eachWay(do func(way)) {
	for w := range ways {
		do(w)
	}
}
