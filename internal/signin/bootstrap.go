package signin

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// Bootstrap says what argocd-secret lacks for a first start: a key for tokens, and a
// password for the account admin, which is returned as well, to be shown once. Both are
// random. Nothing that is there is changed; where nothing lacks, changed is empty.
func Bootstrap(secret map[string][]byte, now time.Time) (changed map[string][]byte, initialPassword string, err error) {
	changed = map[string][]byte{}
	if len(secret["server.secretkey"]) == 0 {
		var key [32]byte
		_, _ = rand.Read(key[:]) // it never fails
		changed["server.secretkey"] = []byte(base64.StdEncoding.EncodeToString(key[:]))
	}
	if len(secret["admin.password"]) == 0 {
		initialPassword = rand.Text() // 130 bits
		hash, err := bcrypt.GenerateFromPassword([]byte(initialPassword), bcrypt.DefaultCost)
		if err != nil {
			return nil, "", fmt.Errorf("hashing the first password of admin: %w", err)
		}
		changed["admin.password"] = hash
		changed["admin.passwordMtime"] = []byte(now.UTC().Format(time.RFC3339))
	}
	return changed, initialPassword, nil
}
