package journal

import (
	"fmt"
	"path"
)

const quarantineDir = "quarantine"

// replayAll shows every record to the journal's user, puts what is damaged into quarantine and makes the tail safe. It
// returns where the journal goes on.
func (r *recovery) replayAll() (next LSN, err error) {
	var tail []*tailPiece
	for i, s := range r.segments {
		r.progress(i)
		if s.limit == s.base && s.base >= r.end {
			continue
		}
		piece, err := r.replaySegment(i, s)
		if err != nil {
			return 0, err
		}
		if piece != nil {
			tail = append(tail, piece)
		}
	}
	if err := r.syncQuarantine(); err != nil {
		return 0, err
	}
	if len(tail) == 0 {
		return r.goOn(), nil
	}
	return r.secure(tail)
}

// goOn returns where the journal goes on when nothing in the tail is worth keeping. The commit records there may not be on
// the disk, so they are left behind.
func (r *recovery) goOn() LSN {
	next := r.segments[0].base
	for _, s := range r.segments {
		if s.limit > s.base {
			next = max(s.base, min(r.safe, s.limit))
		}
	}
	return next
}

// replaySegment returns the part of the segment that may not be on the disk although it can be read.
func (r *recovery) replaySegment(i int, s *found) (*tailPiece, error) {
	data := r.load(s)
	if s.gone {
		return nil, nil
	}
	sc := newScanner(data, s.base, s.salt, s.salted)
	r.report.Bytes += int64(len(data))
	if s.badHeader != nil {
		if err := r.damaged(s, 0, s.badHeader, s.base, "the segment's header is damaged"); err != nil {
			return nil, err
		}
	}
	end := s.base
	var holes []hole
	committed := false // by the last record
	gap := false       // since the last commit record
	for sc.next() {
		if r.look != nil {
			r.look.span(s, sc)
		}
		_, committed = sc.commit()
		gap = !committed && (gap || sc.damage != "" && sc.lsn >= r.safe || sc.void())
		end = sc.end()
		if sc.void() {
			r.report.Holes++
		}
		if sc.damage != "" {
			holes = append(holes, hole{sc.lsn, len(sc.raw)})
			if err := r.damaged(s, s.offset(sc.lsn), sc.raw, sc.lsn, sc.damage); err != nil {
				return nil, err
			}
			continue
		}
		if sc.own() {
			continue
		}
		if err := r.record(s, sc, gap); err != nil {
			return nil, err
		}
	}
	s.salt = sc.salt
	s.used = int64(end - s.base)
	if err := r.checkEnd(i, s, data, end, sc.sealed); err != nil {
		return nil, err
	}
	if r.look != nil {
		r.look.ended(s, sc, end)
		return nil, nil
	}
	return r.tailPiece(s, data, end, holes, committed), nil
}

func (r *recovery) record(s *found, sc *scanner, gap bool) error {
	rec := Record{LSN: sc.lsn, Kind: sc.kind, Live: sc.live, Body: sc.body, AfterGap: gap, Holes: r.report.Holes}
	holders := r.j.holders(rec)
	if holders > 0 {
		s.kept += holders
		s.keptBytes += int64(len(sc.raw))
	}
	if sc.lsn >= r.safe {
		s.users = true
		if holders > 0 {
			s.tailKept += holders
			s.tailKeptBytes += int64(len(sc.raw))
		}
	}
	r.report.Records++
	err := r.replay(rec)
	if err == nil || r.look != nil {
		return err
	}
	return fmt.Errorf("segment %s of %s at offset %d: %w", s.name(), r.fs, s.offset(rec.LSN), err)
}

// holders returns how often a replayed record is going to be released.
func (j *Journal) holders(rec Record) uint64 {
	switch {
	case !rec.Live:
		return 0
	case j.cfg.Holders == nil:
		return 1
	}
	return uint64(max(0, j.cfg.Holders(rec)))
}

// checkEnd notices when records are missing between the last one of a segment and the next segment.
func (r *recovery) checkEnd(i int, s *found, data []byte, end LSN, sealed bool) error {
	if i+1 == len(r.segments) || r.segments[i+1].limit == r.segments[i+1].base && r.segments[i+1].base >= r.end {
		return nil
	}
	after := r.segments[i+1].base
	if end == after || sealed && (s.end() == after || s.badHeader != nil) {
		return nil
	}
	if sealed {
		return r.damaged(s, s.offset(end), nil, end, fmt.Sprintf("the segments between this one and %s are missing", segmentName(after)))
	}
	rest := data[end-s.base:]
	return r.damaged(s, s.offset(end), rest[:lastNonZero(rest)], end, "the segment ends without a seal: records are missing")
}

// damaged enters a damaged stretch in the report and copies its bytes into quarantine.
func (r *recovery) damaged(s *found, off int64, raw []byte, lsn LSN, reason string) error {
	d := Damage{Segment: s.name(), Offset: off, Length: int64(len(raw)), LSN: lsn, Synced: lsn < r.safe, Reason: reason}
	if len(raw) > 0 && r.look == nil {
		d.Quarantine = quarantineName(d)
		if err := keepAside(r.fs, d.Quarantine, raw); err != nil {
			return fmt.Errorf("copy what is damaged into %s of %s: %w", d.Quarantine, r.fs, err)
		}
	}
	r.report.Damaged = append(r.report.Damaged, d)
	r.report.Holes++
	return nil
}

func quarantineName(d Damage) string {
	return path.Join(quarantineDir, fmt.Sprintf("%s-%d.bin", d.Segment, d.Offset))
}

func (r *recovery) syncQuarantine() error {
	for _, d := range r.report.Damaged {
		if d.Quarantine != "" {
			return r.fs.SyncDir(quarantineDir)
		}
	}
	return nil
}
