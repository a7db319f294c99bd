package journal

import (
	"errors"
	"sync"
)

const (
	firstWindow = 4 << 10 // what is read for a record that follows no other
	lastWindow  = 1 << 20 // what is read when one has followed the other for a while
	windows     = 16      // how many are kept, so how many runs are told apart
)

// Windows reads records, many of them near each other, through a few stretches of the journal that it keeps in memory: at
// most 16 MiB. A run of reads that goes forward has each of its windows twice as large as the last, so that a
// long backlog is read with few calls and at the speed of the disk. All who read the same run share its windows. Its methods may
// be called from any goroutine.
type Windows struct {
	j *Journal

	mu   sync.Mutex
	list []*window // the one used last comes first
}

// window is a stretch of one segment.
type window struct {
	from, to LSN // guarded by Windows.mu; changed by who holds mu, too

	mu   sync.Mutex // held while data is read or copied
	data []byte     // the bytes from `from` to `to`
	salt uint64     // of their segment
}

// NewWindows returns a reader of j.
func (j *Journal) NewWindows() *Windows { return &Windows{j: j} }

// Read returns the record at lsn, its body in buf if that is large enough. Errors are those of Journal.Read, and ErrClosed for
// a record that was not written when the journal failed or closed.
func (ws *Windows) Read(lsn LSN, buf []byte) (Record, error) {
	if lsn > ws.j.Durable() {
		if raw := ws.j.unwritten(lsn); raw != nil {
			return ws.j.parse(raw, lsn, nil)
		}
		if lsn > ws.j.Durable() {
			return Record{}, ErrClosed
		}
	}
	w := ws.choose(lsn)
	w.mu.Lock()
	defer w.mu.Unlock()
	if rec, ok := ws.parse(w, lsn, buf); ok {
		return rec, nil
	}
	if err := ws.fill(w, lsn); err != nil {
		if errors.Is(err, ErrGone) {
			return Record{}, err
		}
		return ws.j.Read(lsn) // what cannot be read may be another's
	}
	if rec, ok := ws.parse(w, lsn, buf); ok {
		return rec, nil
	}
	return ws.j.Read(lsn) // it is larger than a window, or damaged
}

// choose returns the window in which lsn lies, else the one that ended just before it, else the one not used for longest.
func (ws *Windows) choose(lsn LSN) *window {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	at := -1
	for i, w := range ws.list {
		if w.from <= lsn && lsn < w.to {
			at = i
			break
		}
		if at < 0 && w.precedes(lsn) {
			at = i
		}
	}
	switch {
	case at >= 0:
	case len(ws.list) < windows:
		at = len(ws.list)
		ws.list = append(ws.list, &window{})
	default:
		at = len(ws.list) - 1
	}
	w := ws.list[at]
	copy(ws.list[1:at+1], ws.list[:at])
	ws.list[0] = w
	return w
}

// precedes says whether a read at lsn goes on with the window's run: what else was journalled may lie between.
func (w *window) precedes(lsn LSN) bool { return w.to <= lsn && lsn-w.to <= w.to-w.from }

// parse returns the record at lsn if all of it is in the window and intact. The caller holds w.mu.
func (ws *Windows) parse(w *window, lsn LSN, buf []byte) (rec Record, ok bool) {
	if lsn < w.from || lsn >= w.to {
		return rec, false
	}
	raw := w.data[lsn-w.from : w.to-w.from]
	h, ok := parseRecordHeader(raw, lsn)
	if !ok || h.kind >= ownKinds || h.salt != w.salt || recordHeaderSize+int(h.length) > len(raw) {
		return rec, false
	}
	body := raw[recordHeaderSize : recordHeaderSize+int(h.length)]
	if checksum(body) != h.bodyCRC {
		return rec, false
	}
	return Record{LSN: lsn, Kind: h.kind, Live: h.flags&flagLive != 0, Body: append(buf[:0], body...)}, true
}

// fill reads the window anew from lsn on. The caller holds w.mu.
func (ws *Windows) fill(w *window, lsn LSN) error {
	s := ws.j.segment(lsn)
	if s == nil {
		return ErrGone
	}
	size := LSN(firstWindow)
	if w.to > 0 && (w.precedes(lsn) || w.from <= lsn && lsn < w.to) {
		size = min(2*LSN(cap(w.data)), lastWindow)
	}
	to := min(lsn+size, s.base+LSN(ws.j.extent(s)), ws.j.Durable()+commitSize) // what lies behind its own addresses may be of old
	if cap(w.data) < int(size) || cap(w.data) > firstWindow && size == firstWindow {
		w.data = make([]byte, size)
	}
	w.data, w.salt = w.data[:to-lsn], s.salt
	err := ws.j.readAt(s, w.data, lsn)
	ws.mu.Lock()
	defer ws.mu.Unlock()
	w.from, w.to = lsn, to
	if err != nil {
		w.from, w.to = 0, 0
	}
	return err
}
