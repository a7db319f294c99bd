package main

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"
)

func newPermission() *cobra.Command {
	var o owner
	var vhost string
	cmd := &cobra.Command{
		Use:   "permission",
		Short: "Say what the users of a running broker may do",
		Long: text(`
			Say what the users of a running broker may do in a virtual host: three regular
			expressions that the name of a queue or an exchange must match somewhere. CONFIGURE
			is to declare and delete, WRITE to publish and to bind it, READ to consume and to
			bind to it. An empty one matches nothing.

			What is open and not allowed any more is closed at once.`),
		Example: examples(`
			postrider permission set alice '^alice\.' '^alice\.|^amq\.topic$' '^alice\.'
			postrider permission set ops '.*' '.*' '.*' --vhost shop
			postrider permission list
			postrider permission clear alice
			postrider permission topic-set alice amq.topic '^{username}\.' '.*'`),
	}
	o.flags(cmd)
	cmd.PersistentFlags().StringVar(&vhost, "vhost", "/", "virtual `host`")
	cmd.AddCommand(permissionSet(&o, &vhost), permissionClear(&o, &vhost), permissionList(&o, &vhost),
		topicSet(&o, &vhost), topicClear(&o, &vhost), topicList(&o, &vhost))
	return cmd
}

// unknown says which of a user and a virtual host is not there.
func (o *owner) unknown(cmd *cobra.Command, err error, user, vhost string) error {
	if errors.Is(err, errAbsent) {
		if err := o.mustKnow(cmd, user); err != nil {
			return err
		}
	}
	return absent(err, "there is no virtual host %s: see postrider vhost list", vhost)
}

func permissionSet(o *owner, vhost *string) *cobra.Command {
	return &cobra.Command{
		Use:   "set USER CONFIGURE WRITE READ",
		Short: "Say what a user may do in a virtual host",
		Example: examples(`
			postrider permission set alice '^alice\.' '.*' '^alice\.'
			postrider permission set bob '' '^orders$' '' --vhost shop`),
		Args: cobra.ExactArgs(4),
		RunE: func(cmd *cobra.Command, args []string) error {
			want := map[string]string{"configure": args[1], "write": args[2], "read": args[3]}
			_, err := o.ask(cmd.Context(), http.MethodPut, resource("permissions", *vhost, args[0]), want, nil)
			return o.unknown(cmd, err, args[0], *vhost)
		},
	}
}

func permissionClear(o *owner, vhost *string) *cobra.Command {
	return &cobra.Command{
		Use:   "clear USER",
		Short: "Take a user's permissions in a virtual host away, and close his connections to it",
		Example: examples(`
			postrider permission clear alice --vhost shop`),
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			_, err := o.ask(cmd.Context(), http.MethodDelete, resource("permissions", *vhost, args[0]), nil, nil)
			return absent(err, "user %s has no permissions in virtual host %s", args[0], *vhost)
		},
	}
}

func permissionList(o *owner, vhost *string) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the permissions of all users, in all virtual hosts or that of --vhost",
		Example: examples(`
			postrider permission list
			postrider permission list --json`),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			err := o.list(cmd, everywhereOr(cmd, *vhost, "permissions"), column{"VHOST", "vhost"}, column{"USER", "user"},
				column{"CONFIGURE", "configure"}, column{"WRITE", "write"}, column{"READ", "read"})
			return absent(err, "there is no virtual host %s: see postrider vhost list", *vhost)
		},
	}
}

// everywhereOr is the resource of all virtual hosts, or of the one that --vhost names.
func everywhereOr(cmd *cobra.Command, vhost, what string) string {
	if cmd.Flags().Changed("vhost") {
		return resource("vhosts", vhost, what)
	}
	return resource(what)
}

func topicSet(o *owner, vhost *string) *cobra.Command {
	return &cobra.Command{
		Use:   "topic-set USER EXCHANGE WRITE READ",
		Short: "Bound the routing keys of a user at a topic exchange",
		Long: text(`
			Bound the routing keys that a user may publish to (WRITE) and bind (READ) at a topic
			exchange. {username} and {vhost} in a pattern stand for the connection's.`),
		Example: examples(`
			postrider permission topic-set alice amq.topic '^{username}\.' '.*'`),
		Args: cobra.ExactArgs(4),
		RunE: func(cmd *cobra.Command, args []string) error {
			want := map[string]string{"exchange": args[1], "write": args[2], "read": args[3]}
			_, err := o.ask(cmd.Context(), http.MethodPut, resource("topic-permissions", *vhost, args[0]), want, nil)
			return o.unknown(cmd, err, args[0], *vhost)
		},
	}
}

func topicClear(o *owner, vhost *string) *cobra.Command {
	return &cobra.Command{
		Use:   "topic-clear USER [EXCHANGE]",
		Short: "Free a user's routing keys at one topic exchange, or at all",
		Example: examples(`
			postrider permission topic-clear alice amq.topic`),
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := resource("topic-permissions", *vhost, args[0])
			if len(args) == 2 {
				path += "?exchange=" + url.QueryEscape(args[1])
			}
			_, err := o.ask(cmd.Context(), http.MethodDelete, path, nil, nil)
			return absent(err, "user %s has no such topic permissions in virtual host %s", args[0], *vhost)
		},
	}
}

func topicList(o *owner, vhost *string) *cobra.Command {
	return &cobra.Command{
		Use:   "topic-list",
		Short: "List the topic permissions of all users, in all virtual hosts or that of --vhost",
		Example: examples(`
			postrider permission topic-list`),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			err := o.list(cmd, everywhereOr(cmd, *vhost, "topic-permissions"), column{"VHOST", "vhost"}, column{"USER", "user"},
				column{"EXCHANGE", "exchange"}, column{"WRITE", "write"}, column{"READ", "read"})
			return absent(err, "there is no virtual host %s: see postrider vhost list", *vhost)
		},
	}
}
