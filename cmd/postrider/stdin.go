package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
)

// maxLine bounds a message that is a line of stdin, in bytes.
const maxLine = 16 << 20

// bodies are the messages of a command line: the one that is an argument, else stdin's lines.
func bodies(ctx context.Context, args []string, stdin io.Reader) iter.Seq2[string, error] {
	if len(args) > 0 {
		return func(yield func(string, error) bool) { yield(args[0], nil) }
	}
	return lines(ctx, stdin)
}

// lines reads lines until the end or until ctx ends, which a terminal that nobody types at would not notice.
func lines(ctx context.Context, r io.Reader) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		read := make(chan string)
		failed := make(chan error, 1)
		go func() { failed <- scan(ctx, r, read) }()
		for {
			select {
			case s := <-read:
				if !yield(s, nil) {
					return
				}
			case err := <-failed:
				if err != nil {
					yield("", err)
				}
				return
			case <-ctx.Done():
				yield("", ctx.Err())
				return
			}
		}
	}
}

func scan(ctx context.Context, r io.Reader, read chan<- string) error {
	s := bufio.NewScanner(r)
	s.Buffer(nil, maxLine)
	for n := 1; s.Scan(); n++ {
		select {
		case read <- s.Text():
		case <-ctx.Done():
			return nil
		}
	}
	if errors.Is(s.Err(), bufio.ErrTooLong) {
		return fmt.Errorf("stdin: a line is longer than %d MiB", maxLine>>20)
	}
	return s.Err()
}
