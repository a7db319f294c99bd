package main

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
)

// Who only stays takes neither the files of others nor their turn.
func TestVisitorsOverHTTPAreBounded(t *testing.T) {
	w := &web{log: slog.New(slog.DiscardHandler)}
	defer w.Close()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.serve(ln, http.NotFoundHandler())
	most := visitsOf(0)
	stay := func() *bufio.Reader {
		t.Helper()
		c, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n"); err != nil {
			t.Fatal(err)
		}
		return bufio.NewReader(c)
	}
	var all []*bufio.Reader
	for range 3 * most {
		all = append(all, stay())
		if len(all)%most != 0 {
			continue
		}
		answer, err := http.Get("http://" + ln.Addr().String())
		if err != nil {
			t.Fatalf("%d stay: %v", len(all), err)
		}
		answer.Body.Close()
	}
	for i, r := range all[:2*most] {
		if _, err := r.ReadByte(); err == nil {
			t.Errorf("visitor %d of %d was answered", i, len(all))
		}
	}
}

func TestHowManyVisitors(t *testing.T) {
	for files, want := range map[uint64]int{0: 64, 100: 8, 1024: 32, 1 << 20: 64} {
		if got := visitsOf(files); got != want {
			t.Errorf("%d for %d files, want %d", got, files, want)
		}
	}
}
