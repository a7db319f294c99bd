package session

// Restore books v under a tag that was settled: what was done with it is undone.
// A tag that is outstanding, or that was never given out, is a defect of the caller's.
func (l *Ledger[T]) Restore(tag uint64, v T) { l.w.putBack(tag, v) }

// Each hands what Settle would settle to each, tag by tag and in their order, and settles it.
// The error is Settle's.
func (l *Ledger[T]) Each(tag uint64, multiple bool, each func(tag uint64, v T)) error {
	if !multiple {
		return l.Settle(tag, false, func(v T) { each(tag, v) })
	}
	if _, _, ok := l.w.find(tag); ok || tag == 0 {
		for t, v := range l.w.all() {
			if t > tag && tag != 0 {
				break
			}
			each(t, v)
		}
	}
	return l.Settle(tag, true, nil)
}

// putBack makes a settled tag live again.
func (w *window[T]) putBack(tag uint64, v T) {
	number := (tag - 1) / chunkTags
	w.reach(number)
	at := w.head + int(number-w.first)
	if w.dir[at] == nil {
		w.dir[at] = w.newChunk()
	}
	c, i := w.dir[at], (tag-1)%chunkTags
	c.vals[i] = v
	c.live |= 1 << i
	w.live++
}

// reach makes a place for the chunk of that number, if its place was given back.
func (w *window[T]) reach(number uint64) {
	if w.head == len(w.dir) {
		w.first = (w.last-1)/chunkTags + 1 // behind the last chunk, which was given back
	}
	if number >= w.first {
		return
	}
	missing := int(w.first - number)
	if missing > w.head {
		dir := make([]*chunk[T], missing+len(w.dir)-w.head)
		copy(dir[missing:], w.dir[w.head:])
		w.dir, w.head = dir, missing
	}
	w.head -= missing
	w.first = number
}
