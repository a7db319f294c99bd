package postrider

import (
	"sync"
	"sync/atomic"

	"github.com/postrider-mq/postrider/internal/lru"
	"github.com/postrider-mq/postrider/internal/marks"
)

// repeats knows which messages were received at a target, so that one that comes twice is handled once: because
// its sender had to send it again and could not know that it had arrived, or because the acknowledgement of
// it was lost.
//
//	first time ──► in hand ──acknowledged───────────► done: a repeat is dropped
//	                  │  ├── given back ──────────────► forgotten
//	                  │  ├── passed on ───────────────► its later copy is new; it itself, redelivered, is dropped
//	                  │  └── buried ──────────────────► as before, and one that was sent again since is new
//	                  └ a repeat waits for what becomes of the first
//
// A message that was passed on, to wait or to the dead letters, comes again under its id. What tells it from the one that
// was passed on, should the acknowledgement of that be lost, is the time at which it was due. A dead letter that is sent again under its id
// was due at no time, as in its first life; but nobody has had it, and so it is not redelivered.
//
// It looks back as far as a sender may have to send again: over the last 262,144 messages of each of the 4,096 senders that have sent
// last, and over the last 65,536 ids of the callers' own choosing; for as long as the node runs, and with a directory
// after a restart, see marker. A message that is older than that counts as new. Where senders are many and send much, those that have sent last are
// remembered whose messages are marks.MaxPages pages.
type repeats struct {
	mu      sync.Mutex
	recent  *history // of the sender that was asked for last
	senders *lru.Map[author, *history]
	pages   int // of all of them
	named   named
	waiting map[mark][]later
	waits   atomic.Int32         // how many marks are in waiting
	passed  map[passing]struct{} // the last maxPassed
	lately  []passing            // a ring of them
	passes  int
}

// author is a life of a sender: ids are unique among the messages of one, and another may use the same.
type author struct{ sender, prefix string }

// later is a repeat that waits for what becomes of the first, and where it came.
type later struct {
	arrival
	at *tap
}

// passing is one message that was passed on, as it was then.
type passing struct {
	mark mark
	due  int64
}

const (
	maxSenders = 4096
	maxPassed  = 8192
)

func newRepeats() *repeats {
	return &repeats{
		senders: lru.New[author, *history](maxSenders),
		waiting: make(map[mark][]later),
		named:   named{bits: make(map[string]mark)},
		passed:  make(map[passing]struct{}),
	}
}

// A mark is the place where it is noted what became of one message; the zero mark is that of one without an id.
type mark struct {
	page *page
	bit  uint16
}

// next is the mark of the message of the same sender whose id differs in the last digit alone, which is the next one: what goes into one pack mostly was
// made one after the other. Not ok: it lies on another page, or ids say nothing of each other.
func (m mark) next() (_ mark, ok bool) {
	if m.page == nil || m.page.sender == "" || m.bit == pageSize-1 {
		return mark{}, false
	}
	return mark{m.page, m.bit + 1}, true
}

// What is to be done with an arrival.
type sight uint8

const (
	unseen    sight = iota // hand it out
	handled                // acknowledge it
	elsewhere              // it is safe there: end it here
	inHand                 // it is kept until the first is settled
)

// see is asked before an arrival is handed out, at a tap.
func (r *repeats) see(sender, id string, a arrival, at *tap) (mark, sight) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.find(sender, id)
	s := r.look(m, &a)
	if s == inHand {
		r.keep(m, a, at)
	}
	return m, s
}

// keep has a repeat wait for what becomes of the first; who called look has what is booked in runs told of after it. The caller holds mu.
func (r *repeats) keep(m mark, a arrival, at *tap) {
	r.waiting[m] = append(r.waiting[m], later{a, at})
	r.waits.Store(int32(len(r.waiting)))
}

