package source

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"sync"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// scopes names credentials on disk without giving them away: the names are slow
// to compute and salted, so guessing a password from one is hard.
type scopes struct {
	salt []byte

	mu    sync.Mutex
	names map[model.Auth]string
}

func (s *scopes) open(path string) error {
	s.names = map[model.Auth]string{}
	salt, err := os.ReadFile(path)
	if err == nil && len(salt) >= 16 {
		s.salt = salt
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	s.salt = make([]byte, 32)
	_, _ = rand.Read(s.salt)
	return os.WriteFile(path, s.salt, 0o600)
}

// of is the name of credentials, which is the same after a restart. Known hosts
// and CAs are not part of it: they say whom we trust, not who we are.
func (s *scopes) of(auth model.Auth) string {
	auth.KnownHosts, auth.CA, auth.Insecure, auth.PassCredentials = "", "", false, false
	if auth == (model.Auth{}) {
		return "public"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if name, ok := s.names[auth]; ok {
		return name
	}
	text, err := json.Marshal(auth) //nolint:gosec // it is hashed two lines below
	if err != nil {
		panic(err) // strings always marshal
	}
	sum, err := pbkdf2.Key(sha256.New, string(text), s.salt, 50_000, 16)
	if err != nil {
		panic(err) // only for lengths that are not possible
	}
	s.names[auth] = hex.EncodeToString(sum)
	return s.names[auth]
}
