package client

import (
	"strings"
	"testing"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/pack"
	"github.com/postrider-mq/postrider/internal/session"
)

// Of messages that are alike in id, destination and body each pack that comes back stands for those in it, and for no others: none of them is
// taken for delivered.
func TestOfAlikeMessagesThePackThatCameBackIsFound(t *testing.T) {
	for name, c := range map[string]struct {
		written [][]string // as they were written, in one each
		back    int        // which of them came back
	}{
		"behind one alone":          {[][]string{{"a"}, {"a", "b", "c"}}, 1},
		"behind one that goes on":   {[][]string{{"a", "b"}, {"a", "c"}}, 1},
		"behind a longer one":       {[][]string{{"a", "b", "c"}, {"a", "b"}}, 1},
		"behind the end of another": {[][]string{{"c", "a", "b"}, {"a", "b"}}, 1},
		"alone, behind a pack":      {[][]string{{"a", "b"}, {"a"}}, 1},
		"the first":                 {[][]string{{"a", "b"}, {"a", "c"}}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPublisher(0, 0, func() {}, nil)
			defer p.close()
			p.log.packs = packs{most: 10, to: modelEnvelope.destination()}
			var first []int // of each that was written, the first message
			all := 0
			for _, ids := range c.written {
				first = append(first, all)
				for _, id := range ids {
					if err := p.Post(new(Fate), modelEnvelope, []byte(id), []byte("of "+id)); err != nil {
						t.Fatal(err)
					}
					all++
				}
				p.log.hasty = true
				p.log.next(nil, maxPiece, defaultFrameMax)
			}
			p.returned("", "jobs", backAs(t, c.written[c.back]))
			for i := range all {
				want := i >= first[c.back] && i < first[c.back]+len(c.written[c.back])
				if got := p.log.at(uint64(i)).fate.returned; got != want {
					t.Errorf("message %d came back: %v, want %v, of %s", i, got, want, strings.Join(c.written[c.back], ""))
				}
			}
		})
	}
}

// backAs is what a broker gives back of messages that were written together.
func backAs(t *testing.T, ids []string) *session.Content {
	t.Helper()
	p, body := amqp.Properties{MessageID: ids[0]}, []byte("of "+ids[0])
	if len(ids) > 1 {
		p, body = amqp.Properties{ContentEncoding: pack.Encoding}, nil
		for _, id := range ids {
			body = pack.Append(body, []byte(id), []byte("of "+id))
		}
	}
	props, err := p.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &session.Content{Props: props, Body: body}
}
