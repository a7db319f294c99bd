package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
	exitDamage = 3 // of journal verify and repair: the journal is damaged
)

func main() {
	growStack(0)
	// The first signal ends what is going on in good order, a second one ends the process.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, newRoot(os.Args[1:]...), os.Args[1:], os.Stderr))
}

// growStack has the stack of the main goroutine grow while there is little on it. Each time that a stack grows, all frames on it are looked up in
// the program's tables: deep in a verb these are half a megabyte of them, to be read from the disk and kept in memory.
//
//go:noinline
func growStack(i int) byte {
	var room [24 << 10]byte // more than a broker needs to start
	return room[i]
}

// run runs a command line and returns the exit code.
func run(ctx context.Context, root *cobra.Command, args []string, stderr io.Writer) int {
	understood := false
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		understood = true
		return checkFlags(cmd)
	}
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	var usage usageError
	switch {
	case err == nil:
		return exitOK
	case !understood || errors.As(err, &usage):
		fmt.Fprintf(stderr, "postrider: %s\nTry '%s --help'.\n", oneLine(err), cmd.CommandPath())
		return exitUsage
	case errors.Is(err, errDamage):
		return exitDamage
	case !errors.Is(err, errSilent):
		complain(stderr, err)
	}
	return exitFailed
}

// complain says in a line what has failed, and in another what to do about it.
func complain(stderr io.Writer, err error) {
	fmt.Fprintf(stderr, "postrider: %s\n", oneLine(err))
	if todo := remedy(err); todo != "" {
		fmt.Fprintf(stderr, "What to do: %s\n", todo)
	}
}

// usageError is a command line that makes no sense.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// errSilent fails a command that has already said why.
var errSilent = errors.New("failed")

// errDamage ends a command that has found a damaged journal, and said so.
var errDamage = errors.New("the journal is damaged")

// oneLine is an error as one line, for a reader who knows which program is speaking. Some of it may be in others' words: they give no orders to a terminal.
func oneLine(err error) string {
	text := strings.TrimPrefix(err.Error(), "postrider: ")
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == '\n' }), "; ")
	if strings.IndexFunc(text, unseen) < 0 {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if unseen(r) {
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}
