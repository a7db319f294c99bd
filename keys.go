package postrider

import (
	"bytes"
	"crypto"
	"crypto/hpke"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync"
	"time"

	"github.com/postrider-mq/postrider/internal/seal"
)

// Keys are what a node seals messages with and opens those that are sealed to it, see [Config.Keys]. Any number of goroutines and nodes may use them.
type Keys struct {
	files fs.FS
	name  string

	mu   sync.Mutex
	ring *keyring // as read last

	showing sync.Mutex // see shown
	looked  time.Time  // by it
}

// keyring is what one look at the files has found.
type keyring struct {
	roots    *x509.CertPool
	login    string          // how nodes of this authority enter, see [Keys.Secure]
	pair     tls.Certificate // the identity, for TLS
	identity *seal.Identity
	to       map[seal.Target]seal.Key // the newest of each, whatever file it is in
	issued   map[seal.Target]time.Time
	private  map[seal.KeyID]privateKey
}

type privateKey struct {
	hpke.PrivateKey
	target seal.Target
}

// Files of keys, as postrider keys makes them.
const (
	authorityFile   = "ca.pem"
	certificateFile = ".pem"
	privateFile     = ".key"

	maxKeyFile  = 1 << 20
	maxKeyFiles = 1 << 14
)

var errNoCertificate = errors.New("there is no certificate in it")

// LoadKeys reads the keys of the node of that name from the directory that postrider keys has made, as in
// LoadKeys(os.DirFS("./postrider-keys"), "alice"):
//
//	ca.pem                         the authority: whose certificates are trusted
//	alice.pem, alice.key           who this node is: what it seals it signs with this key
//	bob.peer.pem, jobs.mailbox.pem the public keys of a node's inbox and of a mailbox: to seal to them
//	alice.peer.key                 the private one of this node's inbox
//	jobs.mailbox.key               that of a mailbox, for those who work on it: whoever has it reads what is sent there
//
// The files are looked at again at least once an hour, and when a message comes that is sealed to a key which is not known. So a key that is
// replaced needs no restart. Where they cannot be read any more, what was read before holds. An error says which file, and what is wrong with it.
func LoadKeys(files fs.FS, name string) (*Keys, error) {
	k := &Keys{files: files, name: name}
	if err := k.load(time.Now()); err != nil {
		return nil, fmt.Errorf("postrider: %w", err)
	}
	return k, nil
}

// load reads the files. After an error what was read before holds.
func (k *Keys) load(now time.Time) error {
	r, err := readKeys(k.files, k.name, now)
	if err != nil {
		return fmt.Errorf("keys of %s: %w", k.name, err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ring = r
	return nil
}

func (k *Keys) current() *keyring {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.ring
}

func readKeys(files fs.FS, name string, now time.Time) (*keyring, error) {
	r := &keyring{
		roots: x509.NewCertPool(), to: make(map[seal.Target]seal.Key), issued: make(map[seal.Target]time.Time), private: make(map[seal.KeyID]privateKey),
	}
	authority, err := readFile(files, authorityFile)
	if err != nil {
		return nil, err
	}
	if !r.roots.AppendCertsFromPEM(authority) {
		return nil, fmt.Errorf("%s: %w", authorityFile, errNoCertificate)
	}
	if r.login, err = familiarLogin(authority); err != nil {
		return nil, fmt.Errorf("%s: %w", authorityFile, err)
	}
	if r.identity, r.pair, err = readIdentity(files, name); err != nil {
		return nil, err
	}
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		return nil, err
	}
	if len(entries) > maxKeyFiles {
		return nil, fmt.Errorf("%d files are too many, %d are allowed", len(entries), maxKeyFiles)
	}
	for _, e := range entries {
		base, isPEM := strings.CutSuffix(e.Name(), certificateFile)
		if !isPEM || !seal.IsFile(base) {
			continue
		}
		if err := r.readTarget(files, base, now); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func readFile(files fs.FS, name string) ([]byte, error) {
	f, err := files.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err == nil && len(b) > maxKeyFile {
		err = fmt.Errorf("%s is larger than %d bytes", name, maxKeyFile)
	}
	return b, err
}

func readIdentity(files fs.FS, name string) (_ *seal.Identity, pair tls.Certificate, err error) {
	certificate, err := readFile(files, name+certificateFile)
	if err != nil {
		return nil, pair, err
	}
	key, err := readFile(files, name+privateFile)
	if err != nil {
		return nil, pair, err
	}
	pair, err = tls.X509KeyPair(certificate, key)
	if err != nil {
		return nil, pair, fmt.Errorf("%s%s, %s%s: %w", name, certificateFile, name, privateFile, err)
	}
	c, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return nil, pair, fmt.Errorf("%s%s: %w", name, certificateFile, err)
	}
	signer, ok := pair.PrivateKey.(crypto.Signer)
	if !ok {
		return nil, pair, fmt.Errorf("%s%s is no key that signs", name, privateFile)
	}
	id := &seal.Identity{Certificate: c, Key: signer}
	if err := id.Check(); err != nil {
		return nil, pair, fmt.Errorf("%s%s: %w", name, certificateFile, err)
	}
	if c.Subject.CommonName != name {
		return nil, pair, fmt.Errorf("%s%s is the certificate of %q", name, certificateFile, c.Subject.CommonName)
	}
	return id, pair, nil
}

// readTarget reads the keys of one target. Those that are good no longer are passed over: nothing that is sealed to them may be opened.
func (r *keyring) readTarget(files fs.FS, base string, now time.Time) error {
	certificates, err := readFile(files, base+certificateFile)
	if err != nil {
		return err
	}
	private, err := readPrivate(files, base+privateFile)
	if err != nil {
		return err
	}
	for _, der := range pemBlocks(certificates, "CERTIFICATE") {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return fmt.Errorf("%s%s: %w", base, certificateFile, err)
		}
		k, err := seal.ParseKey(c)
		if err != nil {
			return fmt.Errorf("%s%s: %w", base, certificateFile, err)
		}
		if now.After(c.NotAfter) {
			continue
		}
		if err := seal.SignedBy(r.roots, c, now); err != nil {
			return fmt.Errorf("%s%s: %w", base, certificateFile, err)
		}
		if at, ok := r.issued[k.Target]; !ok || c.NotBefore.After(at) { // of one second the first: new ones are put in front
			r.issued[k.Target], r.to[k.Target] = c.NotBefore, k
		}
		if p, ok := private[k.ID]; ok {
			r.private[k.ID] = privateKey{p, k.Target}
		}
	}
	return nil
}

// readPrivate reads private keys. There may be none.
func readPrivate(files fs.FS, name string) (map[seal.KeyID]hpke.PrivateKey, error) {
	b, err := readFile(files, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	keys := make(map[seal.KeyID]hpke.PrivateKey)
	for _, der := range pemBlocks(b, "PRIVATE KEY") {
		id, key, err := seal.ParsePrivateKey(der)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		keys[id] = key
	}
	return keys, nil
}

// pemBlocks are the contents of the PEM blocks of a type.
func pemBlocks(b []byte, of string) (all [][]byte) {
	for {
		var block *pem.Block
		if block, b = pem.Decode(bytes.TrimSpace(b)); block == nil {
			return all
		}
		if block.Type == of {
			all = append(all, block.Bytes)
		}
	}
}
