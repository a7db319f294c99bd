package main

import (
	"errors"
	"time"

	"github.com/spf13/pflag"

	"github.com/postrider-mq/postrider/broker"
)

// timeoutFlag is a broker.Config.ConsumerTimeout: a time, or the word none. It
// takes no 0, which could mean either.
type timeoutFlag time.Duration

const (
	defaultTimeout  = 30 * time.Minute
	shortestTimeout = time.Second
)

func (t *timeoutFlag) flags(f *pflag.FlagSet) {
	*t = timeoutFlag(defaultTimeout)
	f.Var(t, "consumer-timeout", "how `long` a delivered message may wait for its acknowledgement before its channel is closed, as in 2h; or none")
}

func (t *timeoutFlag) Type() string { return "duration" }

func (t *timeoutFlag) String() string {
	if time.Duration(*t) == broker.NoTimeout {
		return "none"
	}
	return time.Duration(*t).String()
}

func (t *timeoutFlag) Set(text string) error {
	if text == "none" {
		*t = timeoutFlag(broker.NoTimeout)
		return nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < shortestTimeout {
		return errors.New("want 1s or more, or none")
	}
	*t = timeoutFlag(d)
	return nil
}
