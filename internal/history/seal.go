package history

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// addressSize is how much of a keyed hash is an address.
const addressSize = 16

// sealer encrypts content and makes addresses of it. It may be used concurrently.
type sealer struct {
	aead    cipher.AEAD
	hashKey []byte
	// auditKey is for the chain of audit records.
	auditKey []byte
	// id tells keys apart and gives nothing away of them.
	id [8]byte
}

func newSealer(key Key) (*sealer, error) {
	derived := map[string][]byte{"encryption": nil, "address": nil, "audit": nil, "id": nil}
	for use := range derived {
		part, err := hkdf.Expand(sha256.New, key[:], "fixpoint history "+use, sha256.Size)
		if err != nil {
			return nil, fmt.Errorf("deriving keys: %w", err)
		}
		derived[use] = part
	}
	block, err := aes.NewCipher(derived["encryption"])
	if err != nil {
		return nil, fmt.Errorf("preparing the encryption: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("preparing the encryption: %w", err)
	}
	return &sealer{aead: aead, hashKey: derived["address"], auditKey: derived["audit"], id: [8]byte(derived["id"])}, nil
}

// address is a keyed hash of the parts.
func (s *sealer) address(parts ...[]byte) []byte {
	return keyedHash(s.hashKey, parts)[:addressSize]
}

// sign is a keyed hash of the parts, for records that have to stay as they are.
func (s *sealer) sign(parts ...[]byte) []byte { return keyedHash(s.auditKey, parts) }

// keyedHash hashes the parts, each preceded by its length.
func keyedHash(key []byte, parts [][]byte) []byte {
	h := hmac.New(sha256.New, key)
	for _, p := range parts {
		fmt.Fprintf(h, "%d:", len(p))
		h.Write(p)
	}
	return h.Sum(nil)
}

// seal encrypts what belongs at an address.
func (s *sealer) seal(address, plain []byte) []byte {
	return s.aead.Seal(nil, nil, plain, address) //nolint:gosec // the AEAD makes the nonce itself, at random
}

// open is the opposite of seal; it fails for what was sealed for another address.
func (s *sealer) open(address, sealed []byte) ([]byte, error) {
	return s.aead.Open(nil, nil, sealed, address)
}

func keyText(id []byte) string { return hex.EncodeToString(id) }
