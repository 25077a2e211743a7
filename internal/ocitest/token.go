package ocitest

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// serveToken is the token service: for the right password, as basic
// authentication or as a refresh token, it signs what is asked for.
func (s *Server) serveToken(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.note(r, true)
	s.mu.Unlock()
	user, password, _ := r.BasicAuth()
	scope := r.URL.Query().Get("scope")
	if r.Method == http.MethodPost {
		user, password, scope = s.options.Username, r.PostFormValue("refresh_token"), r.PostFormValue("scope")
	}
	if user != s.options.Username || password != s.options.Password {
		http.Error(w, "wrong credentials", http.StatusUnauthorized)
		return
	}
	token, err := s.sign(scope)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"token": token, "expires_in": 300})
}

func (s *Server) sign(scope string) (string, error) {
	var access []map[string]any
	for one := range strings.FieldsSeq(scope) {
		if part := strings.SplitN(one, ":", 3); len(part) == 3 {
			access = append(access, map[string]any{"type": part[0], "name": part[1], "actions": strings.Split(part[2], ",")})
		}
	}
	now := time.Now()
	claims, err := json.Marshal(map[string]any{
		"iss": "issuer", "sub": s.options.Username, "aud": "registry", "access": access, "jti": "1",
		"iat": now.Unix(), "nbf": now.Add(-time.Minute).Unix(), "exp": now.Add(time.Hour).Unix(),
	})
	if err != nil {
		return "", err
	}
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: s.key, KeyID: keyID}},
		(&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return "", err
	}
	signed, err := signer.Sign(claims)
	if err != nil {
		return "", err
	}
	return signed.CompactSerialize()
}
