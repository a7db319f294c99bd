package differential

import (
	"encoding/json"
	"testing"
)

// Of two policies with one priority RabbitMQ takes either, so no program has two at a time.
func TestNoTwoPoliciesHaveOnePriority(t *testing.T) {
	set := 0
	for seed := range uint64(3000) {
		priorities := map[Policy]int{}
		for _, s := range Generate(seed, 32) {
			p := s.Policy
			if p == nil {
				continue
			}
			who := Policy{Operator: p.Operator, Name: p.Name}
			delete(priorities, who)
			var term struct{ Priority int }
			if p.Definition == "" || json.Unmarshal([]byte(p.Definition), &term) != nil { // or it is refused
				continue
			}
			for other, priority := range priorities {
				if other.Operator == p.Operator && priority == term.Priority {
					t.Fatalf("seed %d: %s has the priority of %s", seed, p, &other)
				}
			}
			priorities[who] = term.Priority
			set++
		}
	}
	if set < 1000 {
		t.Errorf("only %d policies were set", set)
	}
}
