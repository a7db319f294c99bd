//go:build linux && !race

package ballast

import (
	"bytes"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// resident is how much of the machine's memory this process has.
func resident(t *testing.T) int {
	t.Helper()
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(b))[1])
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}

// In a process of its own: memory that was touched before may be used again.
func TestWhatIsHeldIsNotTouched(t *testing.T) {
	const here = "POSTRIDER_TEST_RESIDENT"
	if os.Getenv(here) == "" {
		fresh := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
		fresh.Env = append(os.Environ(), here+"=1")
		if out, err := fresh.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("--- PASS: "+t.Name())) {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	untuned(t)
	before := resident(t)
	if load(0); Size() != most {
		t.Fatalf("%d bytes are held", Size())
	}
	if more := resident(t) - before; more > most/4 {
		t.Errorf("%d bytes became resident", more)
	}
}
