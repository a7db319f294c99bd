package history

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// record writes events as lines: time in µs, life, event, and whom it concerns. The message comes last, so that its
// story is what ends in its name.
type record struct {
	w     *bufio.Writer
	start time.Time
	line  []byte
}

func newRecord(w io.Writer) *record {
	return &record{w: bufio.NewWriterSize(w, 1<<20), start: time.Now()}
}

func (r *record) begin(life int) {
	r.line = strconv.AppendInt(r.line[:0], time.Since(r.start).Microseconds(), 10)
	r.line = append(r.line, ' ')
	r.line = strconv.AppendInt(r.line, int64(life), 10)
}

func (r *record) word(s string) {
	if s != "" {
		r.line = append(r.line, ' ')
		r.line = append(r.line, s...)
	}
}

func (r *record) end(id ID) {
	r.line = append(r.line, " p"...)
	r.line = strconv.AppendInt(r.line, int64(id.Publisher), 10)
	r.line = append(r.line, '-')
	r.line = strconv.AppendInt(r.line, int64(id.Seq), 10)
	r.line = append(r.line, '\n')
	_, _ = r.w.Write(r.line)
}

func (r *record) event(life int, event, queue string, id ID) {
	r.begin(life)
	r.word(event)
	r.word(queue)
	r.end(id)
}

func (r *record) settled(life int, event, queue, session string, id ID) {
	r.begin(life)
	r.word(event)
	r.word(queue)
	r.word(session)
	r.end(id)
}

func (r *record) delivered(life int, queue, session string, d *Delivery) {
	r.begin(life)
	r.word("delivered")
	if d.Redelivered {
		r.word("again")
	}
	r.word(d.Death)
	r.word(queue)
	r.word(session)
	r.end(d.ID)
}

func (r *record) note(life int, text string) {
	r.begin(life)
	r.word("---")
	r.word(text)
	r.line = append(r.line, '\n')
	_, _ = r.w.Write(r.line)
}

func (r *record) flush() error { return r.w.Flush() }

// Story reads the events of one message, and the notes between them, from what a history wrote.
func Story(log io.Reader, id ID) string {
	var story strings.Builder
	suffix, pending := fmt.Sprintf(" %v", id), ""
	for lines := bufio.NewScanner(log); lines.Scan(); {
		line := lines.Text()
		switch {
		case strings.Contains(line, " --- "):
			pending += line + "\n"
		case strings.HasSuffix(line, suffix):
			if story.Len() > 0 { // what was before its first event is not its story
				story.WriteString(pending)
			}
			pending = ""
			story.WriteString(line + "\n")
		}
	}
	return story.String()
}
