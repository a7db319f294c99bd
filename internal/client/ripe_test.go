package client

import (
	"io"
	"net"
	"runtime"
	"testing"

	"github.com/postrider-mq/postrider/internal/link"
)

// hose is a connection that takes what is written, and a Source of what a publisher has to say on it.
type hose struct {
	net.Conn
	pub  *Publisher
	link *link.Link
}

func (h *hose) Next(bool) []byte {
	b, _ := h.pub.next(h.link, nil)
	return b
}

// newHose connects a publisher to where packs are taken of what has its envelope. Its writer works when it is told to.
func newHose(t *testing.T, most int) *hose {
	t.Helper()
	ours, theirs := net.Pipe()
	return newHoseOver(t, ours, theirs, most)
}

func newHoseOver(t *testing.T, ours, theirs net.Conn, most int) *hose {
	t.Helper()
	go io.Copy(io.Discard, theirs)
	h := &hose{Conn: ours, pub: newPublisher(0, 0, func() {}, nil)}
	h.link = link.New(ours, h, link.Config{Manual: true})
	t.Cleanup(func() { h.pub.close(); h.link.Close(nil); theirs.Close() })
	h.connect(most)
	return h
}

func (h *hose) connect(most int) {
	h.pub.attach(h.link, newTurns(h.link, nil), 0, 0, postrider, packs{most: most, to: modelEnvelope.destination()})
	h.pub.release(h.link, h.pub.wanted())
}

// wrote has the writer work for as long as it is awake, and returns how many messages are written now.
func (h *hose) wrote() uint64 {
	for h.link.Pump() {
	}
	return h.pub.log.cursor
}

func (h *hose) post(t *testing.T, n int, size int) {
	t.Helper()
	for range n {
		if err := h.pub.Post(new(Fate), modelEnvelope, []byte("i"), make([]byte, size)); err != nil {
			t.Fatal(err)
		}
	}
}

// While much is under way, what is posted waits until it is much, or somebody waits for it, or less is under way.
func TestWhatIsPostedWhileMuchIsUnderWayRipens(t *testing.T) {
	h := newHose(t, 100)
	want := func(n uint64, why string) {
		t.Helper()
		if got := h.wrote(); got != n {
			t.Errorf("%s: %d are written, want %d", why, got, n)
		}
	}
	h.post(t, 1, 100)
	want(1, "one")
	h.post(t, 1, 100)
	want(2, "few are under way")
	h.post(t, underWay, 100)
	want(underWay+2, "as many came before the writer")
	all := uint64(underWay + 2)
	h.post(t, 10, 100)
	want(all, "little, behind many")
	h.pub.confirm(1, false, nil)
	want(all, "as many are under way, nearly")

	for all += 10; h.wrote() < all; all++ {
		if h.post(t, 1, 100); all > 1000 {
			t.Fatal("it is much, and not written")
		}
	}
	if all < underWay+2+250 {
		t.Errorf("little was written, when %d were posted", all)
	}
	h.post(t, 10, 100)
	want(all, "little, once more")
	h.pub.confirm(h.pub.log.last, true, nil)
	all += 10
	want(all, "nothing is under way")

	h.post(t, underWay, 100)
	all += underWay
	want(all, "few are under way again")
	h.post(t, 10, 100)
	if err := h.pub.PostNow(new(Fate), modelEnvelope, []byte("i"), nil); err != nil {
		t.Fatal(err)
	}
	all += 11
	want(all, "somebody waits for the last")
	h.post(t, 10, 100)
	want(all, "nobody waits for these")
	if _, _, err := h.pub.enqueue(t.Context(), nil, new(Fate), modelEnvelope, []byte("i"), nil); err != nil {
		t.Fatal(err)
	}
	all += 11
	want(all, "a sender waits")

	h.post(t, 10, 100)
	want(all, "nobody waits for these, either")
	h.pub.detach(io.EOF, nil)
	h.connect(100)
	all += 10
	want(all, "a new connection, on which nothing is under way")
	h.post(t, 10, 100)
	want(all, "now there is")
	h.pub.detach(io.EOF, nil)
	h.connect(0)
	h.post(t, 1, 100)
	all += 11
	want(all, "packs are not taken")
	h.post(t, 1, 100)
	want(all+1, "nor now")
}

// Who posts something small while nothing is under way writes it, where a write need not wait; else the writer does.
func TestALonePostIsWrittenByWhoPostsIt(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("every write may wait there")
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	ours, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	h := newHoseOver(t, ours, theirs, 100)
	want := func(n uint64, why string) {
		t.Helper()
		if got := h.pub.log.cursor; got != n {
			t.Errorf("%s: %d are written, want %d", why, got, n)
		}
	}
	h.post(t, 1, 100)
	want(1, "nothing is under way")
	h.post(t, 2, 100)
	want(1, "one is")
	h.wrote()
	h.pub.confirm(h.pub.log.last, true, nil)
	h.post(t, 1, smallPost)
	want(4, "nothing is under way again")
	h.pub.confirm(h.pub.log.last, true, nil)
	h.post(t, 1, smallPost+1)
	want(4, "it is large")
}
