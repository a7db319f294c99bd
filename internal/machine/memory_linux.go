package machine

import (
	"bytes"
	"os"
	"path"
	"strconv"
	"strings"
)

// Memory is what the machine has, or the process's control group if that is less, in
// bytes; 0 when the system does not tell.
func Memory() int64 {
	least := machineMemory()
	for _, limit := range groupLimits() {
		if limit > 0 && (least == 0 || limit < least) {
			least = limit
		}
	}
	return least
}

func machineMemory() int64 {
	b, _ := os.ReadFile("/proc/meminfo")
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) >= 2 && f[0] == "MemTotal:" {
			kib, _ := strconv.ParseInt(f[1], 10, 64)
			return kib << 10
		}
	}
	return 0
}

// groupLimits are those of the process's control groups, of version 2 and 1, and of the groups that they are in.
func groupLimits() (limits []int64) {
	b, _ := os.ReadFile("/proc/self/cgroup")
	for line := range strings.Lines(string(b)) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(f) < 3 {
			continue
		}
		switch {
		case f[0] == "0" && f[1] == "":
			limits = append(limits, limitsUp("/sys/fs/cgroup", f[2], "memory.max")...)
		case f[1] == "memory":
			limits = append(limits, limitsUp("/sys/fs/cgroup/memory", f[2], "memory.limit_in_bytes")...)
		}
	}
	return limits
}

func limitsUp(root, group, file string) (limits []int64) {
	for ; ; group = path.Dir(group) {
		if b, err := os.ReadFile(path.Join(root, group, file)); err == nil {
			n, _ := strconv.ParseInt(string(bytes.TrimSpace(b)), 10, 64) // "max" is none
			limits = append(limits, n)
		}
		if group == "/" || group == "." || group == "" {
			return limits
		}
	}
}
