package journal

import "time"

// spacing decides whether syncs are spaced, which has fewer of them cover as much. Where publishers go on without their confirms that costs their
// confirms a millisecond, and spares the disk, and whoever shares it or pays for its requests, most of its work. Where all wait for confirms it would
// only slow them down. Nobody says which they are, so it is tried:
//
//	watching ──a window of quick syncs──► spaced ──a window brings as much──► spaced still, for some windows ──► watching
//	    ▲                                   │
//	    └──────── after a while ◄── resting ┘ less came: they wait
//
// It is pure: what it knows of time is what it is told.
type spacing struct {
	spaced bool
	left   int       // windows that are spaced yet, with this one; of the first it is seen whether it helps
	first  bool      // it is that, which ends early where far less comes
	since  time.Time // the beginning of the window; zero before the first sync
	from   uint64    // what had been appended by then
	syncs  int       // in it
	quick  int       // those of them that began soon after the one before
	last   time.Time // the end of the last one
	rate   float64   // of what was appended, a second, when syncs were not spaced
	rest   time.Duration
	again  time.Time // resting until then
}

const (
	spacePeriod  = time.Millisecond       // from the beginning of one sync to that of the next
	spaceQuick   = 200 * time.Microsecond // where most syncs come after longer they are not spaced
	spaceSyncs   = 32                     // nor where a window has fewer
	spaceWindow  = 32 * time.Millisecond
	spaceWindows = 48   // as many in a row are spaced, then it is seen again how much comes without
	spaceEnough  = 0.75 // of what came without: more than publishers make who wait for syncs half as often, and less than chance takes from others
	spaceRest    = 100 * time.Millisecond
	spaceMost    = 64 * spaceRest
)

// next is told of the end of each sync, and how many records were appended by then. It returns whether the next one is to wait until
// spacePeriod after the beginning of this one.
func (s *spacing) next(now time.Time, records uint64) bool {
	if s.syncs++; now.Sub(s.last) < spaceQuick {
		s.quick++
	}
	s.last = now
	if s.since.IsZero() || now.Before(s.again) {
		s.begin(now, records)
		return false
	}
	took := now.Sub(s.since)
	rate := float64(records-s.from) / took.Seconds()
	if took >= spaceWindow || s.first && took >= spaceWindow/4 && rate < spaceEnough/2*s.rate {
		s.judge(now, rate)
		s.begin(now, records)
	}
	return s.spaced
}

func (s *spacing) begin(now time.Time, records uint64) {
	s.since, s.from, s.syncs, s.quick = now, records, 0, 0
}

// judge ends a window in which records were appended at a rate.
func (s *spacing) judge(now time.Time, rate float64) {
	switch {
	case !s.spaced:
		if s.syncs >= spaceSyncs && 4*s.quick > 3*s.syncs {
			s.spaced, s.first, s.left, s.rate = true, true, spaceWindows, rate
		}
	case rate >= spaceEnough*s.rate:
		s.first, s.rest = false, 0
		s.left--
		s.spaced = s.left > 0
	default:
		s.spaced = false
		if s.first {
			s.first = false
			s.rest = min(max(2*s.rest, spaceRest), spaceMost)
			s.again = now.Add(s.rest)
		}
	}
}

// hold is what keeps the writer from the next batch until its time has come. It is guarded by the journal's mu.
type hold struct {
	spacing
	until time.Time // zero: nothing does
	timer *time.Timer
}

// The rest of this file runs with j.mu held, but for letGo.

// space holds the next batch back if syncs are spaced. The last sync has just ended.
func (j *Journal) space(began, ended time.Time) {
	if !j.hold.next(ended, j.records) {
		return
	}
	until := began.Add(spacePeriod)
	left := until.Sub(ended)
	if left <= 0 {
		return
	}
	j.hold.until = until
	if j.hold.timer == nil {
		j.hold.timer = time.AfterFunc(left, j.letGo)
	} else {
		j.hold.timer.Reset(left)
	}
}

// held reports whether the next batch has to wait. The timer may be late, and who comes first sees that it is time.
func (j *Journal) held() bool {
	if j.hold.until.IsZero() {
		return false
	}
	if time.Now().Before(j.hold.until) {
		return true
	}
	j.hold.until = time.Time{}
	return false
}

// letGo has the writer look for what it was kept from.
func (j *Journal) letGo() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.wakeWriter()
}
