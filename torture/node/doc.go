// Package node is a process that uses Postrider in every way and may be killed at any moment: it sends, posts, calls and pings, handles what
// comes to it, and tells its parent all of it as lines, see package told.
//
// It does what its parent writes to its stdin: "send", "quiet", "shutdown" or "close". When the parent is gone, so is it.
package node
