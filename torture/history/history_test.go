package history

import (
	"bytes"
	"strings"
	"testing"
)

// The queues and publishers of these stories.
const (
	plain, work, grave, bounded, overflow, live, strict = 0, 1, 2, 3, 4, 5, 6

	toPlain, toWork, toBounded, toLive, toStrict = 0, 1, 2, 3, 4
)

func story(t *testing.T) (*History, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	return New([]Queue{
		{Name: "plain", DeadLetters: None},
		{Name: "work", DeadLetters: grave},
		{Name: "grave", DeadLetters: None},
		{Name: "bounded", DeadLetters: overflow, Dies: []string{"maxlen"}},
		{Name: "overflow", DeadLetters: None},
		{Name: "live", DeadLetters: None, NoAck: true},
		{Name: "strict", DeadLetters: None, Strict: true},
	}, []Publisher{
		{Name: "plain", Queues: []int{plain}},
		{Name: "work", Queues: []int{work}},
		{Name: "bounded", Queues: []int{bounded}},
		{Name: "live", Queues: []int{live}},
		{Name: "strict", Queues: []int{strict}},
	}, &log), &log
}

func (h *History) confirm(publisher int) ID {
	id := h.Publishing(publisher)
	h.Confirmed(id)
	return id
}

func (s *Session) get(id ID)   { s.Delivered(Delivery{ID: id, Intact: true}) }
func (s *Session) again(id ID) { s.Delivered(Delivery{ID: id, Intact: true, Redelivered: true}) }
func (s *Session) dead(id ID, how, where string) {
	s.Delivered(Delivery{ID: id, Intact: true, Death: how, DiedIn: where})
}

// Each story ends with what the judge has to say of it: nothing, or one violation.
var stories = []struct {
	name string
	tell func(h *History)
	want string
}{
	{"all is well", func(h *History) {
		id := h.confirm(toPlain)
		s := h.Session(plain, "s")
		s.get(id)
		s.Settling(id, Requeue)
		s.again(id)
		s.Settling(id, Ack)
		s.Durable(id, Ack)
	}, ""},
	{"a confirmed message that never came", func(h *History) { h.confirm(toPlain) }, "lost"},
	{"a message that came and was not settled is not safe", func(h *History) {
		h.Session(plain, "s").get(h.confirm(toPlain))
	}, "lost"},
	{"a message without confirm may be gone", func(h *History) { h.Publishing(toPlain) }, ""},
	{"a message without confirm may come", func(h *History) {
		id := h.Publishing(toPlain)
		s := h.Session(plain, "s")
		s.get(id)
		s.Settling(id, Ack)
	}, ""},
	{"nobody published it", func(h *History) { h.Session(plain, "s").get(ID{toPlain, 7}) }, "unexpected"},
	{"no such publisher", func(h *History) { h.Session(plain, "s").get(ID{99, 1}) }, "unexpected"},
	{"another queue's", func(h *History) {
		id := h.confirm(toPlain)
		h.Session(plain, "s").Settling(id, Ack)
		h.Session(work, "s").get(id)
	}, "unexpected"},
	{"refused and yet delivered", func(h *History) {
		id := h.Publishing(toPlain)
		h.Refused(id)
		h.Session(plain, "s").get(id)
	}, "unexpected"},
	{"delivered and then refused", func(h *History) {
		id := h.Publishing(toPlain)
		h.Session(plain, "s").get(id)
		h.Refused(id)
	}, "unexpected"},
	{"altered", func(h *History) {
		id := h.Publishing(toPlain)
		h.Session(plain, "s").Delivered(Delivery{ID: id})
	}, "altered"},
	{"twice and not marked", func(h *History) {
		id := h.Publishing(toPlain)
		h.Session(plain, "s").get(id)
		h.Session(plain, "t").get(id)
	}, "unflagged"},
	{"marked first and not marked then", func(h *History) {
		id := h.Publishing(toPlain)
		h.Session(plain, "s").again(id)
		h.Session(plain, "t").get(id)
	}, "unflagged"},
	{"the same when they may have come in another order", func(h *History) {
		id := h.Publishing(toPlain)
		h.Ending()
		h.Session(plain, "s").again(id)
		h.Session(plain, "t").get(id)
	}, ""},
	{"overtaken", func(h *History) {
		first, second := h.Publishing(toPlain), h.Publishing(toPlain)
		s := h.Session(plain, "s")
		s.get(second)
		s.get(first)
	}, "order"},
	{"what comes again may be out of order", func(h *History) {
		first, second := h.Publishing(toPlain), h.Publishing(toPlain)
		s := h.Session(plain, "s")
		s.get(second)
		s.again(first)
	}, ""},
	{"but not where nothing was ever returned", func(h *History) {
		first, second := h.Publishing(toStrict), h.Publishing(toStrict)
		s := h.Session(strict, "s")
		s.again(second)
		s.again(first)
	}, "order"},
	{"settled for good and back", func(h *History) {
		id := h.confirm(toPlain)
		s := h.Session(plain, "s")
		s.get(id)
		s.Settling(id, Ack)
		s.Durable(id, Ack)
		h.NextLife("killed")
		h.Session(plain, "t").again(id)
	}, "back"},
	{"settled, who knows, and back", func(h *History) {
		id := h.confirm(toPlain)
		s := h.Session(plain, "s")
		s.get(id)
		s.Settling(id, Ack)
		h.NextLife("killed")
		h.Session(plain, "t").again(id)
	}, ""},
	{"a rejection's dead letter", func(h *History) {
		id := h.confirm(toWork)
		s := h.Session(work, "s")
		s.get(id)
		s.Settling(id, Reject)
		g := h.Session(grave, "g")
		g.dead(id, "rejected", "work")
		g.Settling(id, Ack)
	}, ""},
	{"a dead letter of nobody's making", func(h *History) {
		id := h.confirm(toWork)
		h.Session(work, "s").Settling(id, Ack)
		h.Session(grave, "g").dead(id, "rejected", "work")
	}, "dead"},
	{"a dead letter that says it expired where nothing does", func(h *History) {
		id := h.confirm(toWork)
		h.Session(work, "s").Settling(id, Ack)
		h.Session(grave, "g").dead(id, "expired", "work")
	}, "dead"},
	{"a dead letter from a queue it was never in", func(h *History) {
		id := h.confirm(toWork)
		h.Session(work, "s").Settling(id, Ack)
		h.Session(grave, "g").dead(id, "maxlen", "bounded")
	}, "unexpected"},
	{"a durable rejection without a dead letter", func(h *History) {
		id := h.Publishing(toWork)
		s := h.Session(work, "s")
		s.get(id)
		s.Settling(id, Reject)
		s.Durable(id, Reject)
	}, "lost"},
	{"a rejection without a dead letter", func(h *History) {
		id := h.confirm(toWork)
		h.Session(work, "s").Settling(id, Reject)
	}, "lost"},
	{"one rejection, two dead letters", func(h *History) {
		id := h.confirm(toWork)
		h.Session(work, "s").Settling(id, Reject)
		g := h.Session(grave, "g")
		g.dead(id, "rejected", "work")
		g.Settling(id, Ack)
		g.dead(id, "rejected", "work")
	}, "unflagged"},
	{"a rejection, a kill, a rejection, two dead letters", func(h *History) {
		id := h.confirm(toWork)
		h.Session(work, "s").Settling(id, Reject)
		h.NextLife("killed")
		h.Session(work, "s").Settling(id, Reject)
		g := h.Session(grave, "g")
		g.dead(id, "rejected", "work")
		g.Settling(id, Ack)
		g.dead(id, "rejected", "work")
	}, ""},
	{"over the limit", func(h *History) {
		id := h.confirm(toBounded)
		g := h.Session(overflow, "g")
		g.dead(id, "maxlen", "bounded")
		g.Settling(id, Ack)
	}, ""},
	{"over the limit twice in one life", func(h *History) {
		id := h.confirm(toBounded)
		g := h.Session(overflow, "g")
		g.dead(id, "maxlen", "bounded")
		g.Settling(id, Ack)
		g.dead(id, "maxlen", "bounded")
	}, "unflagged"},
	{"cut off from a consumer without acknowledgements", func(h *History) { h.confirm(toLive) }, ""},
	{"missing in the midst of such a consumer's session", func(h *History) {
		first := h.confirm(toLive)
		h.confirm(toLive)
		third := h.confirm(toLive)
		s := h.Session(live, "s")
		s.get(first)
		s.get(third)
	}, "gap"},
	{"answered twice", func(h *History) { h.Refused(h.confirm(toPlain)) }, "unexpected"},
}

