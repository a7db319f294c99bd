package journal

import (
	"errors"
	"fmt"
	"path"
	"slices"

	"github.com/postrider-mq/postrider/internal/disk"
)

// Mend is one thing that Repair did, or would do.
type Mend struct {
	Segment string
	Offset  int64 // in the segment's file
	Length  int64
	Found   string // what is wrong
	Done    string // what was done about it; empty when nothing can be
}

// RepairOptions say how to repair.
type RepairOptions struct {
	DryRun bool   // only say what would be done
	Backup string // a directory for copies of the files that are changed, relative to the journal's own; must be new
	// Progress is told the bytes looked at and those there are. It may be nil.
	Progress func(done, total int64)
}

// Repair mends a journal's directory: afterwards Inspect finds no damage but what cannot be mended, which it returns too.
//
// A segment with damage is written anew, under a temporary name that then takes the old one's place: its header from what the
// name, the records and the other segments tell, each stretch that cannot be read as one void record, and zeros after the journal's
// end. Before that, the old file is copied to Backup, and what cannot be read to quarantine. So a crash meanwhile
// leaves the old file or the new one, and Repair can run again.
//
// An open journal is refused with a *disk.LockedError; a disk without room for the copies with disk.ErrNoSpace, before anything is changed.
func Repair(dir disk.FS, o RepairOptions) ([]Mend, error) {
	lock, err := dir.Lock(lockName)
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	p := &repair{recovery: lookAt(dir, nil), o: o}
	defer p.close()
	if err := p.run(); err != nil {
		return p.mends, fmt.Errorf("repair %s: %w", dir, err)
	}
	return p.mends, nil
}

// repair is the work of Repair: a recovery that changes nothing tells what is wrong, and then that is mended.
type repair struct {
	*recovery
	o         RepairOptions
	strangers []*found // segments of another journal
	changes   []change
	mends     []Mend
}

// change is a segment that has to be written anew, or to go.
type change struct {
	s        *found
	holes    []hole // to be marked as lost
	replaced int64  // bytes behind what is its own, which the next segment took the place of and that goes
	goes     bool   // nothing in it counts
}

func (p *repair) run() error {
	p.look.strangers = true
	if err := p.list(); err != nil {
		return err
	}
	if len(p.segments) == 0 {
		return ErrNoJournal
	}
	p.takeStrangers()
	if err := p.inspect(p.o.Progress); err != nil {
		return err
	}
	p.plan()
	if !p.o.DryRun {
		if err := p.haveRoom(); err != nil {
			return err
		}
	}
	p.tell()
	if p.o.DryRun || len(p.changes)+len(p.strangers) == 0 {
		return nil
	}
	return p.perform()
}

func (p *repair) close() {
	p.recovery.close()
	for _, s := range p.strangers {
		_ = s.close()
	}
}

// takeStrangers takes out the segments of another journal: of two journals in one directory the one with more segments stays.
func (p *repair) takeStrangers() {
	count := map[[16]byte]int{}
	for _, s := range p.segments {
		if s.badHeader == nil {
			count[s.id]++
		}
	}
	for id, n := range count {
		if most := count[p.j.id]; n > most || n == most && string(id[:]) > string(p.j.id[:]) {
			p.j.id = id
		}
	}
	var own []*found
	for _, s := range p.segments {
		if s.badHeader == nil && s.id != p.j.id {
			p.strangers = append(p.strangers, s)
		} else {
			own = append(own, s)
		}
	}
	p.segments = own
	p.setLimits()
}

// plan finds which segments have to change.
func (p *repair) plan() {
	for i, s := range p.segments {
		gone := s.dropped > 0 || s.beyond != nil
		c := change{s: s, holes: p.holes(s), goes: gone && s.limit == s.base}
		if c.goes && i > 0 {
			p.uncover(p.segments[i-1])
		}
		if gone || s.badHeader != nil && s.base < p.end || len(c.holes) > 0 {
			p.changes = append(p.changes, c)
		}
	}
}

