package scrape

import (
	"runtime"
	"runtime/metrics"
	"time"
)

// memory are figures of the Go runtime, under the names that Prometheus's own library gives them.
var memory = []*figure[runtime.MemStats]{
	gauge("go_memstats_alloc_bytes", "Bytes of objects in the heap.", func(m *runtime.MemStats) float64 { return number(m.Alloc) }),
	counter("go_memstats_alloc_bytes_total", "Bytes of objects that were ever made in the heap.", func(m *runtime.MemStats) float64 { return number(m.TotalAlloc) }),
	counter("go_memstats_mallocs_total", "Objects that were made in the heap.", func(m *runtime.MemStats) float64 { return number(m.Mallocs) }),
	counter("go_memstats_frees_total", "Objects that were freed.", func(m *runtime.MemStats) float64 { return number(m.Frees) }),
	gauge("go_memstats_sys_bytes", "Bytes from the system.", func(m *runtime.MemStats) float64 { return number(m.Sys) }),
	gauge("go_memstats_heap_alloc_bytes", "Bytes of objects in the heap.", func(m *runtime.MemStats) float64 { return number(m.HeapAlloc) }),
	gauge("go_memstats_heap_sys_bytes", "Bytes of the heap from the system.", func(m *runtime.MemStats) float64 { return number(m.HeapSys) }),
	gauge("go_memstats_heap_idle_bytes", "Bytes of the heap that nothing is in.", func(m *runtime.MemStats) float64 { return number(m.HeapIdle) }),
	gauge("go_memstats_heap_inuse_bytes", "Bytes of the heap that something is in.", func(m *runtime.MemStats) float64 { return number(m.HeapInuse) }),
	gauge("go_memstats_heap_released_bytes", "Bytes of the heap that were given back to the system.", func(m *runtime.MemStats) float64 { return number(m.HeapReleased) }),
	gauge("go_memstats_heap_objects", "Objects in the heap.", func(m *runtime.MemStats) float64 { return number(m.HeapObjects) }),
	gauge("go_memstats_stack_inuse_bytes", "Bytes of stacks.", func(m *runtime.MemStats) float64 { return number(m.StackInuse) }),
	gauge("go_memstats_stack_sys_bytes", "Bytes of stacks from the system.", func(m *runtime.MemStats) float64 { return number(m.StackSys) }),
	gauge("go_memstats_mspan_inuse_bytes", "Bytes that say what lies where in the heap.", func(m *runtime.MemStats) float64 { return number(m.MSpanInuse) }),
	gauge("go_memstats_mspan_sys_bytes", "Bytes for that from the system.", func(m *runtime.MemStats) float64 { return number(m.MSpanSys) }),
	gauge("go_memstats_mcache_inuse_bytes", "Bytes of the processors' caches of the heap.", func(m *runtime.MemStats) float64 { return number(m.MCacheInuse) }),
	gauge("go_memstats_mcache_sys_bytes", "Bytes for those from the system.", func(m *runtime.MemStats) float64 { return number(m.MCacheSys) }),
	gauge("go_memstats_buck_hash_sys_bytes", "Bytes of profiles from the system.", func(m *runtime.MemStats) float64 { return number(m.BuckHashSys) }),
	gauge("go_memstats_gc_sys_bytes", "Bytes of the garbage collector from the system.", func(m *runtime.MemStats) float64 { return number(m.GCSys) }),
	gauge("go_memstats_other_sys_bytes", "Other bytes from the system.", func(m *runtime.MemStats) float64 { return number(m.OtherSys) }),
	gauge("go_memstats_next_gc_bytes", "Bytes of the heap at which garbage is collected next.", func(m *runtime.MemStats) float64 { return number(m.NextGC) }),
	gauge("go_memstats_last_gc_time_seconds", "When garbage was collected last, in seconds since 1970.", func(m *runtime.MemStats) float64 {
		return time.Duration(m.LastGC).Seconds()
	}),
}

// process returns figures of the process's Go runtime.
func process() []Family {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	one := func(name, help string, n int) Family {
		return Family{Name: name, Help: help, Kind: Gauge, Series: []Series{{Value: float64(n)}}}
	}
	all := []Family{
		info("go_info", "The version of Go.", []string{"version"}, runtime.Version()),
		one("go_goroutines", "Goroutines.", runtime.NumGoroutine()),
		one("go_threads", "Threads of the system.", threads()),
		one("go_sched_gomaxprocs_threads", "Threads that may run Go code at a time.", runtime.GOMAXPROCS(0)),
		{
			Name: "go_gc_duration_seconds", Help: "How long all stood still for the garbage collector.", Kind: Summary,
			Spread: Spread{Count: uint64(m.NumGC), Sum: time.Duration(m.PauseTotalNs).Seconds()},
		},
	}
	for _, f := range memory {
		all = append(all, f.of(&m))
	}
	return all
}

func threads() int {
	sample := []metrics.Sample{{Name: "/sched/threads/total:threads"}}
	if metrics.Read(sample); sample[0].Value.Kind() == metrics.KindUint64 {
		return int(sample[0].Value.Uint64())
	}
	return 0
}
