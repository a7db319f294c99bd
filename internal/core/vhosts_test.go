package core

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/disk"
	"github.com/postrider-mq/postrider/internal/route"
)

// visit goes on in another virtual host.
func (w *world) visit(vhost string) {
	w.t.Helper()
	v, ok := w.core.VHost(vhost)
	if !ok {
		w.t.Fatalf("no virtual host %s", vhost)
	}
	w.client, w.via = v.NewClient("test"), v.NewPublisher()
}

func (w *world) putVHost(name string, info VHostInfo) {
	w.t.Helper()
	_, err := w.core.PutVHost(w.t.Context(), name, info)
	w.must(err)
}

func (w *world) deleteVHost(name string) {
	w.t.Helper()
	if was, err := w.core.DeleteVHost(w.t.Context(), name); !was || err != nil {
		w.t.Fatal(was, err)
	}
}

func (w *world) wantVHosts(want ...string) {
	w.t.Helper()
	var got []string
	for _, v := range w.core.VHosts() {
		got = append(got, v.Name)
	}
	if !slices.Equal(got, want) {
		w.t.Errorf("virtual hosts %q, want %q", got, want)
	}
}

func (w *world) put(kind, vhost, name, value string) {
	w.t.Helper()
	w.must(w.core.Set(w.t.Context(), Setting{kind, vhost, name, []byte(value)}))
}

func (w *world) wantSettings(kind string, want ...string) {
	w.t.Helper()
	var got []string
	for _, s := range w.core.Settings(kind) {
		got = append(got, strings.TrimSpace(fmt.Sprintf("%s %s %s", s.VHost, s.Name, s.Value)))
	}
	if !slices.Equal(got, want) {
		w.t.Errorf("settings %q, want %q", got, want)
	}
}

func TestVirtualHostsSurvive(t *testing.T) {
	w := newWorld(t, disk.NewMem())
	w.wantVHosts("/")
	w.putVHost("shop", VHostInfo{Description: "what is sold", Tags: []string{"eu"}})
	w.putVHost("gone", VHostInfo{})
	w.visit("shop")
	w.durable("q")
	w.send("q", "one")
	w.deleteVHost("gone")
	w.restart()
	w.wantVHosts("/", "shop")
	v, _ := w.core.VHost("shop")
	if info := v.Info(); info.Description != "what is sold" || !slices.Equal(info.Tags, []string{"eu"}) {
		t.Errorf("%+v", info)
	}
	w.visit("shop")
	s := &sink{}
	w.consume("q", 0, s)
	s.want(t, "one")
}

func TestADeletedDefaultHostStaysAway(t *testing.T) {
	w := newWorld(t, disk.NewMem())
	w.putVHost("shop", VHostInfo{})
	w.deleteVHost("/")
	w.must(w.core.Close())
	c, err := Open(Config{FS: w.disk, SegmentSize: smallSegment})
	w.must(err)
	w.core = c
	w.wantVHosts("shop")
}

// Everything goes with its virtual host, at once and after a restart, and the name is free for one that is empty.
func TestADeletedVirtualHostTakesEverythingAlong(t *testing.T) {
	for name, again := range map[string]func(*world){
		"restart": (*world).restart,
		"crash":   func(w *world) { w.sync(); w.crash(5) },
		"neither": func(*world) {},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, disk.NewMem())
			w.putVHost("shop", VHostInfo{})
			w.visit("shop")
			w.durable("q")
			w.exchange("x", route.Topic, true)
			w.bind("q", "x", "#")
			w.bind("q", "amq.topic", "#")
			w.send("q", "one", "two")
			w.put("permission", "shop", "alice", ".*")
			w.put("permission", "/", "alice", "^$")
			w.put("user", "", "alice", "secret")
			s := &sink{}
			w.consume("q", 1, s)
			late := w.client
			w.deleteVHost("shop")
			w.wantVHosts("/")
			if _, err := w.tryDeclare(late, QueueSpec{Name: "q", Durable: true}); err == nil {
				t.Error("a client of the deleted host declared a queue")
			} else if e, ok := err.(*amqp.Error); !ok || e.Code != amqp.ConnectionForced {
				t.Error(err)
			}
			waitFor(t, "only the other host and two settings are left", func() bool { return w.core.journal.Stats().LiveRecords == 3 })
			w.putVHost("shop", VHostInfo{})
			w.visit("shop")
			w.durable("q")
			again(w)
			w.visit("shop")
			if w.exchangeExists("x") || !w.exists("q") {
				t.Error("the wrong things are in the new host")
			}
			w.wantBindings()
			s = &sink{}
			w.consume("q", 0, s)
			s.want(t)
			w.wantSettings("permission", "/ alice ^$")
			w.wantSettings("user", "alice secret")
		})
	}
}

