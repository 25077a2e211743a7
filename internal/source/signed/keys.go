package signed

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	pgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"golang.org/x/crypto/ssh"
)

// Keys are those that are trusted.
type Keys struct {
	gpg openpgp.EntityList
	ssh []sshKey
	// problems are why keys can't be used.
	problems []string
}

type sshKey struct {
	key     ssh.PublicKey
	comment string
}

// Read reads armoured OpenPGP keyrings and lines of SSH public keys. What can't
// be read is left out, and said when no other key fits.
func Read(gpg, sshLines []string) Keys {
	var k Keys
	for i, text := range gpg {
		if err := k.readGPG(text); err != nil {
			k.problems = append(k.problems, fmt.Sprintf("GPG keyring %d can't be read: %v", i+1, err))
		}
	}
	for i, text := range sshLines {
		for line := range strings.Lines(text) {
			line = strings.TrimSpace(line)
			if line == "" || strings.HasPrefix(line, "#") {
				continue
			}
			key, comment, _, _, err := ssh.ParseAuthorizedKey([]byte(line))
			if err == nil {
				err = usable(key)
			}
			if err != nil {
				k.problems = append(k.problems, fmt.Sprintf("a key of SSH key file %d can't be used: %v", i+1, err))
				continue
			}
			k.ssh = append(k.ssh, sshKey{key, comment})
		}
	}
	return k
}

const armorBegin = "-----BEGIN PGP "

// readGPG reads all blocks of a file.
func (k *Keys) readGPG(text string) error {
	parts := strings.Split(text, armorBegin)
	if len(parts) == 1 {
		return errors.New("it holds no armoured key")
	}
	var first error
	for _, part := range parts[1:] {
		keys, err := openpgp.ReadArmoredKeyRing(strings.NewReader(armorBegin + part))
		if err != nil && first == nil {
			first = err
		}
		k.gpg = append(k.gpg, keys...)
	}
	return first
}

// Verify says who signed an object. model.ErrUnverified if that is nobody who is
// trusted at that time; the error says why.
func (k Keys) Verify(o Object, now time.Time) (string, error) {
	var who string
	var err error
	switch text := o.Signature; {
	case text == "":
		err = errors.New("it is not signed")
	case len(k.gpg)+len(k.ssh) == 0:
		err = errors.New("no key to check it with is configured")
	case strings.HasPrefix(text, "-----BEGIN PGP "):
		who, err = k.verifyGPG(o, now)
	case strings.HasPrefix(text, sshBegin):
		who, err = k.verifySSH(o)
	default:
		err = errors.New("its signature is neither one of GPG nor one of SSH; others are not supported")
	}
	if err == nil {
		return who, nil
	}
	if len(k.problems) > 0 {
		err = fmt.Errorf("%w (%s)", err, strings.Join(k.problems, "; "))
	}
	return "", unverified(err)
}

func (k Keys) verifyGPG(o Object, now time.Time) (string, error) {
	issuer, err := issuerOf(o.Signature)
	if err != nil {
		return "", fmt.Errorf("its GPG signature can't be read: %w", err)
	}
	config := &packet.Config{Time: func() time.Time { return now }}
	signer, err := openpgp.CheckArmoredDetachedSignature(k.gpg, bytes.NewReader(o.Payload), strings.NewReader(o.Signature), config)
	switch {
	case err == nil:
		return "GPG key " + issuer + nameOf(signer), nil
	case errors.Is(err, pgperrors.ErrUnknownIssuer):
		return "", fmt.Errorf("it is signed with the GPG key %s, which is not among the trusted keys, or is not for signing", issuer)
	case errors.Is(err, pgperrors.ErrKeyExpired):
		return "", fmt.Errorf("the GPG key %s that signed it has expired; have it renewed, and sign anew", issuer)
	case errors.Is(err, pgperrors.ErrKeyRevoked):
		return "", fmt.Errorf("the GPG key %s that signed it was revoked", issuer)
	case errors.Is(err, pgperrors.ErrSignatureExpired):
		return "", fmt.Errorf("its signature by the GPG key %s has expired", issuer)
	}
	return "", fmt.Errorf("its signature by the GPG key %s does not fit its content: %w", issuer, err)
}

// issuerOf names the key of a signature.
func issuerOf(signature string) (string, error) {
	block, err := armor.Decode(strings.NewReader(signature))
	if err != nil {
		return "", err
	}
	p, err := packet.Read(block.Body)
	if err != nil {
		return "", err
	}
	s, ok := p.(*packet.Signature)
	switch {
	case !ok:
		return "", errors.New("it is no signature")
	case len(s.IssuerFingerprint) > 0:
		return fmt.Sprintf("%X", s.IssuerFingerprint), nil
	case s.IssuerKeyId != nil:
		return fmt.Sprintf("%016X", *s.IssuerKeyId), nil
	}
	return "", errors.New("it does not say by which key it is")
}

func nameOf(e *openpgp.Entity) string {
	if _, id := e.PrimarySelfSignature(); id != nil {
		return " (" + id.Name + ")"
	}
	if id := e.PrimaryIdentity(); id != nil {
		return " (" + id.Name + ")"
	}
	return ""
}
