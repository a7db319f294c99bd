package access

import (
	"bytes"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// The cost of a password (RFC 9106; the memory is what OWASP asks of argon2id at least): 19 MiB, twice over.
const (
	hashTime    = 2
	hashMemory  = 19 * 1024 // KiB
	hashThreads = 1
)

// The algorithms that a hash may be of, by the names that RabbitMQ and its definitions give them.
const (
	Argon2id = "argon2id"
	SHA256   = "rabbit_password_hashing_sha256"
	SHA512   = "rabbit_password_hashing_sha512"
	MD5      = "rabbit_password_hashing_md5"
)

// A passwordHash is what is kept of a password. The zero value is of none, and no password fits it.
//
// One of RabbitMQ's is good for one login, which shows the password, and makes a hash of ours of it.
type passwordHash struct {
	algorithm string
	salt      [16]byte
	sum       [32]byte
	foreign   string // RabbitMQ's: four bytes of salt, then the sum of salt and password
}

func hashPassword(password string) (h passwordHash) {
	h.algorithm = Argon2id
	rand.Read(h.salt[:])
	h.sum = h.of(password)
	return h
}

// unmatched returns a hash of no password.
func unmatched() (h passwordHash) {
	h.algorithm = Argon2id
	rand.Read(h.salt[:])
	rand.Read(h.sum[:])
	return h
}

// none says that the user has no password.
func (h *passwordHash) none() bool { return h.algorithm == "" }

// matches takes tens of milliseconds and 19 MiB, whatever the algorithm: how a password is kept is nobody's business.
func (h *passwordHash) matches(password string) bool {
	sum := h.of(password)
	if h.foreign != "" {
		return h.matchesForeign(password)
	}
	return h.algorithm == Argon2id && subtle.ConstantTimeCompare(sum[:], h.sum[:]) == 1
}

func (h *passwordHash) of(password string) [32]byte {
	return [32]byte(argon2.IDKey([]byte(password), h.salt[:], hashTime, hashMemory, hashThreads, 32))
}

const foreignSalt = 4

func (h *passwordHash) matchesForeign(password string) bool {
	salt, want := h.foreign[:foreignSalt], h.foreign[foreignSalt:]
	salted := []byte(salt + password)
	var sum []byte
	switch h.algorithm {
	case SHA256:
		s := sha256.Sum256(salted)
		sum = s[:]
	case SHA512:
		s := sha512.Sum512(salted)
		sum = s[:]
	case MD5:
		s := md5.Sum(salted)
		sum = s[:]
	}
	return subtle.ConstantTimeCompare(sum, []byte(want)) == 1
}

var foreignSize = map[string]int{SHA256: sha256.Size, SHA512: sha512.Size, MD5: md5.Size}

// phc is how an argon2id hash is written, with the parameters that it was made with.
var phc = fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$", argon2.Version, hashMemory, hashTime, hashThreads)

// text is the hash as it is kept and exported; empty for none.
func (h *passwordHash) text() string {
	switch {
	case h.none():
		return ""
	case h.foreign != "":
		return base64.StdEncoding.EncodeToString([]byte(h.foreign))
	}
	b64 := base64.RawStdEncoding
	return phc + b64.EncodeToString(h.salt[:]) + "$" + b64.EncodeToString(h.sum[:])
}

// parseHash reads a hash as text writes it, or as RabbitMQ exports it: base64 of salt and sum. An empty text is
// the hash of no password, an empty algorithm that of the text or SHA256.
func parseHash(algorithm, text string) (h passwordHash, err error) {
	if text == "" {
		return h, nil
	}
	if strings.HasPrefix(text, "$argon2id$") {
		return parseArgon(text)
	}
	if algorithm == "" {
		algorithm = SHA256
	}
	size, ok := foreignSize[algorithm]
	if !ok {
		return h, fmt.Errorf("unknown hashing_algorithm %q", clip(algorithm))
	}
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(b) != foreignSalt+size {
		return h, fmt.Errorf("password_hash is not %d bytes of %s in base64", foreignSalt+size, algorithm)
	}
	h.algorithm, h.foreign = algorithm, string(b)
	rand.Read(h.salt[:]) // what a wrong password is hashed with, in vain
	return h, nil
}

func parseArgon(text string) (h passwordHash, err error) {
	rest, ok := strings.CutPrefix(text, phc)
	if !ok {
		return h, fmt.Errorf("password_hash has other parameters than %s", phc)
	}
	salt, sum, _ := strings.Cut(rest, "$")
	a, err1 := base64.RawStdEncoding.DecodeString(salt)
	b, err2 := base64.RawStdEncoding.DecodeString(sum)
	if err := errors.Join(err1, err2); err != nil || len(a) != len(h.salt) || len(b) != len(h.sum) {
		return h, errors.New("password_hash is not one of argon2id")
	}
	h.algorithm = Argon2id
	copy(h.salt[:], a)
	copy(h.sum[:], b)
	return h, nil
}

// bytes is what makes the hash this one and no other.
func (h *passwordHash) bytes() []byte {
	return bytes.Join([][]byte{[]byte(h.algorithm), h.salt[:], h.sum[:], []byte(h.foreign)}, []byte{0})
}

// RandomSecret returns a new password of 26 letters and digits, 130 random bits: for a user whom nobody gave one.
func RandomSecret() string { return rand.Text() }
