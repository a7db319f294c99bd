package queue

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite the expectations in testdata")

// TestScripts plays the stories in testdata. A line at the margin is an event;
// the indented lines below it are what it led to. Messages are words, and
// stand for their position. The commands are the methods of script.
//
//	go test ./internal/queue -run Scripts -update
//
// rewrites what follows from the events; read the difference before you keep it.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) { playFile(t, file) })
	}
}

func playFile(t *testing.T, file string) {
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	got := play(string(want))
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got == string(want) {
		return
	}
	gotLines, wantLines := strings.Split(got, "\n"), strings.Split(string(want), "\n")
	for i := range min(len(gotLines), len(wantLines)) {
		if gotLines[i] != wantLines[i] {
			t.Fatalf("%s:%d: got\n%s\nwant\n%s", file, i+1, gotLines[i], wantLines[i])
		}
	}
	t.Fatalf("%s: got %d lines, want %d", file, len(gotLines), len(wantLines))
}

// play returns the script with its expectations replaced by what happened.
func play(text string) string {
	s := newScript(Config{})
	var out strings.Builder
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(line, "    ") {
			continue
		}
		fmt.Fprintln(&out, line)
		if event, _, _ := strings.Cut(line, "#"); strings.TrimSpace(event) != "" {
			s.play(strings.Fields(event))
		}
		for _, l := range s.lines {
			fmt.Fprintln(&out, "    "+l)
		}
		s.lines = nil
	}
	return out.String()
}

// script is a queue with names for its positions, and a clock.
type script struct {
	q     *Queue[string]
	now   Time
	pos   map[string]uint64
	lines []string
}

func newScript(cfg Config) *script {
	return &script{q: New[string](0, cfg), pos: make(map[string]uint64)}
}

func (s *script) play(words []string) {
	args := words[1:]
	switch words[0] {
	case "queue": // [auto-delete] [expires=10s]: start anew
		*s = *newScript(Config{AutoDelete: slices.Contains(args, "auto-delete"), Expires: Time(duration(option(args, "expires")))})
	case "reserve":
		each(args, func(m string) { s.reserve(m) })
	case "push":
		each(args, s.push)
	case "skip":
		each(args, func(m string) { s.q.Skip(s.pos[m]) })
	case "restore": // message at=position [redelivered] [deliveries=n]
		s.pos[args[0]] = uint64(number(option(args, "at")))
		s.q.Restore(s.pos[args[0]], args[0], slices.Contains(args, "redelivered"), uint32(number(option(args, "deliveries"))))
	case "reserve-from": // position
		s.q.ReserveFrom(uint64(number(args[0])))
	case "where": // messages
		each(args, func(m string) { s.say("%s is at %d", m, s.pos[m]) })
	case "attach": // id [prefetch=n] [priority=n] [no-ack] [exclusive]
		s.attach(args)
	case "detach":
		s.effects(s.q.Detach(s.now, id(args[0])))
	case "pause":
		s.q.Pause(id(args[0]))
	case "resume":
		s.effects(s.q.Resume(s.now, id(args[0])))
	case "ack":
		each(args, s.ack)
	case "reject":
		each(args, func(m string) { s.effects(s.q.Reject(s.now, s.pos[m], false)) })
	case "requeue":
		s.effects(s.q.Requeue(s.now, s.positions(args)...))
	case "get": // [no-ack]
		s.get(slices.Contains(args, "no-ack"))
	case "purge":
		n := s.q.Purge(func(e Entry[string]) { s.say("purged %s", describe(e)) })
		s.say("%d purged", n)
	case "touch":
		s.q.Touch(s.now)
	case "advance": // 10s
		s.now += Time(duration(args[0]))
		s.effects(s.q.Advance(s.now))
	case "deadline":
		s.deadline()
	case "show":
		s.show()
	default:
		s.say("unknown command")
	}
}

func (s *script) reserve(m string) uint64 {
	s.pos[m] = s.q.Reserve()
	return s.pos[m]
}

func (s *script) push(m string) {
	pos, ok := s.pos[m]
	if !ok {
		pos = s.reserve(m)
	}
	s.effects(s.q.Push(s.now, pos, m))
}

func (s *script) attach(args []string) {
	fx, err := s.q.Attach(s.now, Consumer{
		ID:        id(args[0]),
		Prefetch:  uint16(number(option(args, "prefetch"))),
		Priority:  int32(number(option(args, "priority"))),
		NoAck:     slices.Contains(args, "no-ack"),
		Exclusive: slices.Contains(args, "exclusive"),
	})
	switch {
	case errors.Is(err, ErrExclusive), errors.Is(err, ErrAttached):
		s.say("%v", err)
	default:
		s.effects(fx)
	}
}

func (s *script) ack(m string) {
	got, ok, fx := s.q.Settle(s.now, s.pos[m])
	switch {
	case !ok:
		s.say("%s is not out", m)
	case got != m:
		s.say("settled %s instead of %s", got, m)
	}
	s.effects(fx)
}

func (s *script) get(noAck bool) {
	if e, ok := s.q.Get(s.now, noAck); ok {
		s.say("got %s", describe(e))
	} else {
		s.say("empty")
	}
}

func (s *script) deadline() {
	if t, ok := s.q.Deadline(); ok {
		s.say("in %v", time.Duration(t-s.now))
	} else {
		s.say("none")
	}
}

func (s *script) show() {
	names := map[State]string{Ready: "ready", Out: "out"}
	for e, state := range s.q.All() {
		s.say("%s: %s", names[state], describe(e))
	}
	s.say("%d ready, %d out, %d consumers", s.q.Len(), s.q.Unacked(), s.q.Consumers())
}

func (s *script) effects(fx *Effects[string]) {
	for _, d := range fx.Drop {
		s.say("dropped %s: %s", describe(d.Entry), map[Reason]string{Rejected: "rejected"}[d.Reason])
	}
	for _, d := range fx.Deliver {
		s.say("%d gets %s", d.Consumer, describe(d.Entry))
	}
	if fx.More {
		s.say("more")
	}
	if fx.Deleted != Alive {
		s.say("the queue is deleted: %s", map[Deletion]string{Abandoned: "abandoned", Expired: "expired"}[fx.Deleted])
	}
}

func (s *script) positions(names []string) []uint64 {
	var list []uint64
	each(names, func(m string) { list = append(list, s.pos[m]) })
	return list
}

func (s *script) say(format string, args ...any) {
	s.lines = append(s.lines, fmt.Sprintf(format, args...))
}

func describe(e Entry[string]) string {
	switch {
	case e.Deliveries > 0 && e.Redelivered:
		return fmt.Sprintf("%s (redelivered, %d)", e.Msg, e.Deliveries)
	case e.Redelivered:
		return e.Msg + " (redelivered)"
	default:
		return e.Msg
	}
}

// each calls do for every name; "m1..m40" stands for forty.
func each(names []string, do func(string)) {
	for _, name := range names {
		from, to, isRange := strings.Cut(name, "..")
		if !isRange {
			do(name)
			continue
		}
		for i := number(from[1:]); i <= number(to[1:]); i++ {
			do(from[:1] + strconv.Itoa(i))
		}
	}
}

func option(args []string, key string) string {
	for _, a := range args {
		if k, v, ok := strings.Cut(a, "="); ok && k == key {
			return v
		}
	}
	return ""
}

func id(s string) ConsumerID { return ConsumerID(number(s)) }

func number(s string) int {
	if s == "" {
		return 0
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		panic(err)
	}
	return n
}

func duration(s string) time.Duration {
	if s == "" {
		return 0
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		panic(err)
	}
	return d
}
