package main

import (
	"syscall"
	"time"

	"github.com/postrider-mq/postrider/internal/measure"
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
		w.most[i] = max(w.most[i], measure.Resident(pid))
	}
}

// end returns the most that each process was seen to have.
func (w *memoryWatch) end() []uint64 {
	close(w.stop)
	<-w.done
	return w.most
}
