package measure_test

import (
	"errors"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/postrider-mq/postrider/internal/measure"
)

func TestPaceCountsFromWhenAMessageWasDue(t *testing.T) {
	p := measure.NewPace(1_000_000)
	first, _ := p.Next(0)
	if due, err := p.Next(3); due != first+3000 || measure.Now() < due || err != nil {
		t.Errorf("due %d after the first, %v", due-first, err)
	}
	full := measure.NewPace(0)
	untimed, _ := full.Next(1)
	timed, _ := full.Next(measure.TimedEach)
	if untimed != 0 || timed == 0 {
		t.Error("at full speed one message in so many is timed")
	}
	broken := errors.New("broken")
	p.Idle = func() error { return broken }
	if _, err := p.Next(1 << 40); err != broken {
		t.Errorf("what was put together is not flushed before a long wait: %v", err)
	}
}

func TestAPaceBeginsWhenItIsTold(t *testing.T) {
	p := measure.NewPace(1000)
	long := measure.Now() - int64(time.Hour)
	p.Begin(long)
	if due, err := p.Next(2); due != long+2e6 || err != nil {
		t.Errorf("due %d after the beginning, %v", due-long, err)
	}
}

func TestAHistogramIsReadAsItWasWritten(t *testing.T) {
	h := measure.NewHistogram()
	empty, err := measure.EncodeHistogram(h)
	if empty != nil || err != nil {
		t.Errorf("an empty one is %d bytes, %v", len(empty), err)
	}
	measure.Record(h, -5)
	measure.Record(h, int64(time.Hour))
	b, err := measure.EncodeHistogram(h)
	if err != nil {
		t.Fatal(err)
	}
	again, err := measure.DecodeHistogram(b)
	if err != nil || again.TotalCount() != 2 || again.Min() != 1 || again.Max() < int64(59*time.Second) {
		t.Errorf("%v, %v", again, err)
	}
	if h, err := measure.DecodeHistogram(nil); err != nil || h.TotalCount() != 0 {
		t.Errorf("nothing is read as %v, %v", h, err)
	}
}

func TestThisProcessHasUsedSomething(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("it is looked up in Linux's /proc")
	}
	if n := measure.Resident(os.Getpid()); n < 1<<20 {
		t.Errorf("it has %d bytes", n)
	}
	if own, all := measure.Own(os.Getpid()), measure.Resident(os.Getpid()); own == 0 || own >= all {
		t.Errorf("%d of %d bytes are its own", own, all)
	}
	if measure.Resident(-1) != 0 || measure.Own(-1) != 0 || measure.CPUSeconds(-1) != 0 {
		t.Error("there is no such process")
	}
}
