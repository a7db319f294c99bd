package postrider

import (
	"crypto/hpke"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/seal"
)

// The fates of messages that are sealed, or ought to be.
var (
	// ErrNoKey: there is no key to seal to that target with, or none to open a message that is sealed to it.
	ErrNoKey = errors.New("there is no key for it")
	// ErrUnsealed: a message or an answer is not sealed, and nothing else is taken there.
	ErrUnsealed = errors.New("it is not sealed")
	// ErrSeal: a seal does not hold: the message was changed on its way, it is too old, or whoever sealed it is not trusted.
	ErrSeal = errors.New("its seal does not hold")
)

// typeSealed is the content type of what is sealed. What it is inside, its receiver sees.
const typeSealed = "application/vnd.postrider.sealed"

// defaultSealedFor is for how long what is sealed may be opened.
const defaultSealedFor = 30 * 24 * time.Hour

// lookAgain is the least time between two looks at the files for keys that were not there.
const lookAgain = time.Second

// sealing is what a node with keys seals and opens with.
type sealing struct {
	keys  *Keys
	plain []string // what is not sealed
	life  time.Duration
	log   *slog.Logger

	mu     sync.Mutex
	epochs map[seal.Target]*seal.Epoch
	opener seal.Opener
	looked time.Time
}

// newSealing is nil for a node without keys.
func newSealing(cfg Config, log *slog.Logger) (*sealing, error) {
	switch {
	case cfg.Keys == nil && (len(cfg.Plain) > 0 || cfg.SealedFor != 0):
		return nil, errors.New("Config.Plain and Config.SealedFor are about sealed messages, and there are no Config.Keys: nothing is sealed")
	case cfg.Keys == nil:
		return nil, nil
	case cfg.Keys.name != cfg.Name:
		return nil, fmt.Errorf("Config.Keys are those of %q, not of %q", cfg.Keys.name, cfg.Name)
	case cfg.SealedFor < 0:
		return nil, fmt.Errorf("Config.SealedFor is %v: want a time, or 0, which is %v", cfg.SealedFor, defaultSealedFor)
	}
	for _, p := range cfg.Plain {
		kind, name, _ := strings.Cut(p, ":")
		if p != plainInbox && (name == "" || !slices.Contains([]string{"peer", "mailbox", "topic"}, kind)) {
			return nil, fmt.Errorf("Config.Plain: %q: want inbox, peer:NAME, mailbox:NAME or topic:NAME; a * at the end stands for any rest", p)
		}
	}
	s := &sealing{keys: cfg.Keys, plain: cfg.Plain, life: cfg.SealedFor, log: log, epochs: make(map[seal.Target]*seal.Epoch), looked: time.Now()}
	if s.life == 0 {
		s.life = defaultSealedFor
	}
	s.opener.Private = s.private
	s.use()
	return s, nil
}

// plainInbox is what Config.Plain calls this node's own inbox.
const plainInbox = "inbox"

// isPlain reports whether the configuration excepts a target.
func (s *sealing) isPlain(what string) bool {
	for _, p := range s.plain {
		if prefix, wild := strings.CutSuffix(p, "*"); p == what || wild && strings.HasPrefix(what, prefix) {
			return true
		}
	}
	return false
}

// sealUp decides, when a target is made, whether messages for it are sealed, and to whom.
func (n *Node) sealUp(t *Target, kind string) {
	s := n.sealing
	if s == nil {
		return
	}
	name := strings.TrimSuffix(t.name, deadSuffix)
	to, what := seal.Target{Kind: seal.Mailbox, Name: name}, ""
	switch kind {
	case "topic":
		if t.why == nil && !s.isPlain("topic:"+t.name) {
			t.why = fmt.Errorf("%w: what goes to a topic is not sealed", ErrNoKey)
		}
		return
	case "peer":
		to = seal.Target{Kind: seal.Peer, Name: t.name}
		what = to.String()
	case "inbox of", "dead letters of inbox":
		to, what = seal.Target{Kind: seal.Peer, Name: n.cfg.Name}, plainInbox
	default:
		what = to.String()
	}
	t.sealTo, t.sealed = to, !s.isPlain(what)
	if t.relay != nil {
		t.relay.sealTo, t.relay.sealed = t.sealTo, t.sealed
	}
}