// uncover sees to what lies in s behind the base of the next segment, which goes: it was replaced once, and is not to count again.
func (p *repair) uncover(s *found) {
	b := make([]byte, max(0, min(s.size, s.offset(s.end()))-s.offset(s.limit)))
	p.readAll(s, b, s.offset(s.limit))
	n := int64(lastNonZero(b))
	last := len(p.changes) - 1
	switch {
	case n == 0 || s.dropped > 0 || s.beyond != nil: // it is seen to anyway
	case last >= 0 && p.changes[last].s == s:
		p.changes[last].replaced = n
	default:
		p.changes = append(p.changes, change{s: s, replaced: n})
	}
}

// holes returns what is lost of a segment and can be marked as such, joined where one stretch follows the other. That whole
// segments are missing cannot be marked.
func (p *repair) holes(s *found) (holes []hole) {
	for _, d := range p.report.Damaged {
		if d.Segment != s.name() || d.Offset < segmentHeaderSize {
			continue
		}
		h := hole{d.LSN, p.lost(s, d)}
		if n := len(holes); n > 0 && holes[n-1].end() == h.lsn {
			holes[n-1].length += h.length
		} else {
			holes = append(holes, h)
		}
	}
	for i := range holes { // a file that was cut off may end anywhere
		holes[i].length = (holes[i].length + 7) &^ 7
	}
	return slices.DeleteFunc(holes, func(h hole) bool { return h.length < recordHeaderSize || h.length > MaxBody })
}

// lost returns how many bytes of addresses are lost: those of d, or all up to the next segment where the rest is missing.
func (p *repair) lost(s *found, d Damage) int {
	if d.LSN != s.base+LSN(p.look.contents[s].Used) {
		return int(d.Length)
	}
	i := slices.Index(p.segments, s) + 1
	if i == len(p.segments) {
		return 0
	}
	next := p.segments[i].base
	if next > s.end() && s.badHeader == nil {
		return 0
	}
	return int(next - d.LSN)
}

// canMend reports whether d is the header or in a hole. Where whole segments are missing, the hole before, which ends at a multiple of eight, may reach over d.
func (p *repair) canMend(s *found, d Damage) bool {
	return d.Offset < segmentHeaderSize ||
		p.lost(s, d) > 0 && slices.ContainsFunc(p.holes(s), func(h hole) bool { return h.lsn <= d.LSN && d.LSN < h.end() })
}

// tell puts into words what will be done, or would be.
func (p *repair) tell() {
	for _, s := range p.strangers {
		p.mends = append(p.mends, Mend{s.name(), 0, s.size, "the segment belongs to another journal", "moved to " + p.o.Backup})
	}
	for _, d := range p.report.Damaged {
		if !slices.ContainsFunc(p.segments, func(s *found) bool { return s.name() == d.Segment }) {
			p.mends = append(p.mends, Mend{Segment: d.Segment, Found: d.Reason})
		}
	}
	for _, s := range p.segments {
		for _, d := range p.report.Damaged {
			if d.Segment != s.name() {
				continue
			}
			m := Mend{Segment: d.Segment, Offset: d.Offset, Length: d.Length, Found: d.Reason}
			switch {
			case !p.canMend(s, d):
			case d.Offset < segmentHeaderSize:
				m.Done = "written anew from the segment's name, its records and the other segments"
			case d.Length == 0:
				m.Done = "marked as lost"
			default:
				m.Done = "marked as lost; its bytes are in " + quarantineName(d)
			}
			p.mends = append(p.mends, m)
		}
		if s.dropped > 0 {
			m := Mend{s.name(), s.offset(s.limit), s.dropped, "a batch that was being written and was never confirmed", "zeroed"}
			if s.limit == s.base {
				m.Done = "moved to " + p.o.Backup + " with the segment, which holds nothing else"
			}
			p.mends = append(p.mends, m)
		}
		if i := slices.IndexFunc(p.changes, func(c change) bool { return c.s == s }); i >= 0 && p.changes[i].replaced > 0 {
			p.mends = append(p.mends, Mend{s.name(), s.offset(s.limit), p.changes[i].replaced, "what the next segment once took the place of, which goes now", "zeroed"})
		}
		if u := s.beyond; u != nil {
			p.mends = append(p.mends, Mend{s.name(), s.offset(u.from), int64(u.to - u.from), "the disk cannot read what may be the journal's end", "given up"})
		}
	}
}

