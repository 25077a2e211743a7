package history

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Key is what a history is encrypted with. It prints as nothing.
type Key [32]byte

// String hides the key.
func (Key) String() string { return "key (hidden)" }

// GoString hides the key from %#v.
func (k Key) GoString() string { return k.String() }

// MarshalText hides the key.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// IsZero reports whether there is no key.
func (k Key) IsZero() bool { return k == Key{} }

// ParseKey reads a key as a Secret or a file has it: 32 bytes, or those as base64
// or hexadecimal text.
func ParseKey(text []byte) (Key, error) {
	trimmed := strings.TrimSpace(string(text))
	for _, decode := range []func(string) ([]byte, error){hex.DecodeString, base64.StdEncoding.DecodeString} {
		if raw, err := decode(trimmed); err == nil && len(raw) == len(Key{}) {
			return Key(raw), nil
		}
	}
	if len(text) == len(Key{}) {
		return Key(text), nil
	}
	return Key{}, errors.New("a key of 32 bytes is expected, as they are or as base64 or hexadecimal text")
}

// KeyFile reads the key in a file, and makes one where there is none. The file is
// for its owner alone; one that everybody may read is refused.
func KeyFile(path string) (Key, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := makeKeyFile(path); err != nil {
			return Key{}, fmt.Errorf("making the history's key: %w", err)
		}
		info, err = os.Stat(path)
	}
	if err != nil {
		return Key{}, fmt.Errorf("reading the history's key: %w", err)
	}
	if info.Mode().Perm()&0o007 != 0 {
		return Key{}, fmt.Errorf("the history's key %s is open to everybody: make it private with chmod 600", path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return Key{}, fmt.Errorf("reading the history's key: %w", err)
	}
	key, err := ParseKey(text)
	if err != nil {
		return Key{}, fmt.Errorf("the history's key %s: %w: restore the file, or delete it to begin anew with another", path, err)
	}
	return key, nil
}

// makeKeyFile writes a new key at once and whole, and lets stand what another
// process has written meanwhile.
func makeKeyFile(path string) error {
	var key Key
	_, _ = rand.Read(key[:]) // never fails
	f, err := os.CreateTemp(filepath.Dir(path), ".key-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = fmt.Fprintln(f, hex.EncodeToString(key[:]))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}
