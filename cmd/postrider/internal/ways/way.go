// Package ways names the four ways of passing a message.
package ways

// A Way is one of the four.
type Way uint8

// The four, and how many there are: for arrays, and for loops.
const (
	DirectSend Way = iota
	DirectPost
	MailboxSend
	MailboxPost
	Count
)

// Direct reports whether there is nobody in between.
func (w Way) Direct() bool { return w < MailboxSend }

// Waits reports whether the sender does.
func (w Way) Waits() bool { return w == DirectSend || w == MailboxSend }

// Code is what a program says to send that way.
func (w Way) Code() string {
	return [Count]string{"bob.Send", "bob.Post", "jobs.Send", "jobs.Post"}[w]
}

func (w Way) String() string {
	return [Count]string{"direct, synchronous", "direct, asynchronous", "indirect, synchronous", "indirect, asynchronous"}[w]
}

// Tag begins the body of what is sent that way.
func (w Way) Tag() string {
	return [Count]string{"direct-send", "direct-post", "mailbox-send", "mailbox-post"}[w]
}
