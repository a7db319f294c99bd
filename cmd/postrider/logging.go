package main

import (
	"io"
	"log/slog"

	"github.com/spf13/pflag"
)

// logOptions are the flags that say what is logged, and how.
type logOptions struct {
	level  string
	format string
}

func (o *logOptions) flags(f *pflag.FlagSet, level string) {
	f.StringVar(&o.level, "log-level", level, "least important `level` that is logged: debug, info, warn or error")
	f.StringVar(&o.format, "log-format", "text", "`format` of the log: text or json")
}

func (o *logOptions) logger(w io.Writer) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(o.level)); err != nil {
		return nil, usagef("--log-level %q: want debug, info, warn or error", o.level)
	}
	options := &slog.HandlerOptions{Level: level}
	switch o.format {
	case "text":
		return slog.New(slog.NewTextHandler(w, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, options)), nil
	}
	return nil, usagef("--log-format %q: want text or json", o.format)
}
