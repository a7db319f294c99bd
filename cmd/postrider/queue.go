package main

import (
	"net/http"

	"github.com/spf13/cobra"
)

func newQueue() *cobra.Command {
	var o owner
	var vhost string
	cmd := &cobra.Command{
		Use:   "queue",
		Short: "List, purge and delete the queues of a running broker",
		Example: examples(`
			postrider queue list
			postrider queue purge jobs
			postrider queue delete jobs --vhost shop`),
	}
	o.flags(cmd)
	cmd.PersistentFlags().StringVar(&vhost, "vhost", "/", "virtual `host`")
	remove := queueEnd(&o, &vhost, "delete", "Delete a queue with its messages")
	remove.Aliases = []string{"rm", "remove"}
	cmd.AddCommand(queueList(&o, &vhost), queueEnd(&o, &vhost, "purge", "Drop the messages of a queue that nobody holds", "contents"), remove)
	return cmd
}

func queueList(o *owner, vhost *string) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the queues of a virtual host, or of all",
		Example: examples(`
			postrider queue list
			postrider queue list --all --json`),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			path := resource("queues", *vhost)
			if all {
				path = resource("queues")
			}
			err := o.list(cmd, path, column{"VHOST", "vhost"}, column{"QUEUE", "name"}, column{"TYPE", "type"}, column{"DURABLE", "durable"},
				column{"READY", "messages_ready"}, column{"UNACKED", "messages_unacknowledged"}, column{"CONSUMERS", "consumers"})
			return absent(err, "there is no virtual host %s: see postrider vhost list", *vhost)
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "of all virtual hosts")
	return cmd
}

// queueEnd is a verb that deletes a queue, or what is in it.
func queueEnd(o *owner, vhost *string, verb, short string, below ...string) *cobra.Command {
	return &cobra.Command{
		Use:   verb + " QUEUE",
		Short: short,
		Example: examples(`
			postrider queue ` + verb + ` jobs
			postrider queue ` + verb + ` jobs --vhost shop`),
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := resource(append([]string{"queues", *vhost, args[0]}, below...)...)
			_, err := o.ask(cmd.Context(), http.MethodDelete, path, nil, nil)
			return absent(err, "there is no queue %s in virtual host %s: see postrider queue list", args[0], *vhost)
		},
	}
}
