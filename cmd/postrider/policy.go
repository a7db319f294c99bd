package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/postrider-mq/postrider/internal/policy"
)

// policyScope is which policies a verb is about.
type policyScope struct {
	*owner
	vhost    string
	operator bool
}

func (s *policyScope) flags(f *pflag.FlagSet) {
	f.StringVar(&s.vhost, "vhost", "/", "`virtual host` of the policies")
	f.BoolVar(&s.operator, "operator", false, "an operator's policy, whose limits no other can exceed")
}

// path is that of the policies, or of one of them.
func (s *policyScope) path(name ...string) string {
	kind := "policies"
	if s.operator {
		kind = "operator-policies"
	}
	return resource(append([]string{kind, s.vhost}, name...)...)
}

func newPolicy() *cobra.Command {
	var o owner
	cmd := &cobra.Command{
		Use:   "policy",
		Short: "Set, list and clear policies: limits for queues by their names",
		Long: text(`
			A policy gives settings to all queues and exchanges whose names match a pattern,
			those that exist, at once, and those to come. One policy holds for a queue: the
			matching one with the highest priority. Besides, one operator policy may, and of
			the two the lower limit counts.

			Settings: message-ttl, expires, max-length, max-length-bytes, overflow,
			delivery-limit, dead-letter-exchange, dead-letter-routing-key, consumer-timeout
			for queues, alternate-exchange for exchanges. Times are in milliseconds.`),
		Example: examples(`
			postrider policy set short '^events\.' '{"max-length": 10000}' --apply-to queues
			postrider policy set --operator cap '.*' '{"message-ttl": 86400000}'
			postrider policy list
			postrider policy clear short`),
	}
	o.flags(cmd)
	cmd.AddCommand(policySet(&o), policyList(&o), policyClear(&o))
	return cmd
}

func policySet(o *owner) *cobra.Command {
	s := policyScope{owner: o}
	var priority int64
	var applyTo string
	cmd := &cobra.Command{
		Use:   "set NAME PATTERN DEFINITION",
		Short: "Set a policy, or change the one of that name",
		Long: text(`
			Set a policy, or change the one of that name. PATTERN is a regular expression,
			which may match anywhere in a name; DEFINITION is a JSON object. It holds at once:
			a queue that is longer than its new limit drops messages from its head. A time to
			live is for messages that are published from now on.`),
		Example: examples(`
			postrider policy set short '^events\.' '{"max-length": 10000, "overflow": "reject-publish"}'
			postrider policy set dead '^(?!dead)' '{"dead-letter-exchange": "dead"}' --apply-to queues --priority 5
			postrider policy set --vhost shop --operator cap '' '{"max-length-bytes": 1000000000}'`),
		Args: cobra.ExactArgs(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !json.Valid([]byte(args[2])) {
				return usagef("DEFINITION %q is not JSON: want an object as in '{\"max-length\": 1000}'", args[2])
			}
			want := map[string]any{
				"pattern": args[1], "definition": json.RawMessage(args[2]), "priority": priority, "apply-to": applyTo,
			}
			if _, err := o.ask(cmd.Context(), http.MethodPut, s.path(args[0]), want, nil); err != nil {
				return s.noHost(err)
			}
			var definition policy.Definition
			_ = json.Unmarshal([]byte(args[2]), &definition) // the broker has taken it
			if idle := policy.Idle(definition); len(idle) > 0 {
				fmt.Fprintf(cmd.ErrOrStderr(), "postrider: note: settings without effect here: %s\n", strings.Join(idle, ", "))
			}
			return nil
		},
	}
	s.flags(cmd.Flags())
	cmd.Flags().Int64Var(&priority, "priority", 0, "the `number` by which one is chosen among those that match: the highest")
	cmd.Flags().StringVar(&applyTo, "apply-to", "all", "to `what`: all, exchanges, queues, classic_queues, quorum_queues or streams")
	return cmd
}

func (s *policyScope) noHost(err error) error {
	return absent(err, "there is no virtual host %s: see postrider vhost list", s.vhost)
}

func policyList(o *owner) *cobra.Command {
	s := policyScope{owner: o}
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the policies of a virtual host",
		Example: examples(`
			postrider policy list
			postrider policy list --operator --vhost shop --json`),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var items []map[string]any
			if _, err := o.ask(cmd.Context(), http.MethodGet, s.path(), nil, &items); err != nil {
				return s.noHost(err)
			}
			if !o.json {
				for _, item := range items {
					definition, _ := json.Marshal(item["definition"]) // it came from JSON
					item["definition"] = string(definition)
				}
			}
			return o.print(cmd.OutOrStdout(), items, column{"NAME", "name"}, column{"PATTERN", "pattern"},
				column{"APPLY TO", "apply-to"}, column{"PRIORITY", "priority"}, column{"DEFINITION", "definition"})
		},
	}
	s.flags(cmd.Flags())
	return cmd
}

func policyClear(o *owner) *cobra.Command {
	s := policyScope{owner: o}
	cmd := &cobra.Command{
		Use:   "clear NAME",
		Short: "Clear a policy: what it was for goes by its own arguments again, or another policy",
		Example: examples(`
			postrider policy clear short
			postrider policy clear --operator cap --vhost shop`),
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			_, err := o.ask(cmd.Context(), http.MethodDelete, s.path(args[0]), nil, nil)
			return absent(err, "there is no policy %s in virtual host %s: see postrider policy list", args[0], s.vhost)
		},
	}
	s.flags(cmd.Flags())
	return cmd
}
