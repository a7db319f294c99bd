package postrider

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/postrider-mq/postrider/amqp"
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
	o, err := outbox.Open(disk.OS(filepath.Join(cfg.Dir, outbox.Folder)), log)
	if err != nil {
		return nil, err
	}
	return &keeper{o, log}, nil
}

// Keep implements client.Keeper.
func (k *keeper) Keep(m client.Kept, rest ...[]byte) (uint64, error) {
	ticket, err := k.disk.Keep(outbox.Post{Target: m.Target, Encoded: m.Encoded, Expires: m.Expires}, rest...)
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

func (k *keeper) close(ctx context.Context) error {
	if k == nil {
		return nil
	}
	return k.disk.Close(ctx)
}

// resume sends on what was posted before the node was started and not confirmed. What is for mailboxes waits a moment until the program names
// them, which may want them in another form now, see adoptBox.
func (n *Node) resume() {
	if n.kept == nil {
		return
	}
	n.resumeAll(func(target string) bool { return !isBox(target) })
	if slices.ContainsFunc(n.kept.disk.Targets(), isBox) {
		n.mu.Lock()
		n.resuming = time.AfterFunc(namedWithin, n.resumeBoxes)
		n.mu.Unlock()
	}
}

// namedWithin is how long what was posted to mailboxes waits for the program to name them.
const namedWithin = time.Second

// resumeBoxes sends on what was posted to mailboxes that the program has not named: each in the form of what was posted to it last.
func (n *Node) resumeBoxes() { n.resumeAll(isBox) }

// resumeNow does so at once, if it was to be later.
func (n *Node) resumeNow() {
	n.mu.Lock()
	waits := n.resuming != nil && n.resuming.Stop()
	n.mu.Unlock()
	if waits {
		n.resumeBoxes()
	}
}

func (n *Node) resumeAll(which func(target string) bool) {
	for _, target := range n.kept.disk.Targets() {
		if !which(target) || !n.kept.disk.Has(target) { // or no more: a mailbox in another form has taken it
			continue
		}
		if why := n.known(target); why != nil && n.kept.disk.Has(target) && !errors.Is(why, ErrClosed) {
			n.log.Warn("what was posted before this start cannot be sent on yet, and stays in the outbox", "target", withoutPassword(target), "error", why)
		}
	}
}

func isBox(kept string) bool { return boxOf(kept) != "" }

// boxOf is the mailbox that the outbox keeps something for; "" if it is for something else.
func boxOf(kept string) string {
	kind, name, _ := strings.Cut(kept, " ")
	switch kind + " " {
	case keptForMailbox, keptForSingle:
		return name
	case keptForPartition:
		_, name, _ = strings.Cut(name, " ")
		return name
	}
	return ""
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
	if box := boxOf(r.keep); box != "" {
		n.adoptBox(box, func(*client.Kept) *remote { return r })
		return
	}
	for _, p := range n.kept.disk.Take(r.keep) {
		n.restore(r, p, kept(p))
	}
}

// adoptBox sends on what the outbox keeps for a mailbox, in whatever form that was then: it goes where to says. The caller holds mu.
func (n *Node) adoptBox(name string, to func(*client.Kept) *remote) {
	var targets []string
	for _, target := range n.kept.disk.Targets() {
		if boxOf(target) == name {
			targets = append(targets, target)
		}
	}
	for _, p := range n.kept.disk.Take(targets...) {
		k := kept(p)
		r := to(&k)
		k.Exchange, k.Key = r.address(&draft{})
		n.restore(r, p, k)
	}
}

func kept(p outbox.Post) client.Kept {
	return client.Kept{Ticket: p.Ticket, Target: p.Target, Encoded: p.Encoded, Expires: p.Expires}
}

// restore sends one on.
func (n *Node) restore(r *remote, p outbox.Post, k client.Kept) {
	r.prepare()
	if r.conn == nil { // some may ask for receipts, which come as answers do; a peer does not take them otherwise
		r.pub.WantReplies()
	}
	f := new(client.Fate)
	f.Tell(func(err error) {
		switch {
		case err == nil || errors.Is(err, client.ErrClosed):
		case isRefusedForm(r, err) && n.keepOn(p) == nil:
			n.log.Error("a message that was posted before this start is for a mailbox that is of another kind, and stays in the outbox for the next start",
				"message", k.ID(), "target", p.Target, "error", r.queue.Err())
		default:
			n.log.Error("a message that was posted before this start was not delivered", "message", k.ID(), "target", withoutPassword(p.Target), "error", err)
		}
	})
	switch err := r.pub.Restore(f, k); {
	case errors.Is(err, client.ErrClosed): // it is kept
	case err != nil:
		n.log.Error("a message that was posted before this start cannot be read, and stays in the outbox", "target", withoutPassword(p.Target), "error", err)
	}
}

// isRefusedForm reports whether a message was not taken because its mailbox is not as the program has named it, which may have been a mistake.
func isRefusedForm(r *remote, err error) bool {
	var refused *amqp.Error
	return errors.Is(err, client.ErrUnroutable) && r.queue != nil && errors.As(r.queue.Err(), &refused) && refused.Code == amqp.PreconditionFailed
}

// keepOn keeps a post for another start.
func (n *Node) keepOn(p outbox.Post) error {
	p.Ticket = 0
	_, err := n.kept.disk.Keep(p)
	return err
}
