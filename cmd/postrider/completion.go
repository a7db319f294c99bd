package main

import "github.com/spf13/cobra"

// This file says what a shell may complete beside verbs and flags.

// completeTargets completes the beginnings of targets where the first argument is one.
func completeTargets(beginnings ...string) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return beginnings, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
}

// flagValues are the values of flags that have few.
var flagValues = map[string][]string{
	"until":      {"stored", "received", "handled"},
	"sort":       sortOrders,
	"log-level":  {"debug", "info", "warn", "error"},
	"log-format": {"text", "json"},
	"sync":       syncNames,
}

// completeFlags has a command and those below it complete the values of their flags.
func completeFlags(cmd *cobra.Command) {
	for name, values := range flagValues {
		if cmd.Flags().Lookup(name) != nil {
			_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
		}
	}
	for _, verb := range cmd.Commands() {
		completeFlags(verb)
	}
}
