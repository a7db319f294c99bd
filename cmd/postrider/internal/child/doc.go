// Package child runs this program again as further processes, and speaks with them.
//
//	parent                    child
//	setup ──────────────────►
//	      ◄──────────────────  "ready", an event
//	order ──────────────────►  carried out, in a goroutine of its own
//	      ◄──────────────────  its report; events, whenever something happens
//	end of stdin ───────────►  ends by itself
//
// Each arrow is a line of JSON, on the child's stdin and stdout. A child whose stdin ends goes away by itself: none is left
// behind, however its parent ends.
package child
