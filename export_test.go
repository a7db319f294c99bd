package postrider

// CameInAPack reports whether anything has come into a node's inbox as a part of a pack.
func CameInAPack(n *Node) bool {
	n.inbox.mu.Lock()
	defer n.inbox.mu.Unlock()
	return n.inbox.raw != nil
}
