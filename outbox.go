package postrider

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"

	"github.com/postrider-mq/postrider/internal/client"
	"github.com/postrider-mq/postrider/internal/disk"
	"github.com/postrider-mq/postrider/internal/outbox"
)

// keeper has an outbox on disk keep what the connections publish.
type keeper struct {
	disk *outbox.Outbox
	log  *slog.Logger
}

// Whom the outbox keeps a post for, in its own words: before the name that the caller knows it by.
const (
	keptForPeer    = "peer "
	keptForMailbox = "mailbox "
	keptForSingle  = "single " // a mailbox with SingleActive
	keptForTopic   = "topic "

	keptForPartition = "partition "
)

// openKeeper opens the outbox of a node; nil when it has no directory.
func openKeeper(cfg Config, log *slog.Logger) (*keeper, error) {
	if cfg.Dir == "" {
		return nil, nil
	}
	o, err := outbox.Open(disk.OS(filepath.Join(cfg.Dir, "outbox")), log)
	if err != nil {
		return nil, err
	}
	return &keeper{o, log}, nil
}

// Keep implements client.Keeper.
func (k *keeper) Keep(m client.Kept, rest ...[]byte) (uint64, error) {
	ticket, err := k.disk.Keep(outbox.Post(m), rest...)
	if errors.Is(err, outbox.ErrSlow) {
		return 0, fmt.Errorf("%w: %w", client.ErrFull, err)
	}
	return ticket, err
}

// Done implements client.Keeper.
func (k *keeper) Done(tickets []uint64) { k.disk.Done(tickets) }

// has reports whether a message is safe on this node's disk.
func (k *keeper) has(f *client.Fate) bool {
	return k != nil && f.Kept() != 0 && k.disk.Durable(f.Kept())
}

// await waits until it is.
func (k *keeper) await(ctx context.Context, f *client.Fate) error {
	if k == nil || f.Kept() == 0 {
		return errNotKept
	}
	return k.disk.Wait(ctx, f.Kept())
}

var (
	errNotKept = errors.New("nothing keeps it on this node's disk: set Config.Dir")
	errWaitFor = errors.New("Until(Kept) is for a Send: of a Post its Receipt tells, by WaitFor(ctx, Kept)")
)

func (k *keeper) close() error {
	if k == nil {
		return nil
	}
	return k.disk.Close()
}

// resume sends on what was posted before the node was started and not confirmed.
func (n *Node) resume() {
	if n.kept == nil {
		return
	}
	for _, target := range n.kept.disk.Targets() {
		if why := n.known(target); why != nil {
			n.log.Warn("what was posted before this start cannot be sent on yet, and stays in the outbox", "target", withoutPassword(target), "error", why)
		}
	}
}

// known makes the target that the outbox keeps something for, which adopts it.
func (n *Node) known(target string) error {
	kind, name, _ := strings.Cut(target, " ")
	switch {
	case kind+" " == keptForPeer:
		return n.Peer(name).why
	case len(n.mail) == 0:
		return errors.New("Config.Brokers is empty")
	case kind+" " == keptForTopic:
		return n.Topic(name).why
	case kind+" " == keptForPartition:
		t, err := n.ofPartition(name)
		if err != nil {
			return err
		}
		return t.why
	case kind+" " == keptForMailbox:
		return n.Mailbox(name).why
	case kind+" " == keptForSingle:
		return n.Mailbox(name, SingleActive()).why
	}
	return errors.New("a later version has written it")
}

// adopt sends on what the outbox keeps of a former life for the target at the end of r. The caller holds mu.
func (n *Node) adopt(r *remote) {
	if n.kept == nil || r.keep == "" {
		return
	}
	posts := n.kept.disk.Take(r.keep)
	if len(posts) > 0 {
		r.prepare()
		if r.conn == nil { // some may ask for receipts, which come as answers do; a peer does not take them otherwise
			r.pub.WantReplies()
		}
	}
	for _, p := range posts {
		k := client.Kept(p)
		f := new(client.Fate)
		f.Tell(func(err error) {
			if err != nil && !errors.Is(err, client.ErrClosed) {
				n.log.Error("a message that was posted before this start was not delivered", "message", k.ID(), "target", withoutPassword(p.Target), "error", err)
			}
		})
		switch err := r.pub.Restore(f, k); {
		case errors.Is(err, client.ErrClosed):
			return // the node closes; it is kept
		case err != nil:
			n.log.Error("a message that was posted before this start cannot be read, and stays in the outbox", "target", withoutPassword(p.Target), "error", err)
		}
	}
}
