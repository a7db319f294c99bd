package journal

import (
	"sync/atomic"
	"testing"

	"github.com/postrider-mq/postrider/internal/disk"
)

// BenchmarkAppend is the price that a publisher pays. The disk takes no time here.
func BenchmarkAppend(b *testing.B) {
	for _, size := range []int{100, 1024} {
		b.Run(byteCount(size), func(b *testing.B) {
			j, _ := openT(b, Config{FS: nullFS{disk.NewMem()}})
			body, head := make([]byte, size-20), make([]byte, 20)
			b.SetBytes(int64(recordSize(size)))
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				lsn := j.Append(1, false, head, body)
				if i%1000 == 999 {
					waitT(b, j, lsn)
				}
			}
		})
	}
}

// BenchmarkConfirmed appends 100-byte records to the real disk and keeps the given number of them unconfirmed.
func BenchmarkConfirmed(b *testing.B) {
	for _, inFlight := range []int{1, 1000} {
		b.Run(map[int]string{1: "1-in-flight", 1000: "1000-in-flight"}[inFlight], func(b *testing.B) {
			var durable atomic.Uint64
			moved := make(chan struct{}, 1)
			j, _ := openT(b, Config{FS: disk.OS(b.TempDir()), OnDurable: func(upTo LSN) {
				durable.Store(uint64(upTo))
				select {
				case moved <- struct{}{}:
				default:
				}
			}})
			body := make([]byte, 100)
			window := make([]LSN, inFlight)
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				for old := window[i%inFlight]; uint64(old) > durable.Load(); {
					<-moved
				}
				window[i%inFlight] = j.Append(1, false, body)
				i++
			}
			waitT(b, j, j.Last())
			b.ReportMetric(float64(i)/b.Elapsed().Seconds(), "confirmed/s")
			b.ReportMetric(float64(i)/float64(max(1, j.Stats().Batches)), "records/batch")
		})
	}
}

// BenchmarkConsumed has records of 1 KiB on the real disk that are needed until a thousand more have come, so that segments come and go.
func BenchmarkConsumed(b *testing.B) {
	j, _ := openT(b, Config{FS: disk.OS(b.TempDir())})
	body := make([]byte, 1024)
	window := make([]LSN, 1000)
	b.SetBytes(int64(recordSize(len(body))))
	for i := 0; b.Loop(); i++ {
		if old := window[i%len(window)]; old > 0 {
			waitT(b, j, old)
			j.Release(old)
		}
		window[i%len(window)] = j.Append(1, true, body)
	}
}

// BenchmarkBacklog has records of 1 KiB on the real disk that nobody releases, a thousand of them not confirmed. What counts is the
// processor time: see time -v, or perf.
func BenchmarkBacklog(b *testing.B) {
	j, _ := openT(b, Config{FS: disk.OS(b.TempDir())})
	body := make([]byte, 1024)
	window := make([]LSN, 1000)
	b.SetBytes(int64(recordSize(len(body))))
	for i := 0; b.Loop(); i++ {
		waitT(b, j, window[i%len(window)])
		window[i%len(window)] = j.Append(1, true, body)
	}
}

// nullFS forgets what is written to it, at no cost.
type nullFS struct{ disk.FS }

func (n nullFS) Create(name string) (disk.File, error) {
	f, err := n.FS.Create(name)
	return nullFile{f}, err
}
func (n nullFS) Open(name string) (disk.File, error) {
	f, err := n.FS.Open(name)
	return nullFile{f}, err
}

type nullFile struct{ disk.File }

func (nullFile) WriteAt(p []byte, _ int64) (int, error)     { return len(p), nil }
func (nullFile) WriteBlocks(p []byte, _ int64) (int, error) { return len(p), nil }
func (nullFile) Sync() error                                { return nil }

func byteCount(n int) string {
	if n >= 1024 {
		return "1KiB"
	}
	return "100B"
}
