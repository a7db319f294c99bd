package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Usages and reports are made without templates, and so is what cobra prints as long as it is given none: a template may name any method,
// so a program that has text/template keeps all that are exported of every type, and is a seventh larger, a tenth in memory.

// usage prints how a command is used. It is what cobra prints, but that one with verbs is not shown without, where it only prints its help.
func usage(cmd *cobra.Command) error {
	var b strings.Builder
	section := func(title, text string) {
		if text != "" {
			fmt.Fprintf(&b, "%s:\n%s\n\n", title, text)
		}
	}
	verbs := cmd.HasAvailableSubCommands()
	if verbs {
		section("Usage", "  "+cmd.CommandPath()+" [command]")
	} else {
		section("Usage", "  "+cmd.UseLine())
	}
	if len(cmd.Aliases) > 0 {
		section("Aliases", "  "+cmd.NameAndAliases())
	}
	section("Examples", cmd.Example)
	section("Available Commands", verbsOf(cmd))
	section("Flags", flagsOf(cmd.LocalFlags()))
	section("Global Flags", flagsOf(cmd.InheritedFlags()))
	if verbs {
		fmt.Fprintf(&b, "Use \"%s [command] --help\" for more information about a command.", cmd.CommandPath())
	}
	_, err := fmt.Fprintln(cmd.OutOrStderr(), strings.TrimRight(b.String(), "\n"))
	return err
}

// verbsOf are the verbs of a command, a line each.
func verbsOf(cmd *cobra.Command) string {
	var lines []string
	for _, verb := range cmd.Commands() {
		if verb.IsAvailableCommand() || verb.Name() == "help" {
			lines = append(lines, fmt.Sprintf("  %-*s %s", verb.NamePadding(), verb.Name(), verb.Short))
		}
	}
	return strings.Join(lines, "\n")
}

// flagsOf are flags, a line each.
func flagsOf(f *pflag.FlagSet) string { return strings.TrimRight(f.FlagUsages(), " \n") }
