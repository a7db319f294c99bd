package journal

import "fmt"

// unread is a page of a segment that the disk could not read.
type unread struct {
	from, to LSN
	err      error
}

// couldNotRead notes a page, by its offset in the file. A header that cannot be read costs nothing.
func (s *found) couldNotRead(off, n int64, err error) {
	if off >= segmentHeaderSize {
		from := s.base + LSN(off-segmentHeaderSize)
		s.unread = append(s.unread, unread{from, from + LSN(n), err})
	}
}

// unreadBehind returns the first page that could not be read and reaches beyond the journal's end, or nil.
func (s *found) unreadBehind(end LSN) *unread {
	for _, u := range s.unread {
		if u.to > end {
			return &u
		}
	}
	return nil
}

// refuse ends a start of which it is not known where the journal ends, because there the disk cannot be read. What
// is not readable before the end is damage, known by what follows it. What is not readable behind it might be the end of what was
// confirmed; to take it for the torn tail of the last batch would lose that for good, though the disk may be readable tomorrow.
func (r *recovery) refuse() error {
	for _, s := range r.segments {
		if u := s.beyond; u != nil {
			return fmt.Errorf("read segment %s of %s at offset %d: %w: confirmed messages may lie there. See to the disk and start again; "+
				"or give up what cannot be read with: postrider journal repair %s", s.name(), r.fs, s.offset(u.from), u.err, r.fs)
		}
	}
	return nil
}
