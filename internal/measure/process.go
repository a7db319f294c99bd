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
	all, _ := pages(pid)
	return all * uint64(os.Getpagesize())
}

// Own is what is resident of a process in bytes that is no page of a file, as its program is; 0 where there is no /proc.
func Own(pid int) uint64 {
	all, mapped := pages(pid)
	return (all - mapped) * uint64(os.Getpagesize())
}

// pages are those of a process that are resident, and those among them that are of files.
func pages(pid int) (all, mapped uint64) {
	b, err := os.ReadFile(procFile(pid, "statm"))
	if err != nil {
		return 0, 0
	}
	f := strings.Fields(string(b))
	if len(f) < 3 {
		return 0, 0
	}
	all, _ = strconv.ParseUint(f[1], 10, 64)
	mapped, _ = strconv.ParseUint(f[2], 10, 64)
	return all, min(mapped, all)
}

func procFile(pid int, name string) string { return "/proc/" + strconv.Itoa(pid) + "/" + name }
