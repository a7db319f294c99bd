package postrider_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider"
)

// stood is a story of alice, who sends to bob one message at a time, until whoever reads her messages stands in for his worker.
type stood struct {
	t          *testing.T
	net        *network
	alice, bob *postrider.Node
	to         *postrider.Target
	direct     bool // it is bob's inbox, and not a mailbox
	got        chan string
	at         atomic.Int32                      // handlers that run
	most       atomic.Int32                      // at once
	next       atomic.Pointer[postrider.Handler] // for what is not "quick"
}

// standingIn tells it of messages to bob's inbox.
func standingIn(t *testing.T, tell func(t *testing.T, s *stood), opts ...postrider.HandleOption) {
	inMemory(t, func(t *testing.T, net *network) {
		s := &stood{t: t, net: net, alice: net.node("alice"), bob: net.node("bob"), got: make(chan string, 10000)}
		s.to, s.direct = s.alice.Peer("bob"), true
		s.begin(s.bob.Inbox(), tell, opts)
	})
}

// standingInAnywhere tells it of those to a mailbox, too.
func standingInAnywhere(t *testing.T, tell func(t *testing.T, s *stood), opts ...postrider.HandleOption) {
	t.Run("a peer's inbox", func(t *testing.T) { standingIn(t, tell, opts...) })
	t.Run("a mailbox", func(t *testing.T) {
		inMemory(t, func(t *testing.T, net *network) {
			net.broker()
			s := &stood{t: t, net: net, alice: net.node("alice", onBroker), bob: net.node("bob", onBroker), got: make(chan string, 10000)}
			s.to = s.alice.Mailbox("work")
			s.begin(s.bob.Mailbox("work"), tell, opts)
		})
	})
}

func (s *stood) begin(at *postrider.Target, tell func(t *testing.T, s *stood), opts []postrider.HandleOption) {
	if err := s.bob.Handle(s.t.Context(), at, s.handle, opts...); err != nil {
		s.t.Fatal(err)
	}
	for s.count() == 0 {
		s.quick()
	}
	tell(s.t, s)
}

func (s *stood) handle(ctx context.Context, m *postrider.Message) error {
	if n := s.at.Add(1); n > s.most.Load() {
		s.most.Store(n)
	}
	defer s.at.Add(-1)
	s.got <- string(m.Body)
	if h := s.next.Load(); h != nil && string(m.Body) != "quick" {
		return (*h)(ctx, m)
	}
	return nil
}

// target is bob's inbox or the mailbox, as node n has it.
func (s *stood) target(n *postrider.Node) *postrider.Target {
	if s.direct {
		return n.Peer("bob")
	}
	return n.Mailbox("work")
}

// then says what is done with the messages that follow, but for the quick.
func (s *stood) then(h postrider.Handler) { s.next.Store(&h) }

func (s *stood) count() uint64 { return postrider.StoodIn(s.bob) }

func (s *stood) quick() {
	s.t.Helper()
	s.send("quick")
	synctest.Wait()
	s.want("quick")
}

func (s *stood) send(body string) {
	s.t.Helper()
	if err := s.to.Send(within(s.t, time.Minute), body); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stood) want(bodies ...string) {
	s.t.Helper()
	synctest.Wait()
	for _, want := range bodies {
		select {
		case got := <-s.got:
			if got != want {
				s.t.Fatalf("%q is handled, want %q", got, want)
			}
		default:
			s.t.Fatalf("%q is not handled", want)
		}
	}
}

func (s *stood) wantNone() {
	s.t.Helper()
	synctest.Wait()
	if len(s.got) > 0 {
		s.t.Fatalf("%q is handled, want nothing", <-s.got)
	}
}

