package journal

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/postrider-mq/postrider/internal/disk"
)

// A segment that is no longer needed leaves its file to a later one, which then need not be filled with zeros:
//
//	<base>.seg ──rename, sync directory──► <base>.spare ──write header, sync──► ──rename, sync directory──► <later base>.seg
//	           nothing in it is needed                     nobody reads it                     only now do records come
//
// What lies behind the new records is what is left of its former lives, and none of that can pass for a record. A record lies at its
// address less its segment's base. The lives of a file have bases that grow: a spare becomes a segment only at a higher base than it had, and
// a start keeps a spare only where that was below all segments there are. So at each place of the file the address that belongs there is
// another than in all former lives. Bytes of a body that look like a record of a life to come would have to know its salt as well.
const spareExt = ".spare"

// mostSpares is how many are kept: one for the next segment, and one for when two are given back before one is made.
const mostSpares = 2

// spares are the files kept, the one used last at the end.
type spares struct {
	mu   sync.Mutex
	list []spare
}

// spare is a file, and which segment it was.
type spare struct {
	base     LSN
	capacity int64
}

func (f spare) name() string { return strings.TrimSuffix(segmentName(f.base), SegmentExt) + spareExt }
func (f spare) size() int64  { return segmentHeaderSize + f.capacity }

func parseSpareName(name string) (base LSN, ok bool) {
	digits, ok := strings.CutSuffix(name, spareExt)
	if !ok {
		return 0, false
	}
	return parseSegmentName(digits + SegmentExt)
}

// last returns the spare that was used last, whose pages are the likeliest to be in the system's cache.
func (p *spares) last() (f spare, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.list); n > 0 {
		return p.list[n-1], true
	}
	return spare{}, false
}

// take takes out the last spare of a capacity, or of any where that is 0.
func (p *spares) take(capacity int64) (f spare, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := len(p.list) - 1; i >= 0; i-- {
		if f = p.list[i]; capacity == 0 || f.capacity == capacity {
			p.list = slices.Delete(p.list, i, i+1)
			return f, true
		}
	}
	return spare{}, false
}

func (p *spares) add(f spare) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.list = append(p.list, f)
}

// held returns how many there are, and their bytes.
func (p *spares) held() (n int, bytes int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range p.list {
		bytes += f.size()
	}
	return len(p.list), bytes
}

// canSpare reports whether files of segments of this capacity are worth being used again: not those with which a journal begins, nor
// those made for one large record.
func (j *Journal) canSpare(capacity int64) bool {
	return capacity >= j.cfg.SegmentSize/4 && capacity <= j.cfg.SegmentSize
}

// worthKeeping reports whether the file of a segment that is not needed should be kept for another: it is whole, and there is plenty of room.
func (j *Journal) worthKeeping(s *segment) bool {
	if n, _ := j.spares.held(); n >= mostSpares || !j.canSpare(s.capacity) || j.Full() {
		return false
	}
	f := spare{s.base, s.capacity}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.file == nil {
		return false
	}
	size, err := s.file.Size()
	if err != nil || size != f.size() { // a start has cut off its end
		return false
	}
	free, err := j.fs.Free()
	return err == nil && free/(mostSpares+1) >= j.cfg.SegmentSize
}

// reuse makes the segment of h of a spare file, or returns nil where there is none. A spare that cannot be used is removed.
func (j *Journal) reuse(h segmentHeader) (disk.File, error) {
	former, ok := j.spares.take(h.capacity)
	if !ok {
		return nil, nil
	}
	file, err := takeOver(j.fs, former, h)
	if err == nil || errors.As(err, new(dirSyncError)) {
		return file, err
	}
	j.log.Warn("the file of a former segment cannot be used again; a new one is made", "file", former.name(), "dir", j.fs.String(), "err", err)
	_ = j.fs.Remove(former.name())
	return nil, nil
}

// takeOver gives a spare file a new header, and then its new name. It was synced when it lay under its old one for the last time.
func takeOver(fs disk.FS, former spare, h segmentHeader) (file disk.File, err error) {
	if former.base >= h.base {
		return nil, fmt.Errorf("%s is no older than segment %s", former.name(), segmentName(h.base))
	}
	if file, err = fs.Open(former.name()); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = file.Close()
			file = nil
		}
	}()
	h.former = former.base
	if _, err = file.WriteAt(h.bytes(), 0); err != nil {
		return file, err
	}
	if err = file.Sync(); err != nil {
		return file, err
	}
	if err = fs.Rename(former.name(), segmentName(h.base)); err != nil {
		return file, err
	}
	err = syncNames(fs)
	return file, err
}

// GiveUpSpares gives the room of the files that are kept for later segments to whatever needs it, and says whether there were any.
func (j *Journal) GiveUpSpares() bool {
	some := false
	for {
		f, ok := j.spares.take(0)
		if !ok {
			return some
		}
		if err := j.fs.Remove(f.name()); err != nil {
			j.log.Warn("the file of a former segment cannot be removed", "file", f.name(), "dir", j.fs.String(), "err", err)
			continue
		}
		some = true
	}
}

// adopt keeps the spares that an earlier run has left, and removes those that may not be used: it must be certain
// that no segment will ever lie where they lay. That costs nothing but what they would have saved.
func (r *recovery) adopt(oldest LSN) {
	for _, name := range r.spares {
		n, _ := r.j.spares.held()
		if f, ok := r.spare(name); ok && f.base < oldest && n < mostSpares {
			r.j.spares.add(f)
		} else if err := r.fs.Remove(name); err != nil {
			r.j.log.Warn("the file of a former segment cannot be removed", "file", name, "dir", r.fs.String(), "err", err)
		}
	}
}

// spare looks at a file. It is none unless it was the segment of this journal that its name says to the end, and is whole.
func (r *recovery) spare(name string) (f spare, ok bool) {
	base, ok := parseSpareName(name)
	if !ok {
		return f, false
	}
	file, err := r.fs.Open(name)
	if err != nil {
		return f, false
	}
	defer file.Close()
	b := make([]byte, segmentHeaderSize)
	if n, _ := file.ReadAt(b, 0); n < len(b) {
		return f, false
	}
	h, ok, err := parseSegmentHeader(b)
	size, sizeErr := file.Size()
	f = spare{base, h.capacity}
	return f, errors.Join(err, sizeErr) == nil && ok && h.id == r.j.id && h.base == base && size == f.size() && r.j.canSpare(f.capacity)
}

// giveUpSpares removes what an earlier run has left.
func (r *recovery) giveUpSpares() bool {
	n := len(r.spares)
	r.spares = slices.DeleteFunc(r.spares, func(name string) bool { return r.fs.Remove(name) == nil })
	return len(r.spares) < n || r.j.GiveUpSpares()
}
