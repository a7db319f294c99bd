package postridertest_test

import (
	"context"
	"fmt"
	"os"
	"testing"
)

// Examples have no *testing.T; this is enough of one for them. In a test of yours, t is what go test gives it.
type exampleT struct {
	testing.TB
	ctx  context.Context
	ends []func()
}

// inTest runs what could be a test.
func inTest(test func(t testing.TB)) {
	ctx, cancel := context.WithCancel(context.Background())
	t := &exampleT{ctx: ctx}
	defer func() {
		cancel()
		for i := len(t.ends) - 1; i >= 0; i-- {
			t.ends[i]()
		}
	}()
	test(t)
}

func (t *exampleT) Helper()                  {}
func (t *exampleT) Context() context.Context { return t.ctx }
func (t *exampleT) Cleanup(end func())       { t.ends = append(t.ends, end) }
func (t *exampleT) Failed() bool             { return false }

func (t *exampleT) TempDir() string {
	dir, err := os.MkdirTemp("", "postridertest")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func (t *exampleT) Fatal(args ...any)                 { panic(fmt.Sprintln(args...)) }
func (t *exampleT) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