// blocks has a handler wait where its message was read, until release is called; so do the next ones.
func (s *stood) blocks() (release func()) {
	s.t.Helper()
	wait := make(chan struct{})
	s.then(func(context.Context, *postrider.Message) error {
		<-wait
		return nil
	})
	release = sync.OnceFunc(func() { close(wait) })
	s.t.Cleanup(release) // also where the test has failed
	before := s.count()
	s.send("long")
	s.want("long")
	if s.count() != before+1 {
		s.t.Fatal("the worker handles it")
	}
	return release
}

func TestWhoReadsALoneMessageHandlesIt(t *testing.T) {
	standingInAnywhere(t, func(t *testing.T, s *stood) {
		before := s.count()
		for range 100 {
			s.quick()
		}
		if n := s.count() - before; n != 100 {
			t.Errorf("%d of 100 were handled so", n)
		}
	})
}

// Calls that one read has brought are handled by who read them, without another goroutine.
func TestWhoReadsCallsThatCameTogetherHandlesThem(t *testing.T) {
	standingIn(t, func(t *testing.T, s *stood) {
		read := s.together(20, 0)
		for i, byReader := range read {
			if !byReader {
				t.Errorf("call %d of %d is the worker's", i, len(read))
			}
		}
	})
}

// Who reads is back soon: what is left of a burst is the worker's, in its order.
func TestWhoReadsDoesNotHandleForLong(t *testing.T) {
	standingIn(t, func(t *testing.T, s *stood) {
		byReader := 0
		read := s.together(64, 50*time.Microsecond)
		for i, is := range read[1:] {
			if is {
				byReader++
			} else if i < 8 {
				t.Errorf("call %d is the worker's", i)
			}
		}
		if byReader > 24 { // 8 in 400 µs, and they may have been read in two or three pieces
			t.Errorf("%d of %d are handled by who read them", byReader, len(read)-1)
		}
		if n := s.most.Load(); n != 1 {
			t.Errorf("%d are handled at once by one worker", n)
		}
	})
}

// Several workers share what came, after a moment.
func TestWhoReadsHandlesLessForSeveralWorkers(t *testing.T) {
	standingIn(t, func(t *testing.T, s *stood) {
		byReader := 0
		read := s.together(20, 50*time.Microsecond)
		for _, is := range read[1:] {
			if is {
				byReader++
			}
		}
		if n := s.most.Load(); byReader > 3 || n != 8 {
			t.Errorf("%d of %d are handled by who read them, %d at once", byReader, len(read), n)
		}
	}, postrider.Workers(8))
}

// What came with a call whose handler blocks waits for it, and is the worker's then.
func TestWhatCameWithACallWhoseHandlerBlocksIsTheWorkers(t *testing.T) {
	standingIn(t, func(t *testing.T, s *stood) {
		for i, is := range s.together(20, time.Second)[2:] {
			if is {
				t.Errorf("call %d behind it is handled by who read it", i)
			}
		}
		s.quick()
	})
}

// together has alice make so many calls, of which all but the first are read together. It tells of each, in the order of handling, whether who read it
// handled it, which took so long; the first takes half a millisecond.
func (s *stood) together(calls int, each time.Duration) (byReader []bool) {
	s.t.Helper()
	ask := func(body string) {
		if _, err := postrider.Call[string](within(s.t, time.Hour), s.to, body); err != nil {
			s.t.Error(err)
		}
	}
	ask("quick") // so that answers have a way to come by
	s.want("quick")
	for range 64 {
		s.quick()
	}
	var mu sync.Mutex
	s.then(func(context.Context, *postrider.Message) error {
		takes := each
		mu.Lock()
		byReader = append(byReader, strings.Contains(string(debug.Stack()), "(*standIn).handle"))
		if len(byReader) == 1 {
			takes = 500 * time.Microsecond
		}
		mu.Unlock()
		time.Sleep(takes)
		return nil
	})
	var all sync.WaitGroup
	for i := range calls {
		if i == 1 {
			synctest.Wait() // the first is read, and being handled
		}
		all.Go(func() { ask(fmt.Sprint(i)) })
	}
	all.Wait()
	if len(byReader) != calls {
		s.t.Errorf("%d calls were handled", len(byReader))
	}
	for len(s.got) > 0 {
		<-s.got
	}
	return byReader
}

