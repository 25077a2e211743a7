package signed

import (
	"bytes"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"
)

const (
	sshBegin = "-----BEGIN SSH SIGNATURE-----"
	sshMagic = "SSHSIG"
	// namespace is the one that git signs in: a signature that was made for
	// anything else must not count for a commit.
	namespace = "git"
	minRSA    = 2048
)

// sshSignature is the content of a signature's armour, after the magic.
type sshSignature struct {
	Version   uint32
	Key       []byte
	Namespace string
	Reserved  string
	Hash      string
	Signature []byte
}

// usable refuses keys that are too weak, and certificates, which would need a
// check of their own.
func usable(key ssh.PublicKey) error {
	if _, ok := key.(*ssh.Certificate); ok {
		return errors.New("certificates are not supported; give the public key itself")
	}
	if key.Type() == "ssh-dss" {
		return errors.New("DSA keys are too weak")
	}
	if c, ok := key.(ssh.CryptoPublicKey); ok {
		if r, ok := c.CryptoPublicKey().(*rsa.PublicKey); ok && r.N.BitLen() < minRSA {
			return fmt.Errorf("RSA keys need at least %d bits", minRSA)
		}
	}
	return nil
}

func (k Keys) verifySSH(o Object) (string, error) {
	s, err := parseSSH(o.Signature)
	if err != nil {
		return "", fmt.Errorf("its SSH signature can't be read: %w", err)
	}
	key, err := ssh.ParsePublicKey(s.Key)
	if err != nil {
		return "", fmt.Errorf("its SSH signature can't be read: %w", err)
	}
	name := "SSH key " + ssh.FingerprintSHA256(key)
	trusted := sshKey{}
	for _, t := range k.ssh {
		if bytes.Equal(t.key.Marshal(), key.Marshal()) {
			trusted = t
		}
	}
	switch {
	case trusted.key == nil:
		return "", fmt.Errorf("it is signed with the %s, which is not among the trusted keys", name)
	case s.Namespace != namespace:
		return "", fmt.Errorf("its signature by the %s was made for %q and not for git", name, s.Namespace)
	}
	if err := s.check(trusted.key, o.Payload); err != nil {
		return "", fmt.Errorf("its signature by the %s does not fit its content: %w", name, err)
	}
	if trusted.comment != "" {
		name += " (" + trusted.comment + ")"
	}
	return name, nil
}

func parseSSH(text string) (sshSignature, error) {
	var s sshSignature
	block, rest := pem.Decode([]byte(text))
	switch {
	case block == nil || block.Type != "SSH SIGNATURE":
		return s, errors.New("it is damaged")
	case strings.TrimSpace(string(rest)) != "":
		return s, errors.New("there is something after it")
	}
	body, ok := bytes.CutPrefix(block.Bytes, []byte(sshMagic))
	if !ok {
		return s, errors.New("it is no SSHSIG")
	}
	if err := ssh.Unmarshal(body, &s); err != nil {
		return s, err
	}
	if s.Version != 1 {
		return s, fmt.Errorf("its version is %d and not 1", s.Version)
	}
	return s, nil
}

// check verifies the signature of a message.
func (s sshSignature) check(key ssh.PublicKey, message []byte) error {
	var sum []byte
	switch s.Hash {
	case "sha256":
		h := sha256.Sum256(message)
		sum = h[:]
	case "sha512":
		h := sha512.Sum512(message)
		sum = h[:]
	default:
		return fmt.Errorf("the hash %q is not allowed", s.Hash)
	}
	var signature ssh.Signature
	if err := ssh.Unmarshal(s.Signature, &signature); err != nil {
		return err
	}
	if signature.Format == ssh.KeyAlgoRSA {
		return errors.New("SHA-1 signatures are not allowed")
	}
	signed := append([]byte(sshMagic), ssh.Marshal(struct {
		Namespace, Reserved, Hash string
		Sum                       []byte
	}{s.Namespace, s.Reserved, s.Hash, sum})...)
	return key.Verify(signed, &signature)
}