// haveRoom refuses to begin what the disk has no room for.
func (p *repair) haveRoom() error {
	var need, largest int64
	for _, s := range p.leaving() {
		need += s.size
		largest = max(largest, s.size)
	}
	if free, err := p.fs.Free(); err == nil && free < need+largest {
		return fmt.Errorf("%w: copies of what has to be changed need %d bytes, and %d are free", disk.ErrNoSpace, need+largest, free)
	}
	return nil
}

// leaving returns the segments whose files will be changed or removed.
func (p *repair) leaving() []*found {
	all := slices.Clone(p.strangers)
	for _, c := range p.changes {
		all = append(all, c.s)
	}
	return all
}

func (p *repair) perform() error {
	if err := dropCheckpoint(p.fs); err != nil { // the next start has to see what was mended
		return err
	}
	for _, s := range p.leaving() {
		if err := p.backUp(s); err != nil {
			return err
		}
	}
	if err := errors.Join(p.fs.SyncDir(p.o.Backup), p.fs.SyncDir(".")); err != nil {
		return err
	}
	gone := slices.Clone(p.strangers)
	for _, c := range p.changes {
		if c.goes {
			gone = append(gone, c.s)
		} else if err := p.writeAnew(c); err != nil {
			return err
		}
	}
	var err error
	for _, s := range gone {
		err = errors.Join(err, s.close(), p.fs.Remove(s.name()))
	}
	return errors.Join(err, p.fs.SyncDir("."))
}

// backUp copies a segment's file, as far as it can be read.
func (p *repair) backUp(s *found) error {
	name := path.Join(p.o.Backup, s.name())
	b := make([]byte, s.size)
	p.readAll(s, b, 0)
	if err := keepAside(p.fs, name, b); err != nil {
		return fmt.Errorf("copy segment %s to %s: %w", s.name(), name, err)
	}
	return nil
}

// writeAnew puts a mended file in the place of a segment's.
func (p *repair) writeAnew(c change) error {
	s := c.s
	data := slices.Clone(p.load(s))
	salt := p.look.contents[s].Salt
	for _, d := range p.report.Damaged {
		if err := p.keepRaw(s, d, data); err != nil {
			return err
		}
	}
	for _, h := range c.holes {
		from, to := int(h.lsn-s.base), int(h.end()-s.base)
		data = append(data, make([]byte, max(0, to-len(data)))...)
		putVoid(data[from:to], h.lsn, salt)
	}
	h := segmentHeader{id: p.j.id, salt: salt, base: s.base, capacity: max(s.capacity, int64(len(data)))}
	if i := slices.Index(p.segments, s) + 1; s.badHeader != nil && p.look.contents[s].Sealed && i < len(p.segments) {
		h.capacity = int64(p.segments[i].base - s.base) // its file may have been cut off behind the seal
	}
	if err := s.close(); err != nil {
		return err
	}
	file, _, err := makeFile(p.fs, h, data, max(s.size, segmentHeaderSize+int64(len(data))))
	if err != nil {
		return err
	}
	return file.Close()
}

// keepRaw puts what cannot be read into quarantine.
func (p *repair) keepRaw(s *found, d Damage, data []byte) error {
	if d.Segment != s.name() {
		return nil
	}
	raw := s.badHeader
	if d.Offset >= segmentHeaderSize {
		from := int64(d.LSN - s.base)
		raw = data[from:min(from+d.Length, int64(len(data)))]
	}
	if len(raw) == 0 {
		return nil
	}
	if err := keepAside(p.fs, quarantineName(d), raw); err != nil {
		return fmt.Errorf("copy what is damaged into %s: %w", quarantineName(d), err)
	}
	return p.fs.SyncDir(quarantineDir)
}
