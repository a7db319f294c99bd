package main

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/postrider-mq/postrider/internal/seal"
	"github.com/postrider-mq/postrider/internal/signer"
)

func newKeysSeal() *cobra.Command {
	var dir string
	var days int
	var anew bool
	cmd := &cobra.Command{
		Use:   "seal peer:NAME|mailbox:NAME...",
		Short: "Make keys to seal messages to a peer or a mailbox with",
		Long: text(`
			Make a key for each target, to which messages are sealed: NAME.peer.pem or NAME.mailbox.pem is the public one,
			which senders need, signed by the authority of the directory; NAME.peer.key or NAME.mailbox.key is the
			private one, for that peer, or for those who work on the mailbox, and for nobody else: whoever has it
			reads what is sent there.

			With --renew a new key takes the old one's place, when a worker has left, say. The old one stays behind it in
			both files, to open what was sealed to it, until its time is over. First give the files to those who receive, then
			to those who send: they use the new one within the hour, without a restart.`),
		Example: examples(`
			postrider keys seal peer:bob mailbox:jobs
			postrider keys share alice --to ./for-alice
			postrider keys share bob mailbox:jobs --to ./for-bob
			postrider keys seal mailbox:jobs --renew`),
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := checkDays(days); err != nil {
				return err
			}
			targets, err := parseSealed(args)
			if err != nil {
				return err
			}
			return makeSealing(dir, targets, time.Now(), time.Duration(days)*24*time.Hour, anew)
		},
	}
	f := cmd.Flags()
	f.StringVar(&dir, "dir", defaultKeys, "`directory` of the keys, made if it is missing")
	f.IntVar(&days, "days", 365, "`number` of days for which the keys are good: nothing that is sealed to them is opened later")
	f.BoolVar(&anew, "renew", false, "put a new key before the one that is there")
	return cmd
}

func parseSealed(args []string) (targets []seal.Target, err error) {
	for _, arg := range args {
		t, err := seal.ParseTarget(arg)
		if err != nil {
			return nil, usageError{err}
		}
		targets = append(targets, t)
	}
	return targets, nil
}

func makeSealing(dir string, targets []seal.Target, now time.Time, life time.Duration, anew bool) error {
	for _, t := range targets {
		path := filepath.Join(dir, t.File()+".pem")
		if _, err := os.Stat(path); err == nil && !anew {
			return fmt.Errorf("%s exists: to put a new key before it: --renew", path)
		}
	}
	a, err := openAuthority(dir)
	if err != nil {
		return err
	}
	for _, t := range targets {
		pair, err := a.IssueSealing(t.Name, t.URI(), now, life)
		if err == nil {
			pair, err = withOlder(dir, t.File(), pair, now)
		}
		if err == nil {
			err = keepPair(dir, t.File(), pair)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// withOlder puts the keys of a target behind a new one: those whose time is not over.
func withOlder(dir, base string, pair signer.Pair, now time.Time) (signer.Pair, error) {
	certificates, err := readIfThere(filepath.Join(dir, base+".pem"))
	if err != nil {
		return pair, err
	}
	keys, err := readIfThere(filepath.Join(dir, base+".key"))
	if err != nil {
		return pair, err
	}
	if len(certificates) > 0 && len(keys) == 0 {
		return pair, fmt.Errorf("keys are renewed where the private ones are: %s.key is not in %s", base, dir)
	}
	private := map[seal.KeyID]*pem.Block{} // a renewal that was cut short has left one more than there are certificates
	for k, rest := pem.Decode(keys); k != nil; k, rest = pem.Decode(rest) {
		id, _, err := seal.ParsePrivateKey(k.Bytes)
		if err != nil {
			return pair, fmt.Errorf("%s.key: %w", base, err)
		}
		private[id] = k
	}
	for c, rest := pem.Decode(certificates); c != nil; c, rest = pem.Decode(rest) {
		parsed, err := x509.ParseCertificate(c.Bytes)
		if err != nil {
			return pair, fmt.Errorf("%s.pem: %w", base, err)
		}
		key, err := seal.ParseKey(parsed)
		if err != nil {
			return pair, fmt.Errorf("%s.pem: %w", base, err)
		}
		if now.After(parsed.NotAfter) {
			continue
		}
		k := private[key.ID]
		if k == nil {
			return pair, fmt.Errorf("keys are renewed where the private ones are: one of %s.pem is not in %s.key of %s", base, base, dir)
		}
		pair.Certificate = append(pair.Certificate, pem.EncodeToMemory(c)...)
		pair.Key = append(pair.Key, pem.EncodeToMemory(k)...)
	}
	return pair, nil
}

func readIfThere(path string) ([]byte, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return b, err
}

func newKeysShare() *cobra.Command {
	var dir, to string
	cmd := &cobra.Command{
		Use:   "share NAME [mailbox:NAME...]",
		Short: "Gather what one node needs of the keys, and nothing more",
		Long: text(`
			Copy into --to what the node NAME needs: the authority's certificate, its own certificate and key, the public keys
			of all peers and mailboxes, the private one of its own inbox, and those of the mailboxes that it works
			on. Files that are there are replaced. Take the directory to the node in a way that nobody else reads.`),
		Example: examples(`
			postrider keys share alice --to ./for-alice
			postrider keys share bob mailbox:jobs mailbox:orders --to ./for-bob`),
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := checkName(args[0]); err != nil {
				return err
			}
			if to == "" {
				return usagef("--to is missing: the directory for the keys of %s", args[0])
			}
			targets, err := parseSealed(args[1:])
			if err != nil {
				return err
			}
			return shareKeys(dir, to, args[0], targets)
		},
	}
	f := cmd.Flags()
	f.StringVar(&dir, "dir", defaultKeys, "`directory` of all keys")
	f.StringVar(&to, "to", "", "`directory` for those of the node, made if it is missing")
	return cmd
}

func shareKeys(dir, to, name string, targets []seal.Target) error {
	if _, err := os.Stat(filepath.Join(dir, name+".pem")); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s has no certificate of %s: make it with: postrider keys new %s --dir %s", dir, name, name, dir)
	}
	files := []string{authorityPEM, name + ".pem", name + ".key"}
	for _, t := range targets {
		files = append(files, t.File()+".key")
	}
	own := seal.Target{Kind: seal.Peer, Name: name}.File() + ".key"
	if _, err := os.Stat(filepath.Join(dir, own)); err == nil {
		files = append(files, own)
	}
	for _, kind := range []seal.Kind{seal.Peer, seal.Mailbox} {
		public, err := filesIn(dir, "."+kind.String()+".pem")
		if err != nil {
			return err
		}
		for _, path := range public {
			files = append(files, filepath.Base(path))
		}
	}
	if err := os.MkdirAll(to, 0o700); err != nil {
		return err
	}
	for _, file := range files {
		b, err := os.ReadFile(filepath.Join(dir, file))
		if err == nil {
			err = writeWhole(filepath.Join(to, file), b)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
