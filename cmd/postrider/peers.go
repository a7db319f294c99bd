package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/internal/client"
)

func newPeers() *cobra.Command {
	var o nodeOptions
	var patience time.Duration
	var count int
	cmd := &cobra.Command{
		Use:   "peers",
		Short: "List the nodes that are there",
		Long: text(`
			Ask all nodes that listen and use the same broker who and where they are, and list those that
			answer within --wait. FINGERPRINT is that of the public key of their certificates; see postrider keys.

			With --count it ends as soon as so many are there, and fails when there are fewer: a script
			can wait for its workers with it.`),
		Example: examples(`
			postrider peers
			postrider peers --broker amqps://mq1 --json | jq -r .name
			postrider peers --count 3 --wait 1m && ./begin.sh`),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case patience <= 0:
				return usagef("--wait %s: want more than 0", patience)
			case count < 0:
				return usagef("--count %d: want 0, which is no limit, or more", count)
			}
			n, err := o.startToAsk(cmd)
			if err != nil {
				return err
			}
			defer n.Close()
			l := &peerList{out: cmd.OutOrStdout(), json: o.json}
			if err := o.gather(cmd.Context(), l, n, patience, count); err != nil {
				return err
			}
			switch {
			case cmd.Context().Err() != nil:
				return errInterrupted
			case l.found < count:
				return fmt.Errorf("%d of %d nodes answered within %s", l.found, count, patience)
			case l.found == 0:
				fmt.Fprintf(cmd.ErrOrStderr(), "nobody answered within %s: nodes are found here that listen and use the same broker\n", patience)
			}
			return nil
		},
	}
	f := cmd.Flags()
	o.askFlags(f)
	f.DurationVar(&patience, "wait", time.Second, "`duration` to wait for answers, as in 3s")
	f.IntVar(&count, "count", 0, "`number` of nodes after which it ends; 0 is no limit")
	return cmd
}

// startToAsk starts a node that asks through the broker, which it makes sure is there.
func (o *nodeOptions) startToAsk(cmd *cobra.Command) (*postrider.Node, error) {
	if err := o.seeBroker(cmd.Context()); err != nil {
		return nil, err
	}
	return o.start(cmd.Context(), cmd.ErrOrStderr())
}

// seeBroker says why the brokers cannot be asked; nil when one of them answers and lets us in.
func (o *nodeOptions) seeBroker(ctx context.Context) (err error) {
	for _, url := range o.brokerURLs() {
		at, parsed := client.ParseURL(url)
		if parsed != nil {
			return usagef("--broker: %w", parsed)
		}
		l, failed := o.dial(ctx, at)
		if failed == nil {
			l.Close()
			return nil
		}
		err = unreachable(at.String(), failed)
	}
	return err
}

// peerList prints nodes: each as it answers with JSON, else all in a table.
type peerList struct {
	out   io.Writer
	json  bool
	found int
	cards []postrider.Card
}

// gather waits for answers for as long as patience, which begins anew while the broker, which is there, could not be asked yet: until the timeout.
func (o *nodeOptions) gather(ctx context.Context, l *peerList, n *postrider.Node, patience time.Duration, count int) error {
	asking, cancel := o.within(ctx)
	defer cancel()
	for {
		answering, cancel := context.WithTimeout(ctx, patience)
		err := l.gather(answering, n, count)
		late := answering.Err() != nil
		cancel()
		if err == nil || !late || asking.Err() != nil {
			return err
		}
	}
}

// gather takes cards until ctx ends or, unless it is 0, count have come.
func (l *peerList) gather(ctx context.Context, n *postrider.Node, count int) error {
	for c, err := range n.Peers(ctx) {
		if err != nil {
			return err
		}
		l.found++
		if err := l.add(c); err != nil {
			return err
		}
		if l.found == count {
			break
		}
	}
	return l.table()
}

func (l *peerList) add(c postrider.Card) error {
	if l.json {
		return json.NewEncoder(l.out).Encode(c)
	}
	l.cards = append(l.cards, c)
	return nil
}

// table prints the cards that are left, by name.
func (l *peerList) table() error {
	if len(l.cards) == 0 {
		return nil
	}
	slices.SortFunc(l.cards, func(a, b postrider.Card) int { return strings.Compare(a.Name, b.Name) })
	t := tabwriter.NewWriter(l.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NODE\tADDRESSES\tFINGERPRINT")
	for _, c := range l.cards {
		fmt.Fprintf(t, "%s\t%s\t%s\n", printable(c.Name), printable(strings.Join(c.Addresses, ",")), orDash(printable(c.Key)))
	}
	return t.Flush()
}

// errNobody is returned by findPeer.
var errNobody = errors.New("no node of that name that listens answers")

// findPeer asks through the broker where a node is, within the timeout.
func findPeer(cmd *cobra.Command, o *nodeOptions, name string) ([]client.Address, error) {
	n, err := o.startToAsk(cmd)
	if err != nil {
		return nil, lookingFor(name, err)
	}
	defer n.Close()
	ctx, cancel := o.within(cmd.Context())
	defer cancel()
	for c, err := range n.Peers(ctx) {
		if err != nil {
			return nil, err
		}
		if c.Name == name && len(c.Addresses) > 0 {
			return o.addressesOf(c)
		}
	}
	if cmd.Context().Err() != nil {
		return nil, errInterrupted
	}
	return nil, remedied{fmt.Errorf("looking for peer %s: %w", name, errNobody), sayWhere(name)}
}

func (o *nodeOptions) addressesOf(c postrider.Card) ([]client.Address, error) {
	all := make([]client.Address, len(c.Addresses))
	for i, u := range c.Addresses {
		u, err := o.enter(u)
		if err != nil {
			return nil, err
		}
		at, err := client.ParseURL(u)
		if err != nil {
			return nil, fmt.Errorf("what node %s says of its address: %w", c.Name, err)
		}
		if o.familiar() && !at.TLS {
			return nil, fmt.Errorf("who answers as node %s has an address without TLS: nodes with keys of one authority do not", c.Name)
		}
		at.Key = c.Key
		all[i] = at
	}
	return all, nil
}

// lookingFor says why the broker could not be asked for a peer.
func lookingFor(name string, err error) error {
	if errors.As(err, new(ownFault)) {
		return err
	}
	err = fmt.Errorf("looking for peer %s: %w", name, err)
	todo := "say where it is: --peer " + name + "=HOST:PORT"
	if other := remedy(err); other != "" {
		todo = other + "; or " + todo
	}
	return remedied{err, todo}
}

// sayWhere is what to do about a peer that cannot be found.
func sayWhere(name string) string {
	return fmt.Sprintf("start it with --name %s and --listen, or say where it is: --peer %s=HOST:PORT", name, name)
}
