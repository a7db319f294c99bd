package main

import (
	"net/http"

	"github.com/spf13/cobra"
)

func newConnection() *cobra.Command {
	var o owner
	cmd := &cobra.Command{
		Use:   "connection",
		Short: "List and close the connections of a running broker",
		Example: examples(`
			postrider connection list
			postrider connection close "127.0.0.1:40022 -> 127.0.0.1:5672"
			postrider connection close --user alice`),
	}
	o.flags(cmd)
	cmd.AddCommand(connectionList(&o), connectionClose(&o))
	return cmd
}

func connectionList(o *owner) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the connections",
		Long: text(`
			List the connections. One that is blocked publishes, and waits because the broker is low on memory or disk.`),
		Example: examples(`
			postrider connection list
			postrider connection list --json`),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.list(cmd, "/api/connections", column{"CONNECTION", "name"}, column{"USER", "user"}, column{"VHOST", "vhost"},
				column{"STATE", "state"}, column{"CHANNELS", "channels"}, column{"TLS", "ssl"}, column{"CALLED", "user_provided_name"})
		},
	}
}

func connectionClose(o *owner) *cobra.Command {
	var user string
	cmd := &cobra.Command{
		Use:   "close [NAME]",
		Short: "Close a connection, or all of a user",
		Example: examples(`
			postrider connection close "127.0.0.1:40022 -> 127.0.0.1:5672"
			postrider connection close --user alice`),
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case (user == "") == (len(args) == 0):
				return usagef("name a connection, or a --user")
			case user != "":
				if err := o.mustKnow(cmd, user); err != nil {
					return err
				}
				_, err := o.ask(cmd.Context(), http.MethodDelete, resource("connections", "username", user), nil, nil)
				return err
			}
			_, err := o.ask(cmd.Context(), http.MethodDelete, resource("connections", args[0]), nil, nil)
			return absent(err, "there is no connection %q: see postrider connection list", args[0])
		},
	}
	cmd.Flags().StringVar(&user, "user", "", "close all of this `user`")
	return cmd
}
