package measure

import (
	"runtime"

	"golang.org/x/sys/unix"
)

func machineClock() int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		panic(err)
	}
	return t.Nano()
}

// preciseSleep lets SleepUntil wake the calling goroutine on time, and not up to 50 µs later.
func preciseSleep() {
	runtime.LockOSThread()
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
}

// SleepUntil blocks a thread: Go's own timers wake an idle process a millisecond late. Signals wake it early.
func SleepUntil(t int64) {
	until := unix.NsecToTimespec(t)
	for Now() < t {
		_ = unix.ClockNanosleep(unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME, &until, nil)
	}
}
