package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"unicode/utf8"
)

// maxLine bounds a message that is a line of stdin, in bytes.
const maxLine = 16 << 20

// bodies are the messages of a command line: the one that is an argument, else a file, else stdin's lines.
func bodies(ctx context.Context, args []string, file string, stdin io.Reader) iter.Seq2[string, error] {
	switch {
	case len(args) > 0:
		return func(yield func(string, error) bool) { yield(args[0], nil) }
	case file != "":
		return func(yield func(string, error) bool) { yield(wholeFile(ctx, file, stdin)) }
	}
	return lines(ctx, stdin)
}

// maxFile bounds a message that is a file, in bytes: RabbitMQ takes no larger ones.
const maxFile = 128 << 20

func wholeFile(ctx context.Context, path string, stdin io.Reader) (string, error) {
	from := stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return "", fmt.Errorf("--file: %w", err)
		}
		defer f.Close()
		from = f
	}
	b, err := readAll(ctx, io.LimitReader(from, maxFile+1))
	if err == nil && len(b) > maxFile {
		err = errors.New("it is longer than 128 MiB")
	}
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("--file %s: %w", path, err)
	}
	if err != nil {
		return "", err
	}
	return string(b), nil
}

// readAll reads to the end, or until ctx ends, which a pipe that nobody writes to would not notice.
func readAll(ctx context.Context, r io.Reader) ([]byte, error) {
	var all []byte
	read := make(chan error, 1)
	go func() {
		b, err := io.ReadAll(r)
		all = b
		read <- err
	}()
	select {
	case err := <-read:
		return all, err
	case <-ctx.Done():
		return nil, errInterrupted
	}
}

// typed is a body as text, or as bytes where it is none.
func typed(body string) any {
	if utf8.ValidString(body) {
		return body
	}
	return []byte(body)
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
		return fmt.Errorf("stdin: a line is longer than %d MiB: --file - takes all of stdin as one message", maxLine>>20)
	}
	return s.Err()
}
