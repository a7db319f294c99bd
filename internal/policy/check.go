package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// checkDefinition says what is wrong with settings; nil if nothing is.
func checkDefinition(d Definition, operator bool) *Problem {
	if len(d) == 0 {
		return &Problem{"no policy provided", `the definition is empty: want a setting at least, as in {"max-length": 1000}`}
	}
	var unknown []string
	for _, key := range sorted(d) {
		s, known := settings[key]
		switch value := d[key]; {
		case !known || operator && !s.operator:
			unknown = append(unknown, key)
		case s.right.is != nil && !s.right.is(value):
			return &Problem{fmt.Sprintf("%s is not a valid %s", Term(value), s.what), fmt.Sprintf("%s is %s: want %s", key, plain(value), s.right.want)}
		}
	}
	if problem := mirroring(d); problem != "" && !operator {
		return &Problem{problem, problem}
	}
	if len(unknown) > 0 {
		return unrecognised(unknown, d, operator)
	}
	return nil
}

// unrecognised is about settings that there are not, or not for operators.
func unrecognised(keys []string, d Definition, operator bool) *Problem {
	terms := make([]string, len(keys))
	for i, key := range keys {
		terms[i] = "{" + Term(key) + "," + Term(d[key]) + "}"
	}
	about := "there is no setting"
	if operator {
		about = "an operator's policy has no setting"
	}
	var have []string
	for key, s := range settings {
		if s.acts && (s.operator || !operator) {
			have = append(have, key)
		}
	}
	slices.Sort(have)
	return &Problem{
		fmt.Sprintf("[%s] are not recognised policy settings", strings.Join(terms, ",")),
		fmt.Sprintf("%s %s: want some of %s", about, strings.Join(keys, ", "), strings.Join(have, ", ")),
	}
}

// mirroring checks the settings for mirrored queues, which hang together.
func mirroring(d Definition) string {
	mode, hasMode := d["ha-mode"]
	if !hasMode {
		for key := range d {
			if strings.HasPrefix(key, "ha-") && settings[key].right.is == nil {
				if _, known := settings[key]; known {
					return "ha-mode must be specified to specify ha-params, ha-sync-mode or ha-promote-on-shutdown"
				}
			}
		}
		return ""
	}
	if problem := mirrors(mode, d); problem != "" {
		return problem
	}
	for _, c := range []struct{ key, one, other string }{
		{"ha-sync-mode", "manual", "automatic"},
		{"ha-promote-on-shutdown", "always", "when-synced"},
		{"ha-promote-on-failure", "always", "when-synced"},
	} {
		if v, ok := d[c.key]; ok && v != c.one && v != c.other {
			return fmt.Sprintf("%s must be \"%s\" or \"%s\", got %s", c.key, c.one, c.other, Term(v))
		}
	}
	if v, ok := d["ha-sync-batch-size"]; ok && !atLeast(1).is(v) {
		return fmt.Sprintf("ha-sync-batch-size takes an integer greater than 0, %s given", Term(v))
	}
	return ""
}

func mirrors(mode any, d Definition) string {
	params, given := d["ha-params"]
	switch mode {
	case "all":
		if given {
			return `ha-mode="all" does not take parameters`
		}
	case "exactly":
		if !atLeast(1).is(params) {
			return fmt.Sprintf(`ha-mode="exactly" takes an integer, %s given`, Term(orNone(params, given)))
		}
	case "nodes":
		list, ok := params.([]any)
		if !ok {
			return fmt.Sprintf(`ha-mode="nodes" takes a list, %s given`, Term(orNone(params, given)))
		}
		if len(list) == 0 {
			return `ha-mode="nodes" list must be non-empty`
		}
		if other := slices.DeleteFunc(slices.Clone(list), isText); len(other) > 0 {
			return fmt.Sprintf(`ha-mode="nodes" takes a list of strings, %s was not a string`, Term(other))
		}
	default:
		return fmt.Sprintf("%s is not a valid ha-mode value", Term(mode))
	}
	return ""
}

func orNone(v any, given bool) any {
	if given {
		return v
	}
	return Atom("none")
}

func sorted(d Definition) []string { return slices.Sorted(maps.Keys(d)) }
