package queue

// The two levels of priority of Config.TwoLevels are two lanes, but their
// positions are not mixed: those of the normal level are what they are in a
// queue without priorities, those of the high level start at HighLevel. So a
// plain queue's entries are those of a normal level, and a run of positions
// lies within one level.

// HighLevel is below every position of the high level and above all others.
const HighLevel uint64 = 1 << 62

const (
	normal = 0 // also the lanes' indexes
	high   = 1

	highestNormal = 4 // priority
	highInARow    = 2 // before it is the normal level's turn
)

func newLevels[M any](t *tally[M]) *lanes[M] {
	l := &lanes[M]{levels: true, deques: make([]*deque[M], 2), tally: t}
	l.deques[normal] = l.newLane(place{stride: 1, index: normal})
	l.deques[high] = l.newLane(place{stride: 1, base: HighLevel, index: high})
	return l
}

// level returns the deque of a priority.
func (l *lanes[M]) level(priority uint8) *deque[M] {
	if priority > highestNormal {
		return l.deques[high]
	}
	return l.deques[normal]
}

// findLevel returns the deque of a position's level and its number there.
func (l *lanes[M]) findLevel(pos uint64) (*deque[M], uint64) {
	if pos >= HighLevel {
		return l.deques[high], pos - HighLevel
	}
	return l.deques[normal], pos
}

// nextLevel returns the level whose turn it is, of those in which anything is ready.
func (l *lanes[M]) nextLevel() *deque[M] {
	h, n := l.deques[high], l.deques[normal]
	if h.ready == 0 || n.ready > 0 && l.inARow == highInARow {
		return n
	}
	return h
}

// left notes that the first ready entry of the queue has left, which was in d.
func (l *lanes[M]) left(d *deque[M]) {
	if l.levels && d.lane.index == high && l.deques[normal].ready > 0 {
		l.inARow++
		return
	}
	l.inARow = 0
}

// FirstBeside returns the position of the first ready entry of pos's level, or
// of the whole queue if that has no levels; ok is false if there is none.
func (q *Queue[M]) FirstBeside(pos uint64) (first uint64, ok bool) {
	if !q.cfg.TwoLevels {
		return q.First()
	}
	d, _ := q.lanes.findLevel(pos)
	if d.ready == 0 {
		return 0, false
	}
	return d.firstPosition(), true
}
