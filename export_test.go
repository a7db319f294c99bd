package postrider

// CameInAPack reports whether anything has come into a node's inbox as a part of a pack.
func CameInAPack(n *Node) bool {
	n.inbox.mu.Lock()
	defer n.inbox.mu.Unlock()
	return n.inbox.raw != nil
}

// RepeatsThatWait is of how many messages a repeat waits in a node's inbox for what becomes of the first.
func RepeatsThatWait(n *Node) int {
	r := n.Inbox().repeats
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.waiting)
}

// LeftInPacks is how many messages of packs are not settled in a node's inbox.
func LeftInPacks(n *Node) (left int) {
	n.inbox.mu.Lock()
	defer n.inbox.mu.Unlock()
	for p := range n.inbox.open {
		left += int(p.left.Load())
	}
	return left
}
