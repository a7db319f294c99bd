package sim

import "slices"

// patience is how many runs Shrink may take.
const patience = 3000

// Shrink leaves out of a failing program what is not needed for it to break the
// same rule: whole runs of steps first, then single ones.
func Shrink(p Program, v Violation) Program {
	left := patience
	fails := func(q Program) bool {
		left--
		res := Execute(q, nil)
		return res.Violation != nil && res.Violation.Rule == v.Rule
	}
	for size := max(1, len(p.Steps)/2); left > 0; {
		removed := false
		for at := 0; at < len(p.Steps) && left > 0; {
			q := p
			q.Steps = slices.Delete(slices.Clone(p.Steps), at, min(at+size, len(p.Steps)))
			if fails(q) {
				p, removed = q, true
			} else {
				at += size
			}
		}
		if size == 1 && !removed {
			break
		}
		if !removed {
			size = max(1, size/2)
		}
	}
	return p
}