// A handler that blocks keeps nobody from sending by the same connection; what comes is handled after it, one at a time.
func TestWhoReadsDoesNotWaitForAHandlerThatBlocks(t *testing.T) {
	standingInAnywhere(t, func(t *testing.T, s *stood) {
		release := s.blocks()
		began := time.Now()
		for i := range 5 {
			s.send(fmt.Sprint(i))
		}
		if took := time.Since(began); took > 2*time.Millisecond {
			t.Errorf("five messages were confirmed after %v", took)
		}
		s.wantNone()
		time.Sleep(5 * time.Millisecond) // another has read on
		release()
		s.want("0", "1", "2", "3", "4")
		if n := s.most.Load(); n != 1 {
			t.Errorf("%d were handled at once by one worker", n)
		}
		now := s.count()
		for range 32 {
			s.quick()
		}
		if s.count() != now {
			t.Error("such a handler is trusted at once again")
		}
	})
}

// A handler asks who sent it the message, who first sends more by the connection that it came by.
func TestAHandlerAsksItsSenderBack(t *testing.T) {
	standingInAnywhere(t, func(t *testing.T, s *stood) {
		err := s.alice.Handle(t.Context(), s.alice.Inbox(), func(ctx context.Context, m *postrider.Message) error {
			if err := s.to.Send(ctx, "more"); err != nil {
				return err
			}
			return m.Reply(ctx, "answer")
		})
		if err != nil {
			t.Fatal(err)
		}
		answers := make(chan string, 1)
		s.then(func(ctx context.Context, m *postrider.Message) error {
			if string(m.Body) == "more" {
				return nil
			}
			answer, err := postrider.Call[string](ctx, s.bob.Peer("alice"), "question")
			answers <- answer
			return err
		})
		before, began := s.count(), time.Now()
		s.send("ask")
		if got := <-answers; got != "answer" || s.count() == before {
			t.Errorf("the answer is %q, stood in %v", got, s.count() != before)
		}
		if took := time.Since(began); took > 5*time.Millisecond {
			t.Errorf("it took %v", took)
		}
		s.want("ask", "more")
	})
}

// Who panics in a handler, or ends its goroutine, has failed, and ends neither a worker nor the reading.
func TestAHandlerEndsBadlyWhereItStandsIn(t *testing.T) {
	for name, badly := range map[string]postrider.Handler{"panics": panics, "exits": exits} {
		t.Run(name, func(t *testing.T) {
			standingInAnywhere(t, func(t *testing.T, s *stood) {
				for range 3 {
					before := s.count()
					s.then(badly)
					s.send("bad")
					s.want("bad")
					if s.count() != before+1 {
						t.Fatal("a worker handles it")
					}
					s.next.Store(nil)
					s.quick()
					time.Sleep(time.Second)
					s.want("bad") // as after any failure
					for range 100 {
						s.quick()
					}
				}
			}, postrider.Workers(2))
		})
	}
}

func panics(context.Context, *postrider.Message) error { panic("at the reader's") }

func exits(context.Context, *postrider.Message) error {
	runtime.Goexit()
	return nil
}

func TestAHandlerClosesItsNodeWhereItStandsIn(t *testing.T) {
	standingInAnywhere(t, func(t *testing.T, s *stood) {
		before := s.count()
		closed := make(chan error)
		s.then(func(context.Context, *postrider.Message) error {
			if s.count() != before+1 {
				t.Error("the worker handles it")
			}
			closed <- s.bob.Close()
			return nil
		})
		s.send("close")
		if err := <-closed; err != nil {
			t.Error(err)
		}
		if err := s.to.Send(within(t, time.Second), "late"); err == nil && s.direct {
			t.Error("a closed node has confirmed a message")
		}
	})
}

