package main

import (
	"net/http"

	"github.com/spf13/cobra"
)

func newVHost() *cobra.Command {
	var o owner
	cmd := &cobra.Command{
		Use:   "vhost",
		Short: "Add, list and delete the virtual hosts of a running broker",
		Example: examples(`
			postrider vhost add shop --description "what is sold"
			postrider vhost list
			postrider vhost delete shop`),
	}
	o.flags(cmd)
	cmd.AddCommand(vhostAdd(&o), vhostList(&o), vhostDelete(&o))
	return cmd
}

func vhostAdd(o *owner) *cobra.Command {
	var description, tags string
	cmd := &cobra.Command{
		Use:   "add NAME",
		Short: "Add a virtual host, or change what is said of it",
		Example: examples(`
			postrider vhost add shop
			postrider vhost add shop --description "what is sold" --tags eu,test`),
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			want := map[string]any{"description": description, "tags": tags}
			_, err := o.ask(cmd.Context(), http.MethodPut, resource("vhosts", args[0]), want, nil)
			return err
		},
	}
	cmd.Flags().StringVar(&description, "description", "", "what it is for, `text`")
	cmd.Flags().StringVar(&tags, "tags", "", "`tags`, with commas between")
	return cmd
}

func vhostList(o *owner) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the virtual hosts",
		Example: examples(`
			postrider vhost list
			postrider vhost list --json`),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.list(cmd, "/api/vhosts", column{"VHOST", "name"}, column{"MESSAGES", "messages"},
				column{"TAGS", "tags"}, column{"DESCRIPTION", "description"})
		},
	}
}

func vhostDelete(o *owner) *cobra.Command {
	return &cobra.Command{
		Use:     "delete NAME",
		Aliases: []string{"rm", "remove"},
		Short:   "Delete a virtual host with all that is in it, and close its connections",
		Example: examples(`
			postrider vhost delete shop`),
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			_, err := o.ask(cmd.Context(), http.MethodDelete, resource("vhosts", args[0]), nil, nil)
			return absent(err, "there is no virtual host %s: see postrider vhost list", args[0])
		},
	}
}
