package seal

import (
	"errors"
	"fmt"
	"time"
)

// How long one data key is used.
const (
	EpochLife     = time.Hour
	EpochMessages = 1 << 20
)

// Epoch is what one sender seals to one target for a while: under one data key and one grant.
type Epoch struct {
	Secret
	grant  []byte
	starts int64
	ends   int64
	number uint64
}

// NewEpoch grants a random data key to the holder of a target's key, for messages that may be opened for as long as life, or until one of the
// certificates ends.
func NewEpoch(id *Identity, to Key, data [32]byte, now time.Time, life time.Duration) (*Epoch, error) {
	starts := now.UnixMilli()
	t := terms{
		key: to.ID, target: to.Target, sender: id.Certificate.Raw,
		starts: starts, ends: starts + EpochLife.Milliseconds(), expires: starts + life.Milliseconds(),
	}
	switch {
	case now.After(to.Until):
		return nil, fmt.Errorf("the key %v of %v is good no longer than %v", to.ID, to.Target, to.Until.Format(time.DateTime))
	case now.After(id.Certificate.NotAfter):
		return nil, fmt.Errorf("the certificate of %q is good no longer than %v", id.Certificate.Subject.CommonName, id.Certificate.NotAfter.Format(time.DateTime))
	case now.Before(id.Certificate.NotBefore):
		return nil, fmt.Errorf("the certificate of %q is not good before %v", id.Certificate.Subject.CommonName, id.Certificate.NotBefore.Format(time.DateTime))
	}
	t.expires = min(t.expires, to.Until.UnixMilli(), id.Certificate.NotAfter.UnixMilli())
	t.ends = min(t.ends, t.expires)
	if t.starts >= t.ends {
		return nil, errors.New("nobody could open it: it would expire at once")
	}
	said := t.append(nil)
	wrapped, err := wrap(to.Public, said, data[:])
	if err != nil {
		return nil, err
	}
	g := appendBytes(said, wrapped)
	signature, err := id.sign(g)
	if err != nil {
		return nil, err
	}
	g = appendBytes(g, signature)
	if len(g) > maxGrant {
		return nil, fmt.Errorf("the certificate of %q is too large: the grant has %d bytes, %d are allowed", id.Certificate.Subject.CommonName, len(g), maxGrant)
	}
	e := &Epoch{grant: g, starts: t.starts, ends: t.ends}
	e.Secret, err = newSecret(g, data[:])
	return e, err
}

// Next takes the next number of a message sealed at now; false when the epoch is over. Numbers must be taken one at a time, and used once.
func (e *Epoch) Next(now time.Time) (uint64, bool) {
	ms := now.UnixMilli()
	if e.number >= EpochMessages || ms < e.starts || ms > e.ends {
		return 0, false
	}
	e.number++
	return e.number, true
}
