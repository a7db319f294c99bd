package main

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

func newQueue() *cobra.Command {
	var o owner
	var vhost string
	cmd := &cobra.Command{
		Use:   "queue",
		Short: "List, purge and delete the queues of a running broker, and list what is bound to them and who consumes from them",
		Example: examples(`
			postrider queue list
			postrider queue consumers jobs
			postrider queue bindings jobs
			postrider queue purge jobs
			postrider queue delete jobs --vhost shop`),
	}
	o.flags(cmd)
	cmd.PersistentFlags().StringVar(&vhost, "vhost", "/", "virtual `host`")
	remove := queueEnd(&o, &vhost, "delete", "Delete a queue with its messages")
	remove.Aliases = []string{"rm", "remove"}
	cmd.AddCommand(queueList(&o, &vhost), queueConsumers(&o, &vhost), queueBindings(&o, &vhost), queueEnd(&o, &vhost, "purge", "Drop the messages of a queue that nobody holds", "contents"), remove)
	return cmd
}

func queueList(o *owner, vhost *string) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the queues of a virtual host, or of all",
		Long: text(`
			List the queues of a virtual host, or of all. POLICY is the one that holds for a queue, and after a plus
			the operator's. SETTINGS are the limits and such that the queue lives by: those that it was declared with, and what
			policies make of them.`),
		Example: examples(`
			postrider queue list
			postrider queue list --all --json`),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			path := resource("queues", *vhost)
			if all {
				path = resource("queues")
			}
			columns := []column{{"VHOST", "vhost"}, {"QUEUE", "name"}, {"TYPE", "type"}, {"DURABLE", "durable"},
				{"READY", "messages_ready"}, {"UNACKED", "messages_unacknowledged"}, {"CONSUMERS", "consumers"}}
			path = o.only(path, columns, "policy", "operator_policy", "effective_arguments")
			var items []map[string]any
			if _, err := o.ask(cmd.Context(), http.MethodGet, path, nil, &items); err != nil {
				return absent(err, "there is no virtual host %s: see postrider vhost list", *vhost)
			}
			if !o.json {
				for _, q := range items {
					q["policies"], q["settings"] = policiesOf(q), settingsOf(q, "effective_arguments")
				}
			}
			return o.print(cmd.OutOrStdout(), items, append(columns, column{"POLICY", "policies"}, column{"SETTINGS", "settings"})...)
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "of all virtual hosts")
	return cmd
}

// policiesOf are the names of the policies that hold for a queue or an exchange: USER, USER+OPERATOR or +OPERATOR.
func policiesOf(q map[string]any) string {
	names := cell(q, "policy")
	if operator := cell(q, "operator_policy"); operator != "" {
		names += "+" + operator
	}
	return names
}

// settingsOf are the arguments in a field of a queue or an exchange, as in max-length=5, without what is in other columns.
func settingsOf(item map[string]any, field string) string {
	arguments, _ := item[field].(map[string]any)
	var all []string
	for _, name := range slices.Sorted(maps.Keys(arguments)) {
		if name != "x-queue-type" {
			all = append(all, strings.TrimPrefix(name, "x-")+"="+argument(arguments[name]))
		}
	}
	return printable(strings.Join(all, " "))
}

// argument is the value of one: a text as it is, unless it is empty, and anything else as JSON.
func argument(v any) string {
	if text, ok := v.(string); ok && text != "" {
		return text
	}
	text, _ := json.Marshal(v) // it came from JSON
	return string(text)
}

func queueConsumers(o *owner, vhost *string) *cobra.Command {
	return &cobra.Command{
		Use:   "consumers [QUEUE]",
		Short: "List who consumes from a queue, or from all of a virtual host, and what each holds",
		Long: text(`
			List who consumes from a queue, or from all of a virtual host. UNACKED is how many messages the
			consumer's channel holds, of PREFETCH that it may (0: any number), and FOR since how many seconds at least
			it has had the oldest of them: one that is stuck holds some for ever longer, and the consumer timeout
			takes them away in the end.`),
		Example: examples(`
			postrider queue consumers
			postrider queue consumers jobs --json`),
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			all, err := o.consumers(cmd.Context(), *vhost, args...)
			if err != nil {
				return err
			}
			return o.print(cmd.OutOrStdout(), all, column{"QUEUE", "queue.name"}, column{"CONSUMER", "consumer_tag"},
				column{"CONNECTION", "channel_details.connection_name"}, column{"CHANNEL", "channel_details.number"}, column{"USER", "channel.user"},
				column{"ACKS", "ack_required"}, column{"PREFETCH", "channel.prefetch_count"}, column{"UNACKED", "channel.messages_unacknowledged"},
				column{"FOR", "channel.messages_unacknowledged_for"})
		},
	}
}

// consumers are those of a queue, if one is named, or of all of a virtual host, each with its channel.
func (o *owner) consumers(ctx context.Context, vhost string, queue ...string) (some []map[string]any, err error) {
	if len(queue) > 0 {
		if _, err := o.ask(ctx, http.MethodGet, resource("queues", vhost, queue[0]), nil, nil); err != nil {
			return nil, noQueue(err, queue[0], vhost)
		}
	}
	var all, channels []map[string]any
	if _, err = o.ask(ctx, http.MethodGet, resource("consumers", vhost), nil, &all); err != nil {
		return nil, absent(err, "there is no virtual host %s: see postrider vhost list", vhost)
	}
	if _, err = o.ask(ctx, http.MethodGet, resource("channels"), nil, &channels); err != nil {
		return nil, err
	}
	for _, c := range all {
		if len(queue) > 0 && cell(c, "queue.name") != queue[0] {
			continue
		}
		for _, ch := range channels {
			if cell(ch, "name") == cell(c, "channel_details.name") {
				c["channel"] = ch
			}
		}
		some = append(some, c)
	}
	return some, nil
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
			return noQueue(err, args[0], *vhost)
		},
	}
}

func noQueue(err error, name, vhost string) error {
	return absent(err, "there is no queue %s in virtual host %s: see postrider queue list", name, vhost)
}
