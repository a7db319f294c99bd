// Package marks keeps which messages a node has handled, in a journal of its own, so that a repeat is known after a restart, too. It
// knows neither connections nor what the messages say:
//
//	Note(place, marks) ──► marks {place, bits or ids} ──► journal: written at once, synced within 100 ms
//	Open               ──► reads them ──► Take(target): the pages of a former life
//
// A page is 4,096 messages of one sender at one target, a bit for each. It lives in as many records as it was noted in, until those are
// replaced by one of the whole page (by a few, where ids have to be told): when there are too many of them, or the oldest segment is to be given back. What is kept is bounded as the
// window is: the last 64 pages of a sender (16 of ids of callers' own choosing), and the 4,096 senders that were heard of last.
//
// All of it is in memory, too: damage on the disk costs nothing while the node runs.
package marks
