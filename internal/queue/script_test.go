package queue

import (
	"errors"
	"flag"
	"fmt"
	"math"
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
	bytes map[string]int
	lines []string
}

func newScript(cfg Config) *script {
	const start = Time(1000 * time.Hour)
	s := &script{q: New[string](start, cfg), now: start, pos: make(map[string]uint64), bytes: make(map[string]int)}
	if _, ok := cfg.MaxBytes.Value(); ok {
		s.q.MeasureBy(func(m string) int { return s.bytes[m] })
	}
	return s
}

// config understands [auto-delete] [expires=10s] [ttl=10s] [max-length=n] [max-bytes=n]
// [reject-publish] [reject-publish-dlx] [delivery-limit=n] [max-priority=n] [single-active] [take-over].
func config(args []string) Config {
	cfg := Config{
		AutoDelete:    slices.Contains(args, "auto-delete"),
		Expires:       Time(duration(option(args, "expires"))),
		TTL:           span(option(args, "ttl")),
		MaxLength:     bound(option(args, "max-length")),
		MaxBytes:      bound(option(args, "max-bytes")),
		DeliveryLimit: bound(option(args, "delivery-limit")),
		MaxPriority:   uint8(number(option(args, "max-priority"))),
		SingleActive:  slices.Contains(args, "single-active"),
		TakeOver:      slices.Contains(args, "take-over"),
	}
	switch {
	case slices.Contains(args, "reject-publish"):
		cfg.Overflow = RejectPublish
	case slices.Contains(args, "reject-publish-dlx"):
		cfg.Overflow = RejectPublishDeadLetter
	}
	return cfg
}

func (s *script) play(words []string) {
	args := words[1:]
	switch words[0] {
	case "queue": // start anew, see config
		*s = *newScript(config(args))
	case "configure": // see config
		s.effects(s.q.Configure(s.now, config(args)))
	case "reserve": // messages [priority=n]
		each(args, func(m string) { s.reserve(m, args) })
	case "push": // messages [priority=n] [ttl=10s] [bytes=n]
		each(args, func(m string) { s.push(m, args) })
	case "skip":
		each(args, func(m string) { s.q.Skip(s.pos[m]) })
	case "restore": // message at=position [redelivered] [deliveries=n] [expires=10s]
		s.restore(args[0], args)
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
	case "return":
		s.effects(s.q.Return(s.now, s.positions(args)...))
	case "take-back":
		each(args, func(m string) { s.q.TakeBack(s.pos[m]) })
	case "active":
		s.active()
	case "get": // [no-ack]
		s.get(slices.Contains(args, "no-ack"))
	case "purge":
		n := s.q.Purge(math.MaxInt, func(e Entry[string]) { s.say("purged %s", describe(e)) })
		s.say("%d purged", n)
	case "touch":
		s.q.Touch(s.now)
	case "advance": // 10s
		s.now += Time(duration(args[0]))
		s.effects(s.q.Advance(s.now))
	case "sleep": // 10s: time that the queue is not told of
		s.now += Time(duration(args[0]))
	case "deadline":
		s.deadline()
	case "show":
		s.show()
	default:
		s.say("unknown command")
	}
}

func (s *script) reserve(m string, args []string) uint64 {
	s.pos[m] = s.q.ReserveIn(uint8(number(option(args, "priority"))))
	return s.pos[m]
}

// push asks, reserves if that was not done, and pushes.
func (s *script) push(m string, args []string) {
	s.bytes[m] = number(option(args, "bytes"))
	pos, reserved := s.pos[m]
	if !reserved {
		if answer := s.q.Admit(s.bytes[m]); answer != Admitted {
			s.say("%s is refused%s", m, map[Admission]string{RefusedToDeadLetter: ", and dead-lettered"}[answer])
			return
		}
		pos = s.reserve(m, args)
	}
	s.effects(s.q.PushWith(s.now, pos, m, span(option(args, "ttl"))))
}

func (s *script) restore(m string, args []string) {
	s.pos[m] = uint64(number(option(args, "at")))
	redelivered, deliveries := slices.Contains(args, "redelivered"), uint32(number(option(args, "deliveries")))
	var expiry Time
	if in := option(args, "expires"); in != "" {
		expiry = s.now + Time(duration(in))
	}
	s.q.RestoreWith(s.pos[m], m, redelivered, deliveries, expiry)
}

func (s *script) active() {
	if id, ok := s.q.Active(); ok {
		s.say("%d is active", id)
	} else {
		s.say("nobody")
	}
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
		s.say("dropped %s: %s", describe(d.Entry), d.Reason)
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

// each calls do for every name that is not an option; "m1..m40" stands for forty.
func each(names []string, do func(string)) {
	for _, name := range names {
		if strings.Contains(name, "=") {
			continue
		}
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

func bound(s string) Bound {
	if s == "" {
		return Bound{}
	}
	return AtMost(int64(number(s)))
}

func span(s string) Bound {
	if s == "" {
		return Bound{}
	}
	return AtMost(int64(duration(s)))
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
