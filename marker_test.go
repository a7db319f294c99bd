package postrider

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider/internal/disk"
	"github.com/postrider-mq/postrider/internal/marks"
)

// What a disk that stands still does not note is acknowledged all the same, and the log says so: where it is waited for, and where so much waits
// already that nothing more is.
func TestWhatIsNotNotedIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		goOn := make(chan struct{})
		d, err := marks.Open(disk.NewFaulty(disk.NewMem(), func(op disk.Op) error {
			if op.Kind == disk.OpWrite && strings.HasSuffix(op.Name, ".seg") {
				<-goOn
			}
			return nil
		}, nil), slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		k := &marker{disk: d, log: slog.New(slog.NewTextHandler(&log, nil)), places: make(map[*page]*noted)}
		told := func(want int, why string) {
			t.Helper()
			if n := strings.Count(log.String(), "a repeat after a restart will be handled again"); n != want || !strings.Contains(log.String(), why) {
				t.Errorf("it was told %d times, want %d, and why: %s", n, want, log.String())
			}
			log.Reset()
		}
		message := func(n int) *Message {
			at := &origin{tap: &tap{target: &Target{place: fmt.Sprint("mailbox\n", n)}}}
			return &Message{From: "alice", ID: strings.Repeat("x", 60_000), origin: at, mark: mark{page: &page{}}}
		}
		var many []*Message
		for i := range 300 {
			many = append(many, message(i))
		}
		k.write(many)
		told(1, "slow or full")
		k.write([]*Message{message(300)})
		told(0, "")
		time.Sleep(2 * warnEvery)
		k.write([]*Message{message(301), message(302)})
		told(1, "slow or full")
		close(goOn)
		time.Sleep(2 * warnEvery)
		k.write([]*Message{message(303)})
		told(0, "")
		if err := d.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
}
