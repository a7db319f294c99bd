package main

import (
	"net/http"

	"github.com/spf13/cobra"
)

func newExchange() *cobra.Command {
	var o owner
	var vhost string
	cmd := &cobra.Command{
		Use:   "exchange",
		Short: "List and delete the exchanges of a running broker, and list what is bound to them",
		Long: text(`
			List and delete the exchanges of a running broker, and list what is bound to them. The default exchange, whose name is
			empty, is called amq.default here. Every queue is bound to it by its own name, which is listed only for who asks for
			that exchange.`),
		Example: examples(`
			postrider exchange list
			postrider exchange bindings
			postrider exchange bindings prices
			postrider exchange delete prices --vhost shop`),
	}
	o.flags(cmd)
	cmd.PersistentFlags().StringVar(&vhost, "vhost", "/", "virtual `host`")
	cmd.AddCommand(exchangeList(&o, &vhost), exchangeBindings(&o, &vhost), exchangeDelete(&o, &vhost))
	return cmd
}

// defaultExchange is what the exchange without a name is called, in paths of the management interface, too.
const defaultExchange = "amq.default"

func exchangeList(o *owner, vhost *string) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the exchanges of a virtual host, or of all",
		Long: text(`
			List the exchanges of a virtual host, or of all. An INTERNAL one takes messages from other exchanges alone. POLICY is
			the one that holds for an exchange, and after a plus the operator's. SETTINGS are what it was declared with.`),
		Example: examples(`
			postrider exchange list
			postrider exchange list --all --json`),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			path := resource("exchanges", *vhost)
			if all {
				path = resource("exchanges")
			}
			columns := []column{{"VHOST", "vhost"}, {"EXCHANGE", "name"}, {"TYPE", "type"}, {"DURABLE", "durable"},
				{"AUTO-DELETE", "auto_delete"}, {"INTERNAL", "internal"}}
			path = o.only(path, columns, "policy", "operator_policy", "arguments")
			var items []map[string]any
			if _, err := o.ask(cmd.Context(), http.MethodGet, path, nil, &items); err != nil {
				return absent(err, "there is no virtual host %s: see postrider vhost list", *vhost)
			}
			if !o.json {
				for _, x := range items {
					x["name"], x["policies"], x["settings"] = exchangeName(x["name"]), policiesOf(x), settingsOf(x, "arguments")
				}
			}
			return o.print(cmd.OutOrStdout(), items, append(columns, column{"POLICY", "policies"}, column{"SETTINGS", "settings"})...)
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "of all virtual hosts")
	return cmd
}

// exchangeName is how an exchange of that name in JSON is called.
func exchangeName(name any) any {
	if name == "" {
		return defaultExchange
	}
	return name
}

func exchangeDelete(o *owner, vhost *string) *cobra.Command {
	var unused bool
	cmd := &cobra.Command{
		Use:     "delete EXCHANGE",
		Aliases: []string{"rm", "remove"},
		Short:   "Delete an exchange with its bindings",
		Example: examples(`
			postrider exchange delete prices
			postrider exchange delete prices --if-unused --vhost shop`),
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := resource("exchanges", *vhost, args[0])
			if unused {
				path += "?if-unused=true"
			}
			_, err := o.ask(cmd.Context(), http.MethodDelete, path, nil, nil)
			return noExchange(err, args[0], *vhost)
		},
	}
	cmd.Flags().BoolVar(&unused, "if-unused", false, "only if nothing is bound to it")
	return cmd
}

func noExchange(err error, name, vhost string) error {
	return absent(err, "there is no exchange %s in virtual host %s: see postrider exchange list", name, vhost)
}
