package seal

import (
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
)

// Purpose is what is told of a message, by who could open it or to who has sealed it.
type Purpose string

const (
	OfAnswer  Purpose = "answer"  // to a call, or a receipt
	OfFailure Purpose = "failure" // why it was not handled
)

const answerMagic = "\xf5PA\x01"

// derive makes the key of one message and purpose.
func (s *Secret) derive(p Purpose, id []byte) (k Secret, err error) {
	key, err := hkdf.Expand(sha256.New, s.key, "postrider sealed "+string(p)+"\x00"+string(id), 32)
	if err != nil {
		return k, err
	}
	k.hash, k.key = s.hash, key
	k.aead, err = newAEAD(key)
	return k, err
}

// SealAnswer seals what is told of the message with that id. The nonce is random.
func (s *Secret) SealAnswer(p Purpose, id []byte, nonce [nonceSize]byte, c *Content) ([]byte, error) {
	if len(c.Type) > 255 {
		return nil, fmt.Errorf("the content type %.20q… has %d bytes, 255 are allowed", c.Type, len(c.Type))
	}
	k, err := s.derive(p, id)
	if err != nil {
		return nil, err
	}
	out := make([]byte, 0, len(answerMagic)+nonceSize+c.size()+tagSize)
	out = append(out, answerMagic...)
	out = append(out, nonce[:]...)
	at := len(out)
	out = c.append(out)
	return k.aead.Seal(out[:at], nonce[:], out[at:], k.hash[:]), nil
}

// OpenAnswer is the reverse of SealAnswer.
func (s *Secret) OpenAnswer(p Purpose, id, answer []byte) (View, error) {
	c := cutter{rest: answer}
	if string(c.take(len(answerMagic))) != answerMagic || len(c.rest) < nonceSize+tagSize {
		return View{}, ErrForm
	}
	k, err := s.derive(p, id)
	if err != nil {
		return View{}, err
	}
	plain, err := k.aead.Open(nil, c.rest[:nonceSize], c.rest[nonceSize:], k.hash[:])
	if err != nil {
		return View{}, ErrForged
	}
	v, ok := parseContent(plain)
	if !ok {
		return View{}, ErrForm
	}
	return v, nil
}
