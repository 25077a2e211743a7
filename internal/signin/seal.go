package signin

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
)

var errSeal = errors.New("it is forged or damaged")

// seal makes a text of a value that only open reads, for the same purpose.
func (set *Settings) seal(purpose string, value any) (string, error) {
	box, err := set.box(purpose)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(value)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(box.Seal(nil, nil, text, []byte(purpose))), nil //nolint:gosec // the box makes a nonce for each text
}

func (set *Settings) open(purpose, sealed string, into any) error {
	box, err := set.box(purpose)
	if err != nil {
		return err
	}
	raw, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil {
		return errSeal
	}
	text, err := box.Open(nil, nil, raw, []byte(purpose))
	if err != nil {
		return errSeal
	}
	return json.Unmarshal(text, into)
}

// box has a key of its own for each purpose, and puts a random nonce before each text.
func (set *Settings) box(purpose string) (cipher.AEAD, error) {
	if len(set.Key) < minKey {
		return nil, errors.New("argocd-secret has no server.secretkey")
	}
	key, err := hkdf.Key(sha256.New, set.Key, nil, "fixpoint "+purpose, 32)
	if err != nil {
		return nil, fmt.Errorf("deriving a key: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}
