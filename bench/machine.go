package main

import (
	"context"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// machine is where the figures come from.
type machine struct {
	CPU    string
	CPUs   int
	Memory uint64 // bytes
	Kernel string
	Disk   string // file system of the durable rows
	Go     string
	Date   string
}

func thisMachine(dir string) machine {
	return machine{
		CPU:    cpuModel(),
		CPUs:   runtime.NumCPU(),
		Memory: totalMemory(),
		Kernel: kernel(),
		Disk:   fileSystem(dir),
		Go:     runtime.Version(),
		Date:   time.Now().UTC().Format("2006-01-02 15:04 MST"),
	}
}

func cpuModel() string {
	if name := lineOf("/proc/cpuinfo", "model name"); name != "" {
		return name
	}
	return runtime.GOARCH
}

func totalMemory() uint64 {
	kilobytes, _ := strconv.ParseUint(strings.TrimSuffix(lineOf("/proc/meminfo", "MemTotal"), " kB"), 10, 64)
	return kilobytes << 10
}

// lineOf is what stands behind the colon of the first line of that name.
func lineOf(file, name string) string {
	b, _ := os.ReadFile(file)
	for line := range strings.Lines(string(b)) {
		before, after, _ := strings.Cut(line, ":")
		if strings.TrimSpace(before) == name {
			return strings.TrimSpace(after)
		}
	}
	return ""
}

// productAt asks a broker who it is.
func productAt(ctx context.Context, url string) (string, error) {
	f, err := openForeign(ctx, url, false)
	if err != nil {
		return "", err
	}
	defer f.close()
	return f.product, nil
}
