package machine

import (
	"fmt"
	"os"
	"strings"
)

// OpenFilesOf is how many files and sockets another process may have open; 0 when the system does not tell.
func OpenFilesOf(pid int) (n uint64) {
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(limits)) {
		if rest, ok := strings.CutPrefix(line, "Max open files"); ok {
			_, _ = fmt.Sscan(rest, &n) // "unlimited" is no number, and nothing to tell of
		}
	}
	return n
}
