package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/postrider-mq/postrider/torture/broker"
	"github.com/postrider-mq/postrider/torture/trace"
)

// needStrace skips a test, aloud, where no process may look at another's system calls.
func needStrace(t *testing.T) {
	t.Helper()
	out, err := exec.Command("strace", "-f", "--seccomp-bpf", "-o", os.DevNull, "-e", "trace=fdatasync", "true").CombinedOutput()
	if err != nil {
		t.Skipf("SKIPPED: nothing is known here about system calls: strace does not work: %v: %s", err, out)
	}
}

// traced is a broker under strace.
type traced struct {
	*broker.Broker
	url string
	dir string
	out string
}

// startTraced starts a broker under strace, which is given more flags, to inject faults.
func startTraced(t *testing.T, program, dir string, inject, flags []string) *traced {
	t.Helper()
	out := filepath.Join(keptDir(t), "strace")
	args := slices.Concat([]string{"strace", "-o", out}, trace.Flags, inject, broker.Serve(program, dir, flags...))
	b, err := broker.Start(args)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Kill)
	tr := &traced{Broker: b, dir: dir, out: out}
	if tr.url, err = b.Ready(); err != nil {
		t.Fatal(err)
	}
	return tr
}

// serverPID is the broker's own process, not strace's: it stands in the directory's lock.
func serverPID(t *testing.T, dir string) int {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "LOCK"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// terminate asks the broker to end, and waits for it and strace.
func (tr *traced) terminate(t *testing.T) {
	t.Helper()
	if err := syscall.Kill(serverPID(t, tr.dir), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := tr.Ended(); err != nil {
		t.Fatal(err)
	}
}

// read reads the trace of a broker that has ended.
func (tr *traced) read(t *testing.T) *trace.Trace {
	t.Helper()
	<-tr.Done()
	f, err := os.Open(tr.out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	read, err := trace.Read(f)
	if err != nil {
		t.Fatal(err)
	}
	return read
}

// small is a journal whose files fit into a trace.
func small(more ...string) []string { return append([]string{"--segment-size", "256KiB"}, more...) }

// load has four publishers send, with windows from one to many, until they are done or cut off.
func load(t *testing.T, url string, messages int) (publishers []*steady, addresses map[string]int) {
	t.Helper()
	addresses = map[string]int{}
	for i := range 4 {
		p := newSteady(t, url, i, 100)
		publishers, addresses[p.address()] = append(publishers, p), i
	}
	done := make(chan struct{})
	for i, p := range publishers {
		go func() {
			defer func() { done <- struct{}{} }()
			p.publish(messages*[]int{1, 2, 4, 4}[i]/4, []int{1, 5, 50, 300}[i])
		}()
	}
	for range publishers {
		<-done
	}
	return publishers, addresses
}

func checkConfirms(t *testing.T, tr *trace.Trace, addresses map[string]int, publishers []*steady) trace.Report {
	t.Helper()
	r, err := trace.Confirms(tr, addresses)
	if err != nil {
		t.Fatal(err)
	}
	confirmed := 0
	for _, p := range publishers {
		confirmed += len(p.confirmed)
	}
	t.Logf("%d syncs, %d confirmed in the trace, %d seen by publishers, %d early", r.Syncs, r.Confirmed, confirmed, len(r.Early))
	if r.Confirmed < confirmed || confirmed == 0 {
		t.Errorf("publishers saw %d confirms, and the trace tells of %d: it was misread", confirmed, r.Confirmed)
	}
	return r
}

func TestNoConfirmPrecedesItsSync(t *testing.T) {
	needStrace(t)
	tr := startTraced(t, program, t.TempDir(), nil, small())
	publishers, addresses := load(t, tr.url, 1000)
	tr.terminate(t)
	r := checkConfirms(t, tr.read(t), addresses, publishers)
	for _, early := range r.Early[:min(len(r.Early), 10)] {
		t.Error(early)
	}
	if r.Confirmed != 2750 {
		t.Errorf("%d of 2750 messages were confirmed", r.Confirmed)
	}
}

// The check must be able to see what it looks for.
func TestConfirmsWithoutSyncsAreSeen(t *testing.T) {
	needStrace(t)
	for _, mode := range []string{"none", "interval"} {
		t.Run(mode, func(t *testing.T) {
			tr := startTraced(t, program, t.TempDir(), nil, small("--sync", mode))
			publishers, addresses := load(t, tr.url, 200)
			tr.terminate(t)
			if r := checkConfirms(t, tr.read(t), addresses, publishers); len(r.Early) == 0 {
				t.Error("a broker that confirms before it syncs went unnoticed")
			}
		})
	}
}

// A sync fails in the midst of work: nothing that it was to cover is confirmed, nothing after it, and the process ends.
func TestAFailedSyncIsTheEndOfTheProcess(t *testing.T) {
	needStrace(t)
	for _, when := range []string{"12", "20", "30+"} { // counted for each thread; the declarations take fewer
		t.Run(when, func(t *testing.T) {
			dir := t.TempDir()
			tr := startTraced(t, program, dir, []string{"-e", "inject=fdatasync:error=EIO:when=" + when}, small())
			publishers, addresses := load(t, tr.url, 4000)
			wantFailure(t, tr, publishers, addresses, "fdatasync")
			again, url := start(t, broker.Serve(program, dir, small()...))
			for _, p := range publishers {
				p.wantStored(t, url)
			}
			stop(t, again)
		})
	}
}

// A write fails for want of space where space was reserved. The broker may end, as after any failed write; it may not confirm.
func TestAFailedWriteIsTheEndOfTheProcess(t *testing.T) {
	needStrace(t)
	for _, errno := range []string{"ENOSPC", "EIO"} {
		t.Run(errno, func(t *testing.T) {
			dir := t.TempDir()
			tr := startTraced(t, program, dir, []string{"-e", "inject=pwrite64:error=" + errno + ":when=25+"}, small())
			publishers, addresses := load(t, tr.url, 4000)
			wantFailure(t, tr, publishers, addresses, "pwrite64")
			again, url := start(t, broker.Serve(program, dir, small()...))
			for _, p := range publishers {
				p.wantStored(t, url)
			}
			stop(t, again)
		})
	}
}

// wantFailure wants a broker that ended by itself, soon after a call failed, and confirmed nothing that was not safe.
func wantFailure(t *testing.T, tr *traced, publishers []*steady, addresses map[string]int, call string) {
	t.Helper()
	select {
	case <-tr.Done():
	case <-time.After(patience):
		t.Fatal("the broker goes on although its disk has failed")
	}
	if tr.ExitCode() <= 0 {
		t.Errorf("exit code %d\n%s", tr.ExitCode(), tr.Log())
	}
	read := tr.read(t)
	if r := checkConfirms(t, read, addresses, publishers); len(r.Early) > 0 {
		t.Errorf("%d confirms were early: %s", len(r.Early), r.Early[0])
	}
	failed := slices.IndexFunc(read.Calls, func(c *trace.Call) bool { return c.Name == call && c.Err != "" })
	if failed < 0 {
		t.Fatalf("no %s failed: nothing was tested", call)
	}
	took := time.Duration((read.Ended - read.Calls[failed].At) * float64(time.Second))
	t.Logf("the process ended %v after the %s that failed", took.Round(time.Millisecond), call)
	if took > 3*time.Second { // promised is one; strace and whoever else uses the machine get the rest
		t.Errorf("the process ended %v after the %s that failed, want at most a second", took, call)
	}
}

func start(t *testing.T, args []string) (b *broker.Broker, url string) {
	t.Helper()
	b, err := broker.Start(args)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Kill)
	if url, err = b.Ready(); err != nil {
		t.Fatal(err)
	}
	return b, url
}

func stop(t *testing.T, b *broker.Broker) {
	t.Helper()
	if err := b.Stop(); err != nil {
		t.Error(err)
	}
}
