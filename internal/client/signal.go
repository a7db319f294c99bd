package client

import "sync"

// signal is something that happens once and is waited for.
type signal struct {
	once *sync.Once
	ch   chan struct{}
}

func newSignal() signal { return signal{new(sync.Once), make(chan struct{})} }

func (s signal) raise() { s.once.Do(func() { close(s.ch) }) }
