package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/postrider-mq/postrider/internal/client"
	"github.com/postrider-mq/postrider/internal/seal"
	"github.com/postrider-mq/postrider/internal/signer"
)

const (
	defaultKeys   = "./postrider-keys"
	authorityName = "ca"
	authorityPEM  = authorityName + ".pem"
	authorityKey  = authorityName + ".key"
)

func newKeys() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "Make and look at the certificates by which nodes and brokers know each other",
		Long: text(`
			A directory of keys holds a small authority, ca.pem and ca.key, and for each node or broker NAME a
			certificate that it has signed, NAME.pem, and its key, NAME.key.

			Nodes that are started with --keys speak TLS to one another, and let nobody in, and send to nobody, whose
			certificate is not of the same authority. A node needs ca.pem, NAME.pem and NAME.key of the
			directory; keep ca.key where certificates are made, for whoever has it can make more.

			With keys to seal to, of keys seal, nodes that are started with --sealed send nothing that anybody but its
			receiver can read, no broker and no disk among them, and take nothing else.`),
		Example: examples(`
			postrider keys new alice bob --host bob.example.com
			postrider keys seal peer:bob mailbox:jobs
			postrider keys show
			postrider receive inbox --name bob --listen :5681 --keys ./postrider-keys
			postrider send peer:bob hello --peer bob=bob.example.com:5681 --name alice --keys ./postrider-keys
			postrider serve --tls-cert postrider-keys/mq.pem --tls-key postrider-keys/mq.key --tls-ca postrider-keys/ca.pem`),
	}
	cmd.AddCommand(newKeysNew(), newKeysSeal(), newKeysShare(), newKeysShow())
	return cmd
}

func newKeysNew() *cobra.Command {
	var dir string
	var hosts []string
	var days int
	var anew bool
	cmd := &cobra.Command{
		Use:   "new NAME...",
		Short: "Make certificates, and the authority that signs them when there is none",
		Long: text(`
			Make a certificate and a key for each NAME, and the authority that signs them when the directory has
			none. They are good for the names NAME and localhost, for the loopback's addresses, and for what --host
			says; for --days days, but no longer than the authority, which is good for ten years.

			--renew replaces those that are there. A node that runs with --keys shows the new certificate from the
			next connection on.`),
		Example: examples(`
			postrider keys new alice bob
			postrider keys new mq --host mq1.example.com --host 192.0.2.7
			postrider keys new bob --renew`),
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkDays(days); err != nil {
				return err
			}
			for _, name := range args {
				if err := checkName(name); err != nil {
					return err
				}
			}
			for _, host := range hosts {
				if !isHost(host) {
					return usagef("--host %q: want a host's name or an address, as in mq.example.com or 192.0.2.7", host)
				}
			}
			return makeKeys(dir, args, hosts, time.Duration(days)*24*time.Hour, anew)
		},
	}
	f := cmd.Flags()
	f.StringVar(&dir, "dir", defaultKeys, "`directory` of the keys, made if it is missing")
	f.StringArrayVar(&hosts, "host", nil, "`name` or address by which others reach it; may be repeated")
	f.IntVar(&days, "days", 365, "`number` of days for which the certificates are good")
	f.BoolVar(&anew, "renew", false, "replace certificates and keys that are there")
	return cmd
}

// mostDays is how long an authority lasts, and nothing that it signs lasts longer.
const mostDays = 3650

func checkDays(days int) error {
	if days < 1 || days > mostDays {
		return usagef("--days %d: want 1 to %d", days, mostDays)
	}
	return nil
}

// checkName finds out whether a name can be that of a node or a broker in a directory of keys.
func checkName(name string) error {
	isForeign := func(r rune) bool { return r < ' ' || r > '~' } // to certificates
	if name == authorityName || name != filepath.Base(name) || strings.HasPrefix(name, ".") || len(name) > 64 || strings.ContainsFunc(name, isForeign) {
		return usagef("%q: want a name of up to 64 bytes of ASCII that can be a file's, and is not ca", name)
	}
	if seal.IsFile(name) {
		return usagef("%q: names that end in .peer and .mailbox are those of keys to seal to", name)
	}
	return nil
}

// isHost reports whether a certificate can be good for it: an address, or a name, which may begin with *.
func isHost(s string) bool {
	if net.ParseIP(s) != nil {
		return true
	}
	for label := range strings.SplitSeq(strings.TrimPrefix(s, "*."), ".") {
		if label == "" || len(label) > 63 || strings.ContainsFunc(label, func(r rune) bool {
			return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '_')
		}) {
			return false
		}
	}
	return true
}

