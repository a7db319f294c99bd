package access

import (
	"crypto/rand"
	"crypto/subtle"

	"golang.org/x/crypto/argon2"
)

// The cost of a password (RFC 9106; the memory is what OWASP asks of argon2id at least): 19 MiB, twice over.
const (
	hashTime    = 2
	hashMemory  = 19 * 1024 // KiB
	hashThreads = 1
)

// A passwordHash is what is kept of a password.
type passwordHash struct {
	salt [16]byte
	sum  [32]byte
}

func hashPassword(password string) (h passwordHash) {
	rand.Read(h.salt[:])
	h.sum = h.of(password)
	return h
}

// unmatched returns a hash of no password.
func unmatched() (h passwordHash) {
	rand.Read(h.salt[:])
	rand.Read(h.sum[:])
	return h
}

// matches takes tens of milliseconds and 19 MiB.
func (h *passwordHash) matches(password string) bool {
	sum := h.of(password)
	return subtle.ConstantTimeCompare(sum[:], h.sum[:]) == 1
}

func (h *passwordHash) of(password string) [32]byte {
	return [32]byte(argon2.IDKey([]byte(password), h.salt[:], hashTime, hashMemory, hashThreads, 32))
}

// RandomSecret returns a new password of 26 letters and digits, 130 random bits: for a user whom nobody gave one.
func RandomSecret() string { return rand.Text() }
