package journal

import "context"

// Turn is what became of one step of the writer, the preparer or the reclaimer.
type Turn uint8

const (
	Worked Turn = iota // there may be more to do
	Idle               // nothing to do before something else happens
	Stuck              // it cannot go on yet: the disk is full, or what it needs is not durable
	Over               // nothing to do ever again
)

// Manual drives a journal by hand: with Config.Manual set, Open starts no goroutine, and nothing is written, prepared or
// reclaimed but by the methods here. So a simulation chooses the moment of each. One goroutine may call each of the methods at
// a time.
type Manual struct {
	// Yield is called again and again by a Wait or Close that waits. It lets others go on.
	Yield func()
	// Random fills b with what tells this journal from others.
	Random func(b []byte)

	journal *Journal
	over    bool // the writer

	reclaiming bool // the reclaimer was woken and has not come to rest
}

// Write writes, syncs and announces the next batch.
func (m *Manual) Write() Turn {
	t := m.journal.writeNext()
	m.over = t == Over
	return t
}

// Prepare makes the next segment's file, if that was asked for.
func (m *Manual) Prepare() Turn {
	select {
	case <-m.journal.wakePreparer:
	default:
		return Idle
	}
	t := m.journal.prepareNext()
	if t == Stuck {
		m.journal.poke(m.journal.wakePreparer)
	}
	return t
}

// Reclaim does one step towards giving disk space back, once the reclaimer was woken.
func (m *Manual) Reclaim() Turn {
	j := m.journal
	select {
	case <-j.stop.Done():
		return Over
	case <-j.wakeReclaimer:
		m.reclaiming = true
	default:
	}
	if !m.reclaiming {
		return Idle
	}
	t := j.reclaimer.next()
	m.reclaiming = t != Idle
	return t
}

// finish waits until the writer has ended.
func (m *Manual) finish() {
	for !m.over {
		m.Yield()
	}
}

// wait is awaitChange, by the hand that drives. A change comes before an end, so that a seed stays one run.
func (m *Manual) wait(ctx context.Context, changed <-chan struct{}) error {
	for {
		select {
		case <-changed:
			return nil
		default:
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		m.Yield()
	}
}