// Shutdown waits for a handler wherever it runs.
func TestAShutdownWaitsForWhoStandsIn(t *testing.T) {
	standingInAnywhere(t, func(t *testing.T, s *stood) {
		release := s.blocks()
		over := make(chan error, 1)
		go func() { over <- s.bob.Shutdown(within(t, time.Minute)) }()
		time.Sleep(time.Second)
		synctest.Wait()
		select {
		case err := <-over:
			t.Fatal("it does not wait: ", err)
		default:
		}
		release()
		if err := <-over; err != nil {
			t.Error(err)
		}
	})
}

// What ends a Handle waits for who stands in, too: its last worker does not go before.
func TestACloseWaitsForWhoStandsIn(t *testing.T) {
	standingInAnywhere(t, func(t *testing.T, s *stood) {
		release := s.blocks()
		over := make(chan struct{})
		go func() {
			s.bob.Close()
			close(over)
		}()
		time.Sleep(time.Second / 2) // longer than a second it does not
		synctest.Wait()
		select {
		case <-over:
			t.Error("it does not wait")
		default:
		}
		time.Sleep(time.Second)
		synctest.Wait()
		select {
		case <-over:
		default:
			t.Error("it waits for a handler that does not end")
		}
		release()
		<-over
	})
}

// A connection that breaks is noticed, though who read it is in a handler.
func TestAConnectionBreaksWhileItsReaderStandsIn(t *testing.T) {
	standingIn(t, func(t *testing.T, s *stood) {
		release := s.blocks()
		s.alice.Close()
		time.Sleep(time.Second)
		if n := postrider.Connected(s.bob); n != 0 {
			t.Errorf("there are %d connections", n)
		}
		release()
	})
}

// Handlers that are slow now and then, and quick in between, are the worker's, and so are those that are slow always.
func TestSlowHandlersAreTheWorkers(t *testing.T) {
	for each := range 3 {
		t.Run(fmt.Sprint("one in ", each+1), func(t *testing.T) {
			standingInAnywhere(t, func(t *testing.T, s *stood) {
				s.then(func(context.Context, *postrider.Message) error {
					time.Sleep(100 * time.Microsecond)
					return nil
				})
				last := uint64(0)
				for range 300 {
					last = s.count()
					s.send("slow")
					s.want("slow")
					time.Sleep(time.Second)
					for range each {
						s.quick()
					}
				}
				if n := s.count() - last; n > 0 {
					t.Errorf("%d of the last %d were not", n, each+1)
				}
			})
		})
	}
}

// Several senders at once, quick and slow handlers: each message is handled once, a sender's in order, by as many at once as there are workers.
func TestManySendersAndWhoStandsIn(t *testing.T) {
	standingInAnywhere(t, func(t *testing.T, s *stood) {
		s.then(func(_ context.Context, m *postrider.Message) error {
			if len(m.Body)%3 == 0 {
				time.Sleep(50 * time.Microsecond)
			}
			return nil
		})
		carol := s.net.node("carol", onBroker)
		failed := make(chan error, 2)
		const each = 300
		for _, n := range []*postrider.Node{s.alice, carol} {
			go func() {
				var err error
				for i := range each {
					err = errors.Join(err, s.target(n).Send(within(t, time.Hour), fmt.Sprintf("%s %d", n.Name(), i)))
				}
				failed <- err
			}()
		}
		if err := errors.Join(<-failed, <-failed); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		next := map[string]int{}
		for len(s.got) > 0 {
			var name string
			var i int
			fmt.Sscanf(<-s.got, "%s %d", &name, &i)
			if i != next[name] {
				t.Fatalf("%s's message %d comes in the place of %d", name, i, next[name])
			}
			next[name]++
		}
		if next["alice"] != each || next["carol"] != each || s.most.Load() != 1 {
			t.Errorf("handled: %v, at most %d at once", next, s.most.Load())
		}
	})
}
