package main

import (
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/postrider-mq/postrider/cmd/postrider/internal/load"
	"github.com/postrider-mq/postrider/cmd/postrider/internal/tour"
)

// verbs are what the program can do, by name.
var verbs = []struct {
	name string
	make func() *cobra.Command
}{
	{"tour", newTour}, {tour.NodeVerb, newTourNode}, {"bench", newBench}, {"evaluate", newEvaluate}, {load.NodeVerb, newLoadNode}, {"serve", newServe},
	{"user", newUser}, {"vhost", newVHost}, {"permission", newPermission}, {"connection", newConnection}, {"queue", newQueue}, {"exchange", newExchange},
	{"policy", newPolicy}, {"definitions", newDefinitions}, {"health", newHealth},
	{"send", newSend}, {"post", newPost}, {"call", newCall}, {"receive", newReceive}, {"reply", newReply},
	{"ping", newPing}, {"peers", newPeers}, {"top", newTop}, {"keys", newKeys}, {"doctor", newDoctor}, {"mailbox", newMailbox}, {"dead", newDead},
	{"journal", newJournal}, {"version", newVersion},
}

// newRoot makes the commands that may be meant by args. If their first names a verb it is that one alone: making the flags of all is
// the most of what a start does, and half a megabyte of memory in a broker at rest.
func newRoot(args ...string) *cobra.Command {
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
			  amqp://HOST:PORT/NAME     the inbox of the node NAME that listens there

			Exit codes: 0 when all went well; 1 when something failed, which stderr tells with what to do; 2 for a
			command line that makes no sense; 3 of journal verify and repair for a journal that is damaged.

			$POSTRIDER_BROKER is the URL of the broker where --broker names none, $POSTRIDER_PASSWORD a password that is
			asked for, and NO_COLOR turns colours off.`),
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
	meant := verbs
	for i, verb := range verbs {
		if len(args) > 0 && args[0] == verb.name {
			meant = verbs[i : i+1]
		}
	}
	for _, verb := range meant {
		root.AddCommand(verb.make())
	}
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
