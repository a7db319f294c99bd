package main

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// cpuSeconds is what this process has used so far.
func cpuSeconds() float64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return seconds(u.Utime) + seconds(u.Stime)
}

func seconds(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }

// cpuSecondsOf is what another process has used so far; 0 where there is no /proc.
func cpuSecondsOf(pid int) float64 {
	b, err := os.ReadFile(procFile(pid, "stat"))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(b), ") ") // the name before may have anything in it
	f := strings.Fields(rest)
	if len(f) < 13 {
		return 0
	}
	user, _ := strconv.ParseFloat(f[11], 64)
	system, _ := strconv.ParseFloat(f[12], 64)
	return (user + system) / clockTicks
}

const clockTicks = 100 // a second, on every Linux

// resident is the resident memory of a process in bytes; 0 where there is no /proc.
func resident(pid int) uint64 {
	b, err := os.ReadFile(procFile(pid, "statm"))
	if err != nil {
		return 0
	}
	f := strings.Fields(string(b))
	if len(f) < 2 {
		return 0
	}
	pages, _ := strconv.ParseUint(f[1], 10, 64)
	return pages * uint64(os.Getpagesize())
}

func procFile(pid int, name string) string { return "/proc/" + strconv.Itoa(pid) + "/" + name }

// A memoryWatch looks at the resident memory of processes from time to time.
type memoryWatch struct {
	pids []int
	most []uint64
	stop chan struct{}
	done chan struct{}
}

const memoryInterval = 100 * time.Millisecond

func watchMemory(pids []int) *memoryWatch {
	w := &memoryWatch{
		pids: pids,
		most: make([]uint64, len(pids)),
		stop: make(chan struct{}),
		done: make(chan struct{}),
	}
	go w.watch()
	return w
}

func (w *memoryWatch) watch() {
	defer close(w.done)
	tick := time.NewTicker(memoryInterval)
	defer tick.Stop()
	for {
		w.look()
		select {
		case <-tick.C:
		case <-w.stop:
			return
		}
	}
}

func (w *memoryWatch) look() {
	for i, pid := range w.pids {
		w.most[i] = max(w.most[i], resident(pid))
	}
}

// end returns the most that each process was seen to have.
func (w *memoryWatch) end() []uint64 {
	close(w.stop)
	<-w.done
	return w.most
}
