package main

import (
	"io"
	"strings"

	"github.com/spf13/cobra"
)

func newRoot() *cobra.Command {
	var version bool
	root := &cobra.Command{
		Use:   "postrider",
		Short: "Pass messages between processes, directly or through a broker",
		Long: text(`
			Postrider passes messages between processes in four ways: directly into the other
			process, or through a mailbox on a broker; and waiting until the message has
			arrived, or not.

			A TARGET is where messages go:

			  peer:NAME                 the inbox in the process of node NAME: where --peer says, or found by the broker
			  mailbox:NAME              a mailbox on the broker that --broker names
			  topic:NAME                all who subscribed to it, by way of that broker
			  amqp://HOST:PORT/NAME     the inbox of the node NAME that listens there`),
		Example: examples(`
			postrider tour
			postrider serve
			postrider send mailbox:jobs "hello"
			postrider receive mailbox:jobs --count 1`),
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !version {
				return cmd.Help()
			}
			_, err := io.WriteString(cmd.OutOrStdout(), versionLine())
			return err
		},
	}
	root.Flags().BoolVarP(&version, "version", "v", false, "version for postrider")
	root.AddCommand(
		newTour(), newTourNode(), newBench(), newEvaluate(), newLoadNode(), newServe(),
		newUser(), newVHost(), newPermission(), newConnection(), newQueue(), newPolicy(), newDefinitions(),
		newSend(), newPost(), newCall(), newReceive(), newReply(),
		newPing(), newPeers(), newTop(), newKeys(), newDoctor(), newMailbox(), newDead(), newJournal(), newVersion(),
	)
	wordArguments(root)
	completeFlags(root)
	root.SetFlagErrorFunc(wordFlags)
	root.SetUsageFunc(usage)
	return root
}

// text is a help text without the indentation that it has in the source.
func text(s string) string {
	lines := strings.Split(strings.Trim(s, "\n"), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimLeft(line, "\t")
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n ")
}

// examples is a text as cobra shows examples: indented by two.
func examples(s string) string {
	return "  " + strings.ReplaceAll(text(s), "\n", "\n  ")
}