func TestTheJudge(t *testing.T) {
	for _, st := range stories {
		t.Run(st.name, func(t *testing.T) {
			h, log := story(t)
			st.tell(h)
			if st.want != "lost" && st.want != "gap" && st.want != "" { // it must not wait until the end
				select {
				case <-h.Broken():
				default:
					t.Error("nothing was said in time")
				}
			}
			if st.want == "" || st.want == "lost" || st.want == "gap" {
				h.Finish()
			}
			got := h.Violations()
			switch {
			case st.want == "" && len(got) == 0:
			case st.want != "" && len(got) == 1 && got[0].Kind == st.want:
				if err := h.Flush(); err != nil {
					t.Fatal(err)
				}
				if tale := Story(log, got[0].ID); !strings.Contains(tale, "BROKEN "+st.want) {
					t.Errorf("the story does not tell it:\n%s", tale)
				}
			default:
				t.Errorf("want %q, got %v", st.want, got)
			}
		})
	}
}

func TestAStoryIsThatOfOneMessage(t *testing.T) {
	h, log := story(t)
	first := h.confirm(toPlain)
	h.NextLife("killed")
	for range 11 {
		h.confirm(toPlain)
	}
	h.Session(plain, "s").again(first)
	if err := h.Flush(); err != nil {
		t.Fatal(err)
	}
	var words []string
	for line := range strings.Lines(Story(log, first)) {
		_, rest, _ := strings.Cut(strings.TrimSpace(line), " ") // the time
		words = append(words, rest)
	}
	got, want := strings.Join(words, "\n"), "0 publish p0-1\n0 confirmed p0-1\n1 --- killed\n1 delivered again plain s p0-1"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