// use takes the keys as they were read last. The caller holds mu, or is the only one.
func (s *sealing) use() {
	if roots := s.keys.current().roots; s.opener.Roots == nil || !s.opener.Roots.Equal(roots) {
		s.opener.Roots = roots
		s.opener.Forget() // they may trust others
	}
}

// look reads the files again. The caller holds mu.
func (s *sealing) look(now time.Time) {
	s.looked = now
	if err := s.keys.load(now); err != nil {
		s.log.Error("keys cannot be read: those that were read before are used", "error", err)
	}
	s.use()
}

// private finds a private key, in the files if need be. The caller holds mu.
func (s *sealing) private(id seal.KeyID) (hpke.PrivateKey, seal.Target, bool) {
	p, ok := s.keys.current().private[id]
	if now := time.Now(); !ok && now.Sub(s.looked) >= lookAgain {
		s.look(now)
		p, ok = s.keys.current().private[id]
	}
	return p.PrivateKey, p.target, ok
}

// opens is why this node could open nothing that is sealed to a target; nil when it has a key.
func (s *sealing) opens(to seal.Target) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range 2 {
		for _, p := range s.keys.current().private {
			if p.target == to {
				return nil
			}
		}
		s.look(time.Now())
	}
	return fmt.Errorf("%w: nothing that is sealed to %v could be opened here", ErrNoKey, to)
}

// next takes the next number of the epoch to a target, a new one if need be.
func (s *sealing) next(to seal.Target, now time.Time) (*seal.Epoch, uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.epochs[to]; e != nil {
		if number, ok := e.Next(now); ok {
			return e, number, nil
		}
	}
	if now.Sub(s.looked) >= lookAgain {
		s.look(now)
	}
	ring := s.keys.current()
	key, ok := ring.to[to]
	if !ok {
		return nil, 0, fmt.Errorf("%w: nothing can be sealed to %v", ErrNoKey, to)
	}
	var data [32]byte
	rand.Read(data[:]) // never fails
	e, err := seal.NewEpoch(ring.identity, key, data, now, s.life)
	if err != nil {
		return nil, 0, fmt.Errorf("%w: %w", ErrNoKey, err)
	}
	number, ok := e.Next(now)
	if !ok {
		return nil, 0, fmt.Errorf("%w: the clock stands still or goes backwards", ErrNoKey)
	}
	s.epochs[to] = e
	return e, number, nil
}

// granted opens a grant.
func (s *sealing) granted(grant []byte, now time.Time) (*seal.Granted, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opener.Open(grant, now)
}

// wish is what the sender of a message with these options wants to hear, if it is no call.
func (o *sendOptions) wish(t *Target) seal.Wish {
	if o.until > t.grade {
		return seal.Receipt
	}
	return seal.Nothing
}

// enclose seals a draft that goes to a target where that is to be. What only its receivers are to see is in its body then.
func (t *Target) enclose(d *draft, w seal.Wish) error {
	if !t.sealed {
		return nil
	}
	if w == seal.Receipt {
		d.nameInquiry(t.node)
	}
	now := time.Now()
	e, number, err := t.node.sealing.next(t.sealTo, now)
	if err != nil {
		return err
	}
	var room [maxGeneratedID]byte
	b := seal.Bound{ID: d.id.appendTo(room[:0]), Wish: w}
	if w != seal.Nothing {
		b.Correlation = b.ID
	}
	c := seal.Content{Time: now, Type: d.style.contentType(), Body: d.body}
	var rest *extras
	if m := d.more; m != nil {
		b.Key, b.Control = []byte(m.key), []byte(m.control)
		if m.contentType != "" {
			c.Type = m.contentType
		}
		if len(m.headers) > 0 {
			if c.Headers, err = amqp.AppendTable(nil, m.headers); err != nil {
				return err
			}
		}
		named := m.called + m.inquiry // it has one of them, if any
		if named != "" {
			b.Correlation = []byte(named)
		}
		if m.key != "" || m.control != "" || m.expires != 0 || named != "" {
			rest = &extras{key: m.key, control: m.control, expires: m.expires, attempt: m.attempt, called: m.called, inquiry: m.inquiry}
		}
	}
	if d.body, err = e.Seal(number, &b, &c); err != nil {
		return err
	}
	d.style, d.more, d.secret = styleSealed+d.style/formats*formats, rest, &e.Secret
	return nil
}
