package queue

// agenda lists the entries of a queue whose entries expire one by one, see
// Config.Scattered: a heap, the next to expire first; of those that expire at
// one time, the one that came first. What has left the queue otherwise is
// found out when its turn comes.
type agenda []appointment

type appointment struct {
	when Time
	pos  uint64
}

func (a appointment) before(b appointment) bool {
	return a.when < b.when || a.when == b.when && a.pos < b.pos
}

func (a *agenda) push(x appointment) {
	s := append(*a, x)
	i := len(s) - 1
	for i > 0 {
		up := (i - 1) / 2
		if !x.before(s[up]) {
			break
		}
		s[i] = s[up]
		i = up
	}
	s[i] = x
	*a = s
}

// pop removes the first. An agenda that was large gives its memory back as it empties.
func (a *agenda) pop() {
	s := *a
	end := len(s) - 1
	last := s[end]
	s = s[:end]
	if cap(s) > shrinkFrom && len(s) < cap(s)/4 {
		s = append(make(agenda, 0, cap(s)/2), s...)
	}
	if end > 0 {
		s.sink(last)
	}
	*a = s
}

// sink puts an appointment into the hole at the top and lets it sink to its place.
func (a agenda) sink(x appointment) {
	i := 0
	for {
		down := 2*i + 1
		if down >= len(a) {
			break
		}
		if right := down + 1; right < len(a) && a[right].before(a[down]) {
			down = right
		}
		if !a[down].before(x) {
			break
		}
		a[i] = a[down]
		i = down
	}
	a[i] = x
}

// appoint notes that an entry expires.
func (q *Queue[M]) appoint(pos uint64, when Time) {
	if q.cfg.Scattered && when != 0 {
		q.agenda.push(appointment{when, pos})
	}
}

// nextAppointment returns the first entry to expire of those that are still ready.
func (q *Queue[M]) nextAppointment() (a appointment, ok bool) {
	for len(q.agenda) > 0 {
		a = q.agenda[0]
		if t, _ := q.Expiry(a.pos); t == a.when {
			if _, s, _ := q.Lookup(a.pos); s == Ready {
				return a, true
			}
		}
		q.agenda.pop()
	}
	return a, false
}

// dropScattered drops what has expired, wherever it stands.
func (q *Queue[M]) dropScattered(now Time) {
	fx := &q.effects
	for {
		a, ok := q.nextAppointment()
		if !ok || now < a.when {
			return
		}
		if len(fx.Drop) >= burst {
			fx.More = true
			return
		}
		q.agenda.pop()
		d, number := q.find(a.pos)
		d.removeAt(number, &fx.addDropped(MessageExpired).Entry)
	}
}

// removeAt takes out the entry that is ready at a position, and tells it in e.
func (d *deque[M]) removeAt(pos uint64, e *Entry[M]) {
	number, slot, bit := split(pos)
	c := d.find(number)
	d.tell(c, slot, e)
	if c.ready == bit && d.passed(c) {
		d.returned.bring(c) // to where unready takes it from
	}
	d.unready(c, bit)
	c.erase(slot)
	d.freeIfDead(c)
}

// bring puts a chunk of the heap first, as if its number were the lowest.
func (h returned[M]) bring(c *chunk[M]) {
	i := 0
	for h[i] != c {
		i++
	}
	for i > 0 {
		up := (i - 1) / 2
		h[i], h[up] = h[up], h[i]
		i = up
	}
}
