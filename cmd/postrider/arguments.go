package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// This file puts into words what is wrong with a command line.

// wordArguments has a command and those below it say what they want when their arguments are wrong.
func wordArguments(cmd *cobra.Command) {
	if wants := cmd.Args; cmd.HasSubCommands() {
		cmd.Args = wantVerb
		if !cmd.Runnable() {
			cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		}
	} else if wants != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error { return worded(cmd, args, wants) }
	}
	for _, verb := range cmd.Commands() {
		wordArguments(verb)
	}
}

// wantVerb refuses what is none of a command's verbs.
func wantVerb(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	err := fmt.Errorf("unknown command %q for %q", args[0], cmd.CommandPath())
	if ours, known := rabbitmqctl[args[0]]; known && !cmd.HasParent() {
		return fmt.Errorf("%w: did you mean %s?", err, ours)
	}
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		err = fmt.Errorf("%w: did you mean %s?", err, strings.Join(near, " or "))
	}
	return err
}

// worded shows what a command wants where the number of its arguments is wrong.
func worded(cmd *cobra.Command, args []string, wants cobra.PositionalArgs) error {
	err := wants(cmd, args)
	_, takes, _ := strings.Cut(cmd.Use, " ")
	usage := strings.TrimSuffix(cmd.CommandPath()+" "+takes, " ")
	if err == nil {
		return noneEmpty(strings.Fields(takes), args, usage)
	}
	if !miscounted(err) {
		return err
	}
	if wants(cmd, nil) == nil || wants(cmd, args[:max(len(args)-1, 0)]) == nil {
		return fmt.Errorf("unexpected argument %q: want %s", args[len(args)-1], usage)
	}
	return fmt.Errorf("want %s", usage)
}

// named are the arguments that name something, as usages have them. Patterns and texts may be empty.
var named = []string{"NAME", "USER", "TAG", "QUEUE", "EXCHANGE", "MAILBOX", "ID", "DIR"}

// noneEmpty refuses a name that is empty. Without it a broker would make one up, or take it for all that there are.
func noneEmpty(takes, args []string, usage string) error {
	if len(takes) == 0 {
		return nil
	}
	for i, arg := range args {
		what := strings.Trim(takes[min(i, len(takes)-1)], "[].")
		if arg == "" && slices.Contains(named, what) {
			return fmt.Errorf("%s is empty: want %s; is a variable not set?", what, usage)
		}
	}
	return nil
}

// miscounted tells the errors of [cobra.ExactArgs] and the like, who count, from those that say what is wrong.
func miscounted(err error) bool {
	return strings.Contains(err.Error(), "arg(s)") || strings.HasPrefix(err.Error(), "unknown command")
}

// wordFlags puts an error of a flag into words.
func wordFlags(cmd *cobra.Command, err error) error {
	if !cmd.HasParent() && cmd.Flags().NArg() > 0 { // the flags are those of a verb that there is not
		return wantVerb(cmd, cmd.Flags().Args())
	}
	if strings.HasPrefix(err.Error(), "unknown shorthand flag: 'p'") && cmd.Flag("vhost") != nil { // rabbitmqctl's
		return fmt.Errorf("%w: did you mean --vhost?", err)
	}
	if name, unknown := strings.CutPrefix(err.Error(), "unknown flag: --"); unknown {
		if name == "broker" && cmd.Flag("admin-socket") != nil {
			return fmt.Errorf("%w: AMQP has no way to ask for that; the broker of --dir is asked, over its local socket", err)
		}
		if near := nearFlags(cmd, name); len(near) > 0 {
			return fmt.Errorf("%w: did you mean --%s?", err, strings.Join(near, " or --"))
		}
		return err
	}
	if what, _, ok := strings.Cut(err.Error(), " flag: strconv.ParseInt: "); ok {
		return errors.New(what + ": want a whole number")
	}
	what, why, ok := strings.Cut(err.Error(), " flag: time: ")
	if !ok {
		return err
	}
	if strings.HasPrefix(why, "missing unit") || strings.HasPrefix(why, "invalid duration") || strings.HasPrefix(why, "unknown unit") {
		return errors.New(what + ": want a duration, as in 300ms, 10s or 5m")
	}
	return err
}

// neverEmpty are flags that a variable which is not set may not turn off: a broker that is to keep messages would keep none, one with TLS would do
// without, and something else than a virtual host would be asked for.
var neverEmpty = []string{"dir", "keys", "tls-cert", "tls-key", "tls-ca", "vhost"}

// checkFlags finds what makes no sense with any verb: a timeout or a limit below 0, or an empty name where none at all means something else.
func checkFlags(cmd *cobra.Command) (err error) {
	cmd.Flags().Visit(func(f *pflag.Flag) {
		switch below := strings.HasPrefix(f.Value.String(), "-"); {
		case below && f.Name == "timeout":
			err = usagef("--timeout %s: a duration is not negative", f.Value)
		case below && f.Name == "limit":
			err = usagef("--limit %s: want 0, which is no limit, or more", f.Value)
		case f.Value.String() == "" && slices.Contains(neverEmpty, f.Name):
			err = usagef("--%s is empty: want a name; is a variable not set?", f.Name)
		}
	})
	return err
}

// nearFlags are the flags of a command whose names look alike, as cobra compares verbs.
func nearFlags(cmd *cobra.Command, name string) []string {
	flags := &cobra.Command{SuggestionsMinimumDistance: 2}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		flags.AddCommand(&cobra.Command{Use: f.Name, Hidden: f.Hidden, Run: func(*cobra.Command, []string) {}})
	})
	return flags.SuggestionsFor(name)
}
