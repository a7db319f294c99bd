package measure

import (
	"os"
	"strconv"
	"strings"
)

// CPUSeconds is what a process has used so far; 0 where there is no /proc.
func CPUSeconds(pid int) float64 {
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

// Resident is the resident memory of a process in bytes; 0 where there is no /proc.
func Resident(pid int) uint64 {
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