// look is see for who holds mu, knows the mark, and keeps what is in hand himself. Of the arrival it looks at the properties, and whether it is
// redelivered.
func (r *repeats) look(m mark, a *arrival) sight {
	switch {
	case m.page == nil:
		return unseen
	case m.page.done.has(m.bit):
		return handled
	case a.redelivered && r.wasPassed(m, a):
		return elsewhere
	case m.page.hand.has(m.bit):
		return inHand
	}
	if !a.redelivered && len(r.passed) > 0 { // from now on it is this one that may come back
		delete(r.passed, passing{m, dueAt(a.props)})
	}
	m.page.hand.set(m.bit)
	return unseen
}

// What became of a message that was in hand.
type outcome uint8

const (
	acknowledged outcome = iota // it was acted upon
	passedOn                    // it waits elsewhere, and comes again from there
	buried                      // it is among the dead letters
	givenBack                   // it comes again
)

// settled ends the time in hand and returns the repeats that waited.
func (r *repeats) settled(m mark, o outcome) []later {
	if m.page == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.end(m, o)
}

// end is settled for who holds mu.
func (r *repeats) end(m mark, o outcome) []later {
	m.page.hand.clear(m.bit)
	if o == acknowledged {
		m.page.done.set(m.bit)
	}
	if len(r.waiting) == 0 {
		return nil
	}
	also := r.waiting[m]
	delete(r.waiting, m)
	r.waits.Store(int32(len(r.waiting)))
	return also
}

// waited are the repeats that waited for one message.
type waited struct {
	first   mark
	repeats []later
}

// endAll is settled, acknowledged, for those of a run that lie in these places.
func (r *repeats) endAll(room []Message, which places) (all []waited) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range room {
		m := &room[i]
		if m.mark.page == nil || !which.has(m.tag) {
			continue
		}
		if also := r.end(m.mark, acknowledged); len(also) > 0 {
			all = append(all, waited{m.mark, also})
		}
	}
	return all
}

// pass notes that a message is safe elsewhere, before it ends here.
func (r *repeats) pass(m mark, due int64) {
	if m.page == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	p := passing{m, due}
	if _, again := r.passed[p]; again {
		return
	}
	if len(r.lately) < maxPassed {
		r.lately = append(r.lately, p)
	} else {
		at := r.passes % maxPassed
		delete(r.passed, r.lately[at])
		r.lately[at] = p
	}
	r.passes++
	r.passed[p] = struct{}{}
}

// wasPassed says whether an arrival is a message that was passed on, and not its later copy. The caller holds mu.
func (r *repeats) wasPassed(m mark, a *arrival) bool {
	if len(r.passed) == 0 {
		return false
	}
	_, yes := r.passed[passing{m, dueAt(a.props)}]
	return yes
}

