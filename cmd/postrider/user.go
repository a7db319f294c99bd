package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/postrider-mq/postrider/internal/access"
)

func newUser() *cobra.Command {
	var o owner
	cmd := &cobra.Command{
		Use:   "user",
		Short: "Add, change, list and delete the users of a running broker",
		Long: text(`
			Add, change, list and delete the users of a running broker.

			The broker is reached by the socket in its data directory, as its owner. A new user may
			do nothing until "postrider permission set" says what. The tags that mean something are
			administrator, monitoring, policymaker, management and impersonator.

			A password comes from the file of --password-file, from $POSTRIDER_PASSWORD or from the
			first line of stdin; never from the command line, which others can see.`),
		Example: examples(`
			postrider user add alice --password-file alice.secret
			postrider user add ops --tags administrator < ops.secret
			postrider user passwd alice < new.secret
			postrider user tags alice monitoring
			postrider user list
			postrider user delete guest`),
	}
	o.flags(cmd)
	cmd.AddCommand(userAdd(&o), userPasswd(&o), userTags(&o), userList(&o), userDelete(&o))
	return cmd
}

func userAdd(o *owner) *cobra.Command {
	var file, tags string
	var without bool
	cmd := &cobra.Command{
		Use:   "add NAME",
		Short: "Add a user",
		Example: examples(`
			postrider user add alice --password-file alice.secret
			postrider user add billing.example.com --no-password   # comes with a certificate
			POSTRIDER_PASSWORD=… postrider user add ops --tags administrator`),
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := o.ask(cmd.Context(), http.MethodGet, resource("users", args[0]), nil, nil); err == nil {
				return usagef("there is a user %s already: see user passwd and user tags", args[0])
			}
			want := map[string]any{"tags": tags, "password_hash": ""}
			if !without {
				password, err := newPassword(cmd, file)
				if err != nil {
					return err
				}
				want = map[string]any{"tags": tags, "password": password}
			}
			_, err := o.ask(cmd.Context(), http.MethodPut, resource("users", args[0]), want, nil)
			if err == nil {
				noteTags(cmd, tags)
			}
			return err
		},
	}
	cmd.Flags().StringVar(&file, "password-file", "", "`file` whose first line is the password")
	cmd.Flags().BoolVar(&without, "no-password", false, "no password: the user comes with a certificate")
	cmd.Flags().StringVar(&tags, "tags", "", "`tags`, with commas between")
	return cmd
}

func userPasswd(o *owner) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "passwd NAME",
		Short: "Give a user another password",
		Long:  "Give a user another password. It holds from the next login on; who is logged in stays so.",
		Example: examples(`
			postrider user passwd alice --password-file alice.secret`),
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.mustKnow(cmd, args[0]); err != nil {
				return err
			}
			password, err := newPassword(cmd, file)
			if err != nil {
				return err
			}
			_, err = o.ask(cmd.Context(), http.MethodPut, resource("users", args[0]), map[string]any{"password": password}, nil)
			return err
		},
	}
	cmd.Flags().StringVar(&file, "password-file", "", "`file` whose first line is the password")
	return cmd
}

// mustKnow is an error if there is no such user.
func (o *owner) mustKnow(cmd *cobra.Command, name string) error {
	_, err := o.ask(cmd.Context(), http.MethodGet, resource("users", name), nil, nil)
	return absent(err, "there is no user %s: see postrider user list", name)
}

func userTags(o *owner) *cobra.Command {
	return &cobra.Command{
		Use:   "tags NAME [TAG...]",
		Short: "Give a user tags, in place of those that he has",
		Example: examples(`
			postrider user tags alice monitoring
			postrider user tags alice          # none`),
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.mustKnow(cmd, args[0]); err != nil {
				return err
			}
			tags := strings.Join(args[1:], ",")
			_, err := o.ask(cmd.Context(), http.MethodPut, resource("users", args[0]), map[string]any{"tags": tags}, nil)
			if err == nil {
				noteTags(cmd, tags)
			}
			return err
		},
	}
}

// noteTags tells of tags that give no rights: they are allowed, and may be mistyped.
func noteTags(cmd *cobra.Command, tags string) {
	for tag := range strings.SplitSeq(tags, ",") {
		if tag = strings.TrimSpace(tag); tag != "" && !slices.Contains(access.Tags, tag) {
			fmt.Fprintf(cmd.ErrOrStderr(), "postrider: note: the tag %s gives no rights; those that do are %s\n", printable(tag), strings.Join(access.Tags, ", "))
		}
	}
}

func userList(o *owner) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the users",
		Example: examples(`
			postrider user list
			postrider user list --json`),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.list(cmd, "/api/users?columns=name,tags,limits,configured", column{"USER", "name"}, column{"TAGS", "tags"})
		},
	}
}

func userDelete(o *owner) *cobra.Command {
	return &cobra.Command{
		Use:     "delete NAME",
		Aliases: []string{"rm", "remove"},
		Short:   "Delete a user and close his connections",
		Example: examples(`
			postrider user delete guest`),
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			_, err := o.ask(cmd.Context(), http.MethodDelete, resource("users", args[0]), nil, nil)
			return absent(err, "there is no user %s: see postrider user list", args[0])
		},
	}
}
