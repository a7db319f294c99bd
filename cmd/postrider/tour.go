package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/postrider-mq/postrider/cmd/postrider/internal/tour"
)

func newTour() *cobra.Command {
	return &cobra.Command{
		Use:   "tour",
		Short: "See the four ways live, and what they do when a process is killed",
		Long: text(`
			Start a broker and two nodes as processes of their own, pass messages among them in all four
			ways, kill the receiver and the broker with messages outstanding, measure, and compare. Every
			claim is checked; the tour fails if one does not hold. It takes less than half a minute,
			uses a temporary directory and ports of 127.0.0.1, and leaves nothing behind.

			Colours are for terminals, and NO_COLOR turns them off.`),
		Example: examples(`
			postrider tour
			postrider tour > tour.txt`),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			program, err := os.Executable()
			if err != nil {
				return fmt.Errorf("where this program is: %w", err)
			}
			return interruptibly(cmd.Context(), func(ctx context.Context) error {
				return tour.Run(ctx, tour.Config{
					Program: program,
					Out:     cmd.OutOrStdout(),
					Colours: colourful(os.Stdout),
					Live:    isLive(os.Stdout),
				})
			})
		},
	}
}

// untilHangUp ends when the terminal is closed, too, so that the tour can clean up.
func untilHangUp(ctx context.Context) (context.Context, context.CancelFunc) {
	if signal.Ignored(syscall.SIGHUP) {
		return context.WithCancel(ctx)
	}
	return signal.NotifyContext(ctx, syscall.SIGHUP)
}

// interruptibly runs what has to clean up when it is interrupted, or the terminal closed; it fails with errInterrupted then.
func interruptibly(ctx context.Context, run func(context.Context) error) error {
	ctx, stop := untilHangUp(ctx)
	defer stop()
	err := run(ctx)
	if err != nil && ctx.Err() != nil {
		return errInterrupted
	}
	return err
}

// isLive reports whether a line that is written there can be written over.
func isLive(w any) bool { return isTerminal(w) && os.Getenv("TERM") != "dumb" }

func colourful(w any) bool { return isLive(w) && os.Getenv("NO_COLOR") == "" }

// newTourNode is what the tour starts as alice and bob.
func newTourNode() *cobra.Command {
	return newChild(tour.NodeVerb, "Be a node of the tour", func(cmd *cobra.Command) error {
		return tour.Node(cmd.Context(), cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr())
	})
}

// newChild is a verb that this program starts itself with, in a process of its own; nobody else needs to know it.
func newChild(verb, short string, be func(cmd *cobra.Command) error) *cobra.Command {
	return &cobra.Command{
		Use:    verb,
		Short:  short,
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE:   func(cmd *cobra.Command, _ []string) error { return be(cmd) },
	}
}