func makeKeys(dir string, names, hosts []string, life time.Duration, anew bool) error {
	for _, name := range names {
		for _, path := range []string{filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key")} {
			if _, err := os.Stat(path); err == nil && !anew {
				return fmt.Errorf("%s exists: to replace it: --renew", path)
			}
		}
	}
	a, err := openAuthority(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		good := []string{name, "localhost", "127.0.0.1", "::1"}
		for _, h := range hosts {
			if !slices.Contains(good, h) {
				good = append(good, h)
			}
		}
		pair, err := a.Issue(name, good, time.Now(), life)
		if err == nil {
			err = keepPair(dir, name, pair)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// openAuthority reads the authority of a directory, or makes one where there is none. It never replaces a key: without that, no more can be signed of what
// others trust already. So of two that make one at once only one does.
func openAuthority(dir string) (*signer.Authority, error) {
	cert, err := os.ReadFile(filepath.Join(dir, authorityPEM))
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
		host, _ := os.Hostname()
		a, pair, err := signer.New("postrider keys of "+host, time.Now())
		if err == nil {
			err = writeNew(filepath.Join(dir, authorityKey), pair.Key)
		}
		if errors.Is(err, fs.ErrExist) {
			return nil, remedied{fmt.Errorf("%s has the authority's key, %s, and not its certificate, %s", dir, authorityKey, authorityPEM),
				"copy the certificate there from where it is used; or, if nothing has been signed yet, remove the key; or, if another keys command was making both just now, run this one again"}
		}
		if err == nil {
			err = writeWhole(filepath.Join(dir, authorityPEM), pair.Certificate)
		}
		return a, err
	}
	if err != nil {
		return nil, err
	}
	key, err := os.ReadFile(filepath.Join(dir, authorityKey))
	if err != nil {
		return nil, fmt.Errorf("certificates are made where the authority's key is: %w", err)
	}
	a, err := signer.Open(signer.Pair{Certificate: cert, Key: key})
	if err != nil {
		return nil, fmt.Errorf("the authority in %s: %w", dir, err)
	}
	return a, nil
}

// keepPair writes the key first: a certificate that is there has its key. Where it replaces another pair it may be cut short between the two, see loadPair.
func keepPair(dir, name string, p signer.Pair) error {
	if err := writeWhole(filepath.Join(dir, name+".key"), p.Key); err != nil {
		return err
	}
	return writeWhole(filepath.Join(dir, name+".pem"), p.Certificate)
}

// shownKey is what keys show --json prints.
type shownKey struct {
	Path        string    `json:"path"`
	Name        string    `json:"name"`
	Good        []string  `json:"goodFor,omitempty"`
	Until       time.Time `json:"until"`
	Fingerprint string    `json:"fingerprint"`
	Authority   bool      `json:"authority,omitempty"`
	Seals       string    `json:"seals,omitempty"`    // to whom
	Replaced    bool      `json:"replaced,omitempty"` // there is a newer one, and this one opens what was sealed before
	Trusted     bool      `json:"trusted"`            // signed by the authority beside it
	Key         bool      `json:"key"`                // the private key is beside it
}

func newKeysShow() *cobra.Command {
	var dir string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show [NAME...]",
		Short: "Show certificates and keys to seal to, whose they are, and whether they are trusted",
		Long: text(`
			Show the certificates of a directory, or those of the names given: what they are good for, until when,
			whether the authority there has signed them, whether their keys are there, and the fingerprint of the
			public key, as postrider peers shows it.`),
		Example: examples(`
			postrider keys show
			postrider keys show bob --json | jq -r .fingerprint`),
		RunE: func(cmd *cobra.Command, names []string) error {
			shown, err := keysIn(dir, names, time.Now())
			if err != nil {
				return err
			}
			if asJSON {
				encoder := json.NewEncoder(cmd.OutOrStdout())
				for _, k := range shown {
					if err := encoder.Encode(k); err != nil {
						return err
					}
				}
				return nil
			}
			t := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(t, "NAME\tUNTIL\tTRUSTED\tKEY\tFINGERPRINT\tGOOD FOR")
			yes := map[bool]string{true: "yes", false: "no"}
			for _, k := range shown {
				good := strings.Join(k.Good, ",")
				switch {
				case k.Authority:
					good = "signing"
				case k.Replaced:
					good = "opening what was sealed to " + k.Seals
				case k.Seals != "":
					good = "sealing to " + k.Seals
				}
				fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", printable(k.Name), k.Until.Format(time.DateOnly), yes[k.Trusted], yes[k.Key], k.Fingerprint, printable(good))
			}
			return t.Flush()
		},
	}
	f := cmd.Flags()
	f.StringVar(&dir, "dir", defaultKeys, "`directory` of the keys")
	f.BoolVar(&asJSON, "json", false, "print a JSON object a line")
	return cmd
}

func keysIn(dir string, names []string, now time.Time) (all []shownKey, err error) {
	roots, err := readRoots(filepath.Join(dir, authorityPEM))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there are no keys in %s: make some with: postrider keys new NAME --dir %s", dir, dir)
	}
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, name := range names {
		paths = append(paths, filepath.Join(dir, name+".pem"))
	}
	if len(names) == 0 {
		if paths, err = filesIn(dir, ".pem"); err != nil {
			return nil, err
		}
	}
	for _, path := range paths {
		certificates, err := readCertificates(path)
		if err != nil {
			return nil, err
		}
		_, err = os.Stat(strings.TrimSuffix(path, ".pem") + ".key")
		hasKey := err == nil
		for i, c := range certificates {
			k := shownKey{
				Path: path, Name: strings.TrimSuffix(filepath.Base(path), ".pem"), Until: c.NotAfter.UTC(), Fingerprint: client.PublicKey(c), Authority: c.IsCA,
				Trusted: seal.SignedBy(roots, c, now) == nil, Key: hasKey,
			}
			if to, err := seal.ParseKey(c); err == nil {
				k.Seals, k.Replaced = to.Target.String(), i > 0
			} else if i > 0 { // of who has signed the first
				break
			}
			k.Good = slices.Clone(c.DNSNames)
			for _, ip := range c.IPAddresses {
				k.Good = append(k.Good, net.IP.String(ip))
			}
			all = append(all, k)
		}
	}
	return all, nil
}
