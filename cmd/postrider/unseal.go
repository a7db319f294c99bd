package main

import (
	"crypto/hpke"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/seal"
)

// sealedType is the content type of a sealed message.
const sealedType = "application/vnd.postrider.sealed"

// unsealed is what was in a sealed message.
type unsealed struct {
	by          string // the node that has sealed it
	contentType string
	headers     amqp.Table
	body        []byte
	reason      string // why it failed, where that was sealed, too
}

// errNoKeys is why nothing sealed is opened.
var errNoKeys = errors.New("to open it: --keys DIR and --name NAME")

// unseal opens a message of a mailbox, or of its dead letters, with the mailbox's key in --keys.
func (d *desk) unseal(mailbox string, p *amqp.Properties, body []byte) (*unsealed, error) {
	if d.options.keys == "" {
		return nil, errNoKeys
	}
	now := time.Now()
	grant, rest, err := seal.Cut(body)
	if err != nil {
		return nil, err
	}
	var opener seal.Opener
	if opener.Roots, err = readRoots(filepath.Join(d.options.keys, authorityPEM)); err != nil {
		return nil, err
	}
	target := seal.Target{Kind: seal.Mailbox, Name: mailbox}
	keys, err := readPrivateKeys(filepath.Join(d.options.keys, target.File()+".key"))
	if err != nil {
		return nil, err
	}
	opener.Private = func(id seal.KeyID) (hpke.PrivateKey, seal.Target, bool) {
		k, ok := keys[id]
		return k, target, ok
	}
	g, err := opener.Open(grant, now)
	if err != nil {
		return nil, err
	}
	v, err := openBound(g, p, rest, now)
	switch {
	case err != nil:
		return nil, err
	case g.Sender != p.AppID:
		return nil, fmt.Errorf("it says that it is from %q, and %q has sealed it", p.AppID, g.Sender)
	}
	u := &unsealed{by: g.Sender, contentType: string(v.Type), body: v.Body}
	if len(v.Headers) > 0 {
		if _, u.headers, err = amqp.ParseTable(v.Headers); err != nil {
			return nil, fmt.Errorf("its headers: %w", err)
		}
	}
	if reason, ok := p.Headers[nodeHeader+"sealed-reason"].([]byte); ok {
		if v, err := g.OpenAnswer(seal.OfFailure, []byte(p.MessageID), reason); err == nil {
			u.reason = string(v.Body)
		}
	}
	return u, nil
}

// openBound opens a message whatever its sender wants to hear, which is bound to the seal, and is nothing to this program.
func openBound(g *seal.Granted, p *amqp.Properties, sealed []byte, now time.Time) (v seal.View, err error) {
	b := seal.Bound{ID: []byte(p.MessageID), Correlation: []byte(p.CorrelationID), Key: headerText(p, "key"), Control: headerText(p, "control")}
	for _, b.Wish = range []seal.Wish{seal.Nothing, seal.Answer, seal.Receipt} {
		if v, err = g.Open(sealed, &b, now); err == nil || !errors.Is(err, seal.ErrForged) {
			break
		}
	}
	return v, err
}

func headerText(p *amqp.Properties, name string) []byte {
	s, _ := p.Headers[nodeHeader+name].(string)
	return []byte(s)
}

// readPrivateKeys reads the private keys of a target.
func readPrivateKeys(path string) (map[seal.KeyID]hpke.PrivateKey, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("its key is not here: %s", path)
	}
	if err != nil {
		return nil, err
	}
	keys := make(map[seal.KeyID]hpke.PrivateKey)
	for block, rest := pem.Decode(b); block != nil; block, rest = pem.Decode(rest) {
		id, key, err := seal.ParsePrivateKey(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		keys[id] = key
	}
	return keys, nil
}

// stillSealed stands in the place of a body that nobody can read here.
func stillSealed(body []byte, why error) []byte {
	return fmt.Appendf(nil, "(sealed, %d bytes; %s)", len(body), oneLine(why))
}
