package told

import (
	"bytes"
	"fmt"
	"strings"
)

// Message is which message it is: the N-th that the sender's life sent to a target.
type Message struct {
	Sender string
	Life   int
	Target string // the name of a node or of a mailbox
	N      int
	Key    string // "" for none
}

// String is its name: "ann.2/parts/17/k3".
func (m Message) String() string {
	return fmt.Sprintf("%s.%d/%s/%d/%s", m.Sender, m.Life, m.Target, m.N, m.Key)
}

// Parse is the other way.
func Parse(name string) (m Message, err error) {
	parts := strings.Split(name, "/")
	if len(parts) != 4 {
		return m, fmt.Errorf("%q names no message", name)
	}
	sender, life, _ := strings.Cut(parts[0], ".")
	m = Message{Sender: sender, Target: parts[1], Key: parts[3]}
	if _, err := fmt.Sscan(life, &m.Life); err != nil {
		return m, fmt.Errorf("%q names no message: %w", name, err)
	}
	if _, err := fmt.Sscan(parts[2], &m.N); err != nil {
		return m, fmt.Errorf("%q names no message: %w", name, err)
	}
	return m, nil
}

// Body is a message's, of about so many bytes: its name, and padding that depends on it.
func (m Message) Body(size int) []byte {
	name := m.String()
	b := append(make([]byte, 0, len(name)+1+size), name...)
	b = append(b, '\n')
	return append(b, bytes.Repeat([]byte{m.filling()}, max(0, size-len(b)))...)
}

func (m Message) filling() byte { return 'a' + byte((m.N+m.Life+len(m.Target))%26) }

// Open reads a body, and wants it whole.
func Open(body []byte) (m Message, err error) {
	name, rest, found := bytes.Cut(body, []byte("\n"))
	if !found {
		return m, fmt.Errorf("%.80q is no body", body)
	}
	if m, err = Parse(string(name)); err != nil {
		return m, err
	}
	if stray := bytes.Trim(rest, string(m.filling())); len(stray) > 0 {
		return m, fmt.Errorf("the body of %v was altered: %.80q is in it", m, stray)
	}
	return m, nil
}
