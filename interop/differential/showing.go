package differential

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// showing collects what one step showed, by where: a channel's replies, its
// returns, its confirms, the deliveries of one consumer. Within one of these the
// order counts; between them there is none that a broker owes.
type showing struct {
	events   int // ever
	places   map[string][]string
	confirms map[string]map[uint64]string
}

func (s *showing) add(place, line string) {
	if place != "queues" {
		s.events++
	}
	if s.places == nil {
		s.places = map[string][]string{}
	}
	s.places[place] = append(s.places[place], line)
}

// confirmed notes a confirm, whether it comes alone or with others.
func (s *showing) confirmed(ch *channel, tag uint64, multiple bool, how string) {
	s.events++
	if s.confirms == nil {
		s.confirms = map[string]map[uint64]string{}
	}
	if s.confirms[ch.name] == nil {
		s.confirms[ch.name] = map[uint64]string{}
	}
	known := false
	for seq := range ch.unconfirmed {
		if seq == tag || multiple && (seq < tag || tag == 0) {
			known = true
			s.confirms[ch.name][seq] = how
			delete(ch.unconfirmed, seq)
		}
	}
	if !known {
		s.add(ch.name+" confirms", fmt.Sprintf("%s of %d, which is not due", how, tag))
	}
}

// lines empties the showing.
func (s *showing) lines(n *names) (lines []string) {
	for name, confirms := range s.confirms {
		for _, seq := range slices.Sorted(maps.Keys(confirms)) {
			s.add(name+" confirms", fmt.Sprintf("%s %d", confirms[seq], seq))
		}
	}
	for _, place := range slices.Sorted(maps.Keys(s.places)) {
		for _, line := range s.places[place] {
			lines = append(lines, n.normal(place+": "+line))
		}
	}
	s.places, s.confirms = nil, nil
	slices.SortStableFunc(lines, func(a, b string) int { return cmp.Compare(place(a), place(b)) })
	return lines
}

// place is the part of a line within which the order counts: for queues, each.
func place(line string) string {
	if strings.HasPrefix(line, "queues: ") {
		return line
	}
	before, _, _ := strings.Cut(line, ": ")
	return before
}

// names makes the names that a broker invents comparable.
type names struct {
	vhost   string
	invents []string // name, replacement, name, replacement …
	count   map[string]int
}

const replyPrefix = "amq.rabbitmq.reply-to."

var replyName = regexp.MustCompile(regexp.QuoteMeta(replyPrefix) + `[^"' ]+`)

// queueName is a name of a queue that was never declared, for something was wrong with it.
var queueName = regexp.MustCompile(`amq\.gen-[A-Za-z0-9_-]{22}`)

// learn takes note of a name, if it has the prefix of invented ones.
func (n *names) learn(name, prefix, kind string) {
	if !strings.HasPrefix(name, prefix) || slices.Contains(n.invents, name) {
		return
	}
	if n.count == nil {
		n.count = map[string]int{}
	}
	n.count[kind]++
	n.invents = append(n.invents, name, fmt.Sprintf("<%s %d>", kind, n.count[kind]))
}

func (n *names) normal(text string) string {
	text = strings.ReplaceAll(text, "vhost '"+n.vhost+"'", "vhost '/'")
	text = replyName.ReplaceAllString(text, replyPrefix+"…")
	text = strings.NewReplacer(n.invents...).Replace(text)
	return queueName.ReplaceAllString(text, "<gen>")
}