// over says whether there is nothing more to do for a repeat that waited for what became of the first.
func (r *repeats) over(m mark, o outcome, a arrival) bool {
	switch {
	case o == acknowledged:
		return true
	case o == givenBack, o == buried && !a.redelivered:
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.wasPassed(m, &a)
}

// find returns the mark of a message. The caller holds mu.
func (r *repeats) find(sender, id string) mark {
	if len(id) == 0 || len(sender) == 0 {
		return mark{}
	}
	if prefix, count, ok := parseGenerated(id); ok {
		m, more := r.history(author{sender, prefix}).find(count)
		if more {
			r.grow()
		}
		return m
	}
	return r.named.find(namedKey(sender, id))
}

// namedKey tells ids of senders' own choosing apart.
func namedKey(sender, id string) string { return sender + "\x00" + id }

// restore takes in what a former life has handled, before anything is received.
func (r *repeats) restore(p marks.Page) {
	if p.Sender == "" {
		r.named.restore(p)
		return
	}
	if len(p.Sender) <= generatedPrefix {
		return // an earlier version's, which does not say whose ids they are
	}
	at := &r.history(author{p.Sender[generatedPrefix:], p.Sender[:generatedPrefix]}).pages[p.Page%historyPages]
	if *at == nil {
		r.grow()
	}
	*at = &page{sender: p.Sender, number: p.Page, done: p.Done}
}

// grow counts one page more, and forgets the senders that have not sent for longest when they are too many. The last to be asked for stays.
func (r *repeats) grow() {
	for r.pages++; r.pages > marks.MaxPages && r.senders.Len() > 1; {
		h, _ := r.senders.Forget()
		r.pages -= h.size()
	}
}

// history returns that of a sender. The caller holds mu.
func (r *repeats) history(of author) *history {
	if r.recent != nil && r.recent.author == of {
		return r.recent
	}
	h, known := r.senders.Use(of)
	if !known {
		whole := of.prefix + of.sender // and not the message that it is part of
		h = &history{author: author{whole[len(of.prefix):], whole[:len(of.prefix)]}, whole: whole}
		if old, full := r.senders.Add(h.author, h); full {
			r.pages -= old.size()
		}
	}
	r.recent = h
	return h
}

// parseGenerated takes an id of [identity] apart. Different ids have different parts.
func parseGenerated(id string) (prefix string, count uint64, ok bool) {
	const digits = 12 // more may not fit
	if len(id) <= generatedPrefix || len(id) > generatedPrefix+digits || id[generatedPrefix-1] != '-' || id[generatedPrefix] == '0' {
		return "", 0, false
	}
	for _, c := range []byte(id[generatedPrefix:]) {
		switch {
		case '0' <= c && c <= '9':
			count = count*36 + uint64(c-'0')
		case 'a' <= c && c <= 'z':
			count = count*36 + uint64(c-'a') + 10
		default:
			return "", 0, false
		}
	}
	return id[:generatedPrefix], count, true
}

// history is what is known of the messages of one sender, by their count: a ring of pages, the newest in place of
// those that lie a whole ring behind.
type history struct {
	author
	whole string // prefix and sender
	pages [historyPages]*page
}

const historyPages = marks.Pages

// page is 4,096 messages.
type page struct {
	sender     string // the prefix of their ids, and their sender; "" of callers' own choosing
	number     uint64
	hand, done bitset
}

type bitset [64]uint64

const pageSize = marks.PageSize

func (b *bitset) has(bit uint16) bool { return b[bit/64]&(1<<(bit%64)) != 0 }
func (b *bitset) set(bit uint16)      { b[bit/64] |= 1 << (bit % 64) }
func (b *bitset) clear(bit uint16)    { b[bit/64] &^= 1 << (bit % 64) }

// find returns the zero mark for a message that is too old, and whether there is a page more now.
func (h *history) find(count uint64) (_ mark, more bool) {
	number := count / pageSize
	at := &h.pages[number%uint64(len(h.pages))]
	switch {
	case *at == nil || (*at).number < number:
		more = *at == nil
		*at = &page{sender: h.whole, number: number}
	case (*at).number > number:
		return mark{}, false
	}
	return mark{*at, uint16(count % pageSize)}, more
}

// size is how many pages there are.
func (h *history) size() (pages int) {
	for _, p := range h.pages {
		if p != nil {
			pages++
		}
	}
	return pages
}

// named is what is known of messages whose ids are of the callers' own choosing, in pages that are filled in turn.
type named struct {
	bits  map[string]mark
	pages [marks.NamedPages]namedPage
	count uint64
}

type namedPage struct {
	page *page
	ids  []string
}

func (n *named) find(key string) mark {
	if m, ok := n.bits[key]; ok {
		return m
	}
	at := &n.pages[n.count/pageSize%uint64(len(n.pages))]
	if n.count%pageSize == 0 {
		for _, old := range at.ids {
			delete(n.bits, old)
		}
		*at = namedPage{page: &page{number: n.count / pageSize}}
	}
	m := mark{at.page, uint16(n.count % pageSize)}
	n.count++
	n.bits[key] = m
	at.ids = append(at.ids, key)
	return m
}

// restore takes in a page of a former life. What that had in hand, and was not done with, is not known.
func (n *named) restore(p marks.Page) {
	at := &n.pages[p.Page%uint64(len(n.pages))]
	*at = namedPage{page: &page{number: p.Page, done: p.Done}}
	for bit, key := range p.IDs {
		n.bits[key] = mark{at.page, bit}
		at.ids = append(at.ids, key)
		n.count = max(n.count, p.Page*pageSize+uint64(bit)+1)
	}
}
