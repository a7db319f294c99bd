package ballast

import (
	"cmp"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"sync/atomic"

	"github.com/postrider-mq/postrider/internal/machine"
)

// most is how much there is at most, in bytes, and share what part of the memory of a machine that has little.
const (
	most  = 16 << 20
	share = 256
)

var (
	armed sync.Once
	held  atomic.Pointer[[]byte]
)

// Keep has this process hold ballast from its first collection on, so that one that never collects has none. Nor has one whose user has said how to
// collect: with GOGC or GOMEMLIMIT, or in the program. For good: there is one of it, for all nodes and brokers in the process.
func Keep() { armed.Do(arm) }

func arm() {
	type mark struct{ _ [16]byte }
	runtime.AddCleanup(new(mark), func(memory int64) { load(memory) }, machine.Memory())
}

func load(memory int64) {
	if isTuned() {
		return
	}
	b := make([]byte, sizeFor(memory))
	held.Store(&b)
}

// Size is how many bytes are held.
func Size() int64 {
	if b := held.Load(); b != nil {
		return int64(len(*b))
	}
	return 0
}

// sizeFor is the size on a machine of so much memory; 0 is not known.
func sizeFor(memory int64) int64 { return min(cmp.Or(memory, math.MaxInt64)/share, most) }

// usualPercent is Go's own: collect when the heap has doubled.
const usualPercent = 100

func isTuned() bool {
	percent := []metrics.Sample{{Name: "/gc/gogc:percent"}}
	metrics.Read(percent)
	return os.Getenv("GOGC") != "" || percent[0].Value.Uint64() != usualPercent || debug.SetMemoryLimit(-1) != math.MaxInt64
}