func TestSettingsSurvive(t *testing.T) {
	w := newWorld(t, disk.NewMem())
	w.put("user", "", "alice", "1")
	w.put("user", "", "bob", "1")
	w.put("user", "", "alice", "2")
	w.put("policy", "/", "p", "")
	if was, err := w.core.Unset(t.Context(), "user", "", "bob"); !was || err != nil {
		t.Fatal(was, err)
	}
	if was, err := w.core.Unset(t.Context(), "user", "", "bob"); was || err != nil {
		t.Fatal(was, err)
	}
	w.restart()
	w.wantSettings("user", "alice 2")
	w.wantSettings("policy", "/ p")
}

// What compaction carries forward is what holds, and what was ended does not come back.
func TestCompactionCarriesSettings(t *testing.T) {
	w := newWorld(t, disk.NewMem())
	w.putVHost("shop", VHostInfo{Description: "d"})
	w.put("user", "", "alice", "1")
	w.put("user", "", "bob", "1")
	w.durable("q")
	for i := range 200 {
		w.send("q", strings.Repeat("x", 500))
		w.delete("q")
		w.durable("q")
		if i == 100 {
			if _, err := w.core.Unset(t.Context(), "user", "", "bob"); err != nil {
				t.Fatal(err)
			}
		}
		w.sync()
	}
	w.restart()
	w.wantVHosts("/", "shop")
	w.wantSettings("user", "alice 1")
}

// A setting that comes while its virtual host is deleted does not outlive it, and does not come back with one of the same name.
func TestNoSettingOutlivesItsVHost(t *testing.T) {
	w := newWorld(t, disk.NewMem())
	w.putVHost("shop", VHostInfo{})
	old, _ := w.core.VHost("shop")
	late := Setting{"permission", "shop", "ada", []byte("all")}
	if _, err := w.core.DeleteVHost(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	wantCode(t, w.core.Set(t.Context(), late), amqp.NotFound, "vhost shop not found")
	_, err := old.set(late) // who found it just before
	wantCode(t, err, amqp.ConnectionForced, "vhost 'shop' is deleted")
	w.putVHost("shop", VHostInfo{})
	if list := w.core.Settings("permission"); len(list) > 0 {
		t.Errorf("there are %v", list)
	}
	w.crash(1)
	if list := w.core.Settings("permission"); len(list) > 0 {
		t.Errorf("after a crash there are %v", list)
	}
	w.must(w.core.Set(t.Context(), late))
}

// No queue is declared beyond the limit of its virtual host; those that are there stay, and may be declared again.
func TestAVHostHasNoMoreQueuesThanItMay(t *testing.T) {
	w := newWorld(t, disk.NewMem())
	v, _ := w.core.VHost("/")
	w.durable("a", "b")
	one := int64(1)
	w.must(v.SetLimits(t.Context(), Limits{MaxQueues: &one}))
	w.crash(1)
	_, err := w.tryDeclare(w.client, QueueSpec{Name: "c"})
	wantCode(t, err, amqp.PreconditionFailed, "cannot declare queue 'c': queue limit in vhost '/' (1) is reached")
	w.durable("a")
	w.delete("a")
	w.delete("b")
	w.durable("c")
	v, _ = w.core.VHost("/")
	w.must(v.SetLimits(t.Context(), Limits{}))
	w.durable("d")
}

// What Set and Unset have answered, and what became of virtual hosts, holds after a crash.
func TestASettingIsSafeWhenItIsAnswered(t *testing.T) {
	for seed := range uint64(20) {
		w := newWorld(t, disk.NewMem())
		w.put("user", "", "alice", "1")
		w.crash(seed)
		w.wantSettings("user", "alice 1")
		w.putVHost("shop", VHostInfo{})
		w.crash(seed)
		w.wantVHosts("/", "shop")
		w.put("permission", "shop", "alice", ".*")
		w.crash(seed)
		w.wantSettings("permission", "shop alice .*")
		if was, err := w.core.Unset(t.Context(), "user", "", "alice"); !was || err != nil {
			t.Fatal(was, err)
		}
		w.crash(seed)
		w.wantSettings("user")
		w.deleteVHost("shop")
		w.crash(seed)
		w.wantVHosts("/")
		w.wantSettings("permission")
		w.core.Close()
	}
}

// A crash at any moment while the first virtual host is made leaves the one that was taken for granted until then, with all that is in it: it is written
// down first.
func TestTheFirstVirtualHostThatIsMadeEndsNoOther(t *testing.T) {
	w := newWorld(t, disk.NewMem())
	w.putVHost("shop", VHostInfo{})
	granted, _ := w.core.VHost("/")
	made, _ := w.core.VHost("shop")
	if granted.declared == 0 || granted.declared > made.declared {
		t.Errorf("/ is written down at %d, and shop at %d", granted.declared, made.declared)
	}
}
