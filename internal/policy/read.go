package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Read makes a policy of what JSON says of it: pattern, definition, priority
// and, if it is not for all, apply-to. If there are problems, in RabbitMQ's
// order, there is no policy.
func Read(name string, term map[string]any, operator bool, compile func(string) (Matcher, error)) (p *Policy, names Matcher, problems []Problem) {
	r := reader{term: term, policy: &Policy{Name: name, ApplyTo: "all"}}
	r.others()
	r.definition(operator)
	r.applyTo()
	names = r.pattern(compile)
	r.priority()
	return r.policy, names, r.problems
}

// Term is the policy as JSON says it: what Read reads.
func (p *Policy) Term() map[string]any {
	return map[string]any{"pattern": p.Pattern, "definition": p.Definition, "priority": p.Priority, "apply-to": p.ApplyTo}
}

// reader takes the terms of a policy one by one.
type reader struct {
	term     map[string]any
	policy   *Policy
	problems []Problem
}

func (r *reader) say(term, plain string) {
	r.problems = append(r.problems, Problem{term, plain})
}

// must returns a term that has to be there.
func (r *reader) must(key string) (any, bool) {
	v, ok := r.term[key]
	if !ok {
		r.say(fmt.Sprintf("Key \"%s\" not found in %s", key, r.policy.Name), "there is no "+key)
	}
	return v, ok
}

// others finds what a policy does not have.
func (r *reader) others() {
	var list, names []string
	for _, key := range sorted(r.term) {
		switch key {
		case "pattern", "definition", "priority", "apply-to":
		default:
			list = append(list, "{"+Term(key)+","+Term(r.term[key])+"}")
			names = append(names, key)
		}
	}
	if len(list) > 0 {
		r.say(fmt.Sprintf("Unrecognised terms [%s] in %s", strings.Join(list, ","), r.policy.Name),
			"a policy has no "+strings.Join(names, ", ")+": want pattern, definition, priority and apply-to")
	}
}

func (r *reader) definition(operator bool) {
	v, given := r.must("definition")
	d, ok := v.(Definition)
	switch {
	case !given:
	case !ok:
		r.say("definition must be a dictionary: "+Term(v), `the definition is `+plain(v)+`: want an object, as in {"max-length": 1000}`)
	default:
		r.policy.Definition = d
		if problem := checkDefinition(d, operator); problem != nil {
			r.problems = append(r.problems, *problem)
		}
	}
}

func (r *reader) applyTo() {
	to, given := r.term["apply-to"]
	if !given {
		return
	}
	r.policy.ApplyTo, _ = to.(string)
	if _, ok := applies[r.policy.ApplyTo]; !ok {
		r.say(fmt.Sprintf("apply-to '%v' unrecognised; should be one of: 'queues', 'classic_queues', 'quorum_queues', "+
			"'streams', 'exchanges', or 'all'", to),
			fmt.Sprintf("apply-to is %s: want one of %s", plain(to), strings.Join(slices.Sorted(maps.Keys(applies)), ", ")))
	}
}

func (r *reader) pattern(compile func(string) (Matcher, error)) Matcher {
	v, given := r.must("pattern")
	text, ok := v.(string)
	switch {
	case !given:
		return nil
	case !ok:
		r.say("pattern should be a binary but was "+Term(v), "the pattern is "+plain(v)+": want a text")
		return nil
	}
	r.policy.Pattern = text
	names, err := compile(text)
	if err != nil {
		r.say("pattern should be regular expression but is invalid: "+termOf(err), fmt.Sprintf("the pattern %s is no regular expression: %v", plain(text), err))
	}
	return names
}

func (r *reader) priority() {
	v, given := r.must("priority")
	n, ok := v.(int64)
	if given && !ok {
		r.say("priority should be a number, actually was "+Term(v), "priority is "+plain(v)+": want a whole number")
	}
	r.policy.Priority = n
}
