package access

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

func free() error { return nil }

// counting returns a verifier that finds the password "right" right, counts its comparisons, and holds each until gate
// lets it go; a nil gate lets all go.
func counting(gate chan struct{}) (v *verifier, compared *atomic.Int32) {
	compared = new(atomic.Int32)
	v = newVerifier()
	v.matches = func(_ *passwordHash, password string) bool {
		compared.Add(1)
		if gate != nil {
			<-gate
		}
		return password == "right"
	}
	return v, compared
}

// A thousand clients that come back at once with one password cost one comparison, and the thousand after them none.
func TestReconnectStorm(t *testing.T) {
	v, compared := counting(nil)
	h := unmatched()
	for range 2 {
		var clients sync.WaitGroup
		for range 1000 {
			clients.Go(func() {
				if right, err := v.verify(context.Background(), h, login{"alice", "right"}, free); !right || err != nil {
					t.Errorf("refused: %v", err)
				}
			})
		}
		clients.Wait()
	}
	if n := compared.Load(); n != 1 {
		t.Errorf("%d comparisons", n)
	}
}

// What was wrong once is compared again: only success is remembered.
func TestWrongIsNotRemembered(t *testing.T) {
	v, compared := counting(nil)
	h := unmatched()
	for range 3 {
		if right, err := v.verify(t.Context(), h, login{"alice", "wrong"}, free); right || err != nil {
			t.Errorf("%t, %v", right, err)
		}
	}
	if compared.Load() != 3 || len(v.proven) != 0 || len(v.flights) != 0 {
		t.Errorf("%d comparisons, %d proven, %d flights", compared.Load(), len(v.proven), len(v.flights))
	}
}

// Another name, another password, another hash, and the border between name and password: each is another proof.
func TestProofsDiffer(t *testing.T) {
	v, _ := counting(nil)
	h1, h2 := unmatched(), unmatched()
	proofs := map[proof]bool{}
	for _, l := range []login{{"a", "bc"}, {"ab", "c"}, {"abc", ""}, {"a", "bd"}} {
		proofs[v.proofOf(&h1, l)] = true
		proofs[v.proofOf(&h2, l)] = true
	}
	w, _ := counting(nil)
	proofs[w.proofOf(&h1, login{"a", "bc"})] = true
	if len(proofs) != 9 {
		t.Errorf("%d proofs of 9", len(proofs))
	}
}

// Each core compares one password at a time, 64 wait, and the next one is turned away at once.
func TestACrowdIsTurnedAway(t *testing.T) {
	gate := make(chan struct{})
	v, compared := counting(gate)
	h := unmatched()
	room := cap(v.waiting)
	results := make(chan error, room+10)
	for i := range room + 10 {
		go func() {
			_, err := v.verify(context.Background(), h, login{fmt.Sprint(i), "wrong"}, free)
			results <- err
		}()
	}
	for range 10 { // the others are held at the gate, or wait for a core
		if err := <-results; err != errBusy {
			t.Fatalf("got %v", err)
		}
	}
	if n := int(compared.Load()); n > cap(v.cores) {
		t.Errorf("%d comparisons at once on %d cores", n, cap(v.cores))
	}
	close(gate)
	for range room {
		if err := <-results; err != nil {
			t.Errorf("got %v", err)
		}
	}
}

// When the client that asked first gives up, the one that waits for its answer asks instead.
func TestTheFirstGivesUp(t *testing.T) {
	v, compared := counting(nil)
	for range cap(v.cores) {
		v.cores <- struct{}{}
	}
	h := unmatched()
	l := login{"alice", "right"}
	ctx, giveUp := context.WithCancel(context.Background())
	first := make(chan error)
	go func() {
		_, err := v.verify(ctx, h, l, free)
		first <- err
	}()
	for len(v.waiting) == 0 { // until the first waits for a core
		runtime.Gosched()
	}
	second := make(chan bool)
	go func() {
		right, err := v.verify(context.Background(), h, l, free)
		second <- right && err == nil
	}()
	giveUp()
	if err := <-first; err != context.Canceled {
		t.Errorf("the first got %v", err)
	}
	for range cap(v.cores) {
		<-v.cores
	}
	if !<-second {
		t.Error("the second was refused")
	}
	if n := compared.Load(); n != 1 {
		t.Errorf("%d comparisons", n)
	}
}

func TestTheProvenAreBounded(t *testing.T) {
	v, _ := counting(nil)
	h := unmatched()
	for i := range maxProven + 100 {
		v.remember(v.proofOf(&h, login{fmt.Sprint(i), "right"}))
	}
	if len(v.proven) != maxProven {
		t.Errorf("%d are remembered", len(v.proven))
	}
}

// A stranger's login is compared as a known user's is.
func TestStrangersCostTheSame(t *testing.T) {
	a, _ := house(t)
	v, compared := counting(nil)
	a.verifier = v
	for _, name := range []string{"alice", "mallory"} {
		before := compared.Load()
		if _, err := a.Login(t.Context(), "PLAIN", plain(name, "wrong"), here); err == nil || compared.Load() != before+1 {
			t.Errorf("%s: %v, %d comparisons", name, err, compared.Load()-before)
		}
	}
	// Not even a password that the comparison would let pass opens the door to a name that does not exist.
	if _, err := a.Login(t.Context(), "PLAIN", plain("mallory", "right"), here); err == nil {
		t.Error("a stranger was let in")
	}
}

func BenchmarkLoginAgain(b *testing.B) {
	a, _ := house(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Login(b.Context(), "PLAIN", plain("alice", "wonder"), here); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHash(b *testing.B) {
	h := hashPassword("wonder")
	for b.Loop() {
		h.matches("wonder")
	}
}
