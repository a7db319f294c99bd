package journal

import "time"

// Not every record is waited for. One that says that a message was settled can wait for the next that is: it is written
// and synced together with that one, and costs no sync of its own.
//
//	AppendLater ──► waits ──┬── somebody appends what is due, calls Hasten or Lead, or waits for a record
//	                        └── laterBy has passed ──► written

// laterBy is how long a record waits for company. It bounds how many settlements a crash takes back.
const laterBy = 5 * time.Millisecond

// AppendLater is AppendHeld for a record that nobody waits for: it is written with the next one that is due, or after
// a few milliseconds. Hasten, Lead and Wait make it due.
func (j *Journal) AppendLater(kind Kind, holders int, parts ...[]byte) LSN {
	return j.append(false, kind, holders, parts)
}

// Hasten has everything that was appended written now.
func (j *Journal) Hasten() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.hasten()
}

// Lead is Hasten for a caller who is about to wait for the disk anyway: if the writer rests, the caller writes, syncs and announces
// one batch in its place, OnDurable and all, which saves a switch to another thread. What arrives meanwhile is the
// writer's, like what would go beyond one batch. It returns when the disk has answered, however long that takes. Where syncs are spaced it is only for
// those who have always waited, which lone says; for others, and while it is being tried, it is Hasten.
func (j *Journal) Lead(lone bool) {
	if j.beginLead(lone) {
		j.writeNext()
		j.endLead()
	}
}

func (j *Journal) beginLead(lone bool) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.idle || j.cfg.Manual != nil || j.fill == nil || len(j.fill.buf) == 0 || j.held() && (j.hold.first || !lone) {
		j.hasten()
		return false
	}
	j.due, j.idle, j.leading = true, false, true
	j.hold.until = time.Time{}
	return true
}

func (j *Journal) endLead() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.leading, j.idle = false, true // the writer still waits
	j.wakeWriter()
}

// reminder makes what waits due in the end.
type reminder struct {
	timer *time.Timer
	set   bool
}

// The rest of this file runs with j.mu held, but for remind.

func (j *Journal) hasten() {
	if j.fill != nil && len(j.fill.buf) > 0 {
		j.due = true
		j.wakeWriter()
	}
}

// fillDue reports whether the batch being filled is to be written. By hand each moment is as good as any other.
func (j *Journal) fillDue() bool {
	return len(j.fill.buf) > 0 && (j.closing || j.cfg.Manual != nil || j.due && !j.held())
}

func (j *Journal) remindLater() {
	if j.reminder.set || j.cfg.Manual != nil {
		return
	}
	j.reminder.set = true
	if j.reminder.timer == nil {
		j.reminder.timer = time.AfterFunc(laterBy, j.remind)
	} else {
		j.reminder.timer.Reset(laterBy)
	}
}

func (j *Journal) remind() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.reminder.set = false
	j.hasten()
}
