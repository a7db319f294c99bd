package main

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

func exchangeBindings(o *owner, vhost *string) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "bindings [EXCHANGE]",
		Short: "List the bindings from and to an exchange, or those of a virtual host, or of all",
		Long: text(`
			List the bindings from and to an exchange, or those of a virtual host, or of all. What SOURCE has under KEY, or with
			ARGUMENTS where the exchange looks at headers, goes to DESTINATION, which is a queue or another exchange.`),
		Example: examples(`
			postrider exchange bindings
			postrider exchange bindings prices
			postrider exchange bindings --all --json`),
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case all && len(args) > 0:
				return usagef("name an exchange, or --all")
			case len(args) > 0:
				found, err := o.bindingsOf(cmd.Context(), *vhost, args[0])
				if err != nil {
					return noExchange(err, args[0], *vhost)
				}
				return o.printBindings(cmd, found)
			}
			path := resource("bindings", *vhost)
			if all {
				path = resource("bindings")
			}
			found, err := o.bindings(cmd.Context(), path)
			if err != nil {
				return absent(err, "there is no virtual host %s: see postrider vhost list", *vhost)
			}
			return o.printBindings(cmd, slices.DeleteFunc(found, implied))
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "of all virtual hosts")
	return cmd
}

func queueBindings(o *owner, vhost *string) *cobra.Command {
	return &cobra.Command{
		Use:   "bindings QUEUE",
		Short: "List the bindings by which a queue gets messages from exchanges",
		Long: text(`
			List the bindings by which a queue gets messages from exchanges. Without any it gets those that are published with its
			name as the routing key and no exchange, as do all.`),
		Example: examples(`
			postrider queue bindings jobs
			postrider queue bindings jobs --vhost shop --json`),
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			found, err := o.bindings(cmd.Context(), resource("queues", *vhost, args[0], "bindings"))
			if err != nil {
				return noQueue(err, args[0], *vhost)
			}
			return o.printBindings(cmd, slices.DeleteFunc(found, implied))
		},
	}
}

// bindingsOf are the bindings from and to an exchange, each once: one may be bound to itself.
func (o *owner) bindingsOf(ctx context.Context, vhost, exchange string) ([]map[string]any, error) {
	if _, err := o.ask(ctx, http.MethodGet, resource("exchanges", vhost, exchange), nil, nil); err != nil {
		return nil, err
	}
	from, err := o.bindings(ctx, resource("exchanges", vhost, exchange, "bindings", "source"))
	if err != nil {
		return nil, err
	}
	to, err := o.bindings(ctx, resource("exchanges", vhost, exchange, "bindings", "destination"))
	to = slices.DeleteFunc(to, func(b map[string]any) bool { return b["source"] == exchange })
	return append(from, to...), err
}

// implied says whether a binding is one of those that every queue has, to the default exchange.
func implied(b map[string]any) bool { return b["source"] == "" }

var bindingColumns = []column{{"VHOST", "vhost"}, {"SOURCE", "source"}, {"KEY", "routing_key"}, {"TO", "destination_type"}, {"DESTINATION", "destination"}}

func (o *owner) bindings(ctx context.Context, path string) (all []map[string]any, err error) {
	_, err = o.ask(ctx, http.MethodGet, o.only(path, bindingColumns, "arguments"), nil, &all)
	return all, err
}

func (o *owner) printBindings(cmd *cobra.Command, all []map[string]any) error {
	if !o.json {
		for _, b := range all {
			b["source"], b["wants"] = exchangeName(b["source"]), wantsOf(b)
		}
	}
	return o.print(cmd.OutOrStdout(), all, append(bindingColumns, column{"ARGUMENTS", "wants"})...)
}

// wantsOf are the arguments of a binding, as in x-match=all: other than a queue's they are headers, and their names the application's.
func wantsOf(b map[string]any) string {
	arguments, _ := b["arguments"].(map[string]any)
	var all []string
	for _, name := range slices.Sorted(maps.Keys(arguments)) {
		all = append(all, name+"="+argument(arguments[name]))
	}
	return printable(strings.Join(all, " "))
}
