package sops

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"filippo.io/age"
	"filippo.io/age/armor"
	"github.com/ProtonMail/go-crypto/openpgp"
	pgparmor "github.com/ProtonMail/go-crypto/openpgp/armor"
)

// maxKey is how long a data key, or a share of one, may be.
const maxKey = 4096

var errLocked = errors.New("a private key has a passphrase; take it off, since nobody could enter it")

// readAge reads identities: native ones, no plugins, which would be commands.
func (k *Keys) readAge(data []byte) error {
	identities, err := age.ParseIdentities(bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("no age identities (lines that begin with AGE-SECRET-KEY-)")
	}
	k.age = append(k.age, identities...)
	return nil
}

func (k *Keys) unwrapAge(m masterKey) ([]byte, error) {
	if len(k.age) == 0 {
		return nil, denied("there is no entry *.agekey among the keys")
	}
	plain, err := age.Decrypt(armor.NewReader(strings.NewReader(m.Enc)), k.age...)
	if _, noMatch := errors.AsType[*age.NoIdentityMatchError](err); noMatch {
		return nil, denied("none of the age identities is its")
	}
	if err != nil {
		return nil, denied("its encrypted data key is malformed")
	}
	return readKey(plain)
}

// readPGP reads private keys.
func (k *Keys) readPGP(data []byte) error {
	ring, err := openpgp.ReadArmoredKeyRing(bytes.NewReader(data))
	if err != nil {
		return errors.New("no armoured PGP keys")
	}
	private := false
	for _, e := range ring {
		if e.PrivateKey == nil {
			continue
		}
		private = true
		if e.PrivateKey.Encrypted && !e.PrivateKey.Dummy() {
			return errLocked
		}
	}
	if !private {
		return errors.New("no private PGP keys: it has to be an export of secret keys")
	}
	k.pgp = append(k.pgp, ring...)
	return nil
}

func (k *Keys) unwrapPGP(m masterKey) ([]byte, error) {
	if len(k.pgp) == 0 {
		return nil, denied("there is no entry *.asc among the keys")
	}
	block, err := pgparmor.Decode(strings.NewReader(m.Enc))
	if err != nil {
		return nil, denied("its encrypted data key is malformed")
	}
	message, err := openpgp.ReadMessage(block.Body, k.pgp, nil, nil)
	if err != nil {
		return nil, denied("none of the PGP keys is its")
	}
	return readKey(message.UnverifiedBody)
}

func readKey(r io.Reader) ([]byte, error) {
	key, err := io.ReadAll(io.LimitReader(r, maxKey+1))
	if err != nil || len(key) == 0 || len(key) > maxKey {
		return nil, denied("its encrypted data key is malformed")
	}
	return key, nil
}
