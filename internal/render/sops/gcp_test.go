package sops

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"strings"
	"testing"

	"github.com/getsops/sops/v3/gcpkms"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"
	"google.golang.org/api/option"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// TestGCP has a stand-in that checks the service account's assertion.
func TestGCP(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	network := standIn(t, []string{"oauth2.googleapis.com", "cloudkms.googleapis.com"}, func(w http.ResponseWriter, r *http.Request) {
		if r.Host == "oauth2.googleapis.com" {
			if !asserted(r.FormValue("assertion"), &key.PublicKey) {
				reply(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant", "error_description": "s3cret"})
				return
			}
			reply(w, http.StatusOK, map[string]any{"access_token": "granted", "token_type": "Bearer", "expires_in": 3600})
			return
		}
		var in struct{ Ciphertext []byte }
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			t.Error(err)
		}
		if r.URL.Path != "/v1/projects/p/locations/global/keyRings/r/cryptoKeys/k:decrypt" || r.Header.Get("Authorization") != "Bearer granted" ||
			string(in.Ciphertext) != "sealed" {
			reply(w, http.StatusForbidden, map[string]any{"error": map[string]any{"code": 403, "message": "s3cret", "status": "PERMISSION_DENIED"}})
			return
		}
		reply(w, http.StatusOK, map[string]any{"plaintext": dataKey})
	})
	account := func(k *rsa.PrivateKey) string {
		der, err := x509.MarshalPKCS8PrivateKey(k)
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(map[string]string{
			"type": "service_account", "client_email": "me@p.example.com", "private_key_id": "1", "token_uri": "https://oauth2.googleapis.com/token",
			"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
		})
		if err != nil {
			t.Fatal(err)
		}
		return string(text) + "\n"
	}
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	good := masterKey{Kind: kindGCP, Enc: base64.StdEncoding.EncodeToString([]byte("sealed")), ResourceID: "projects/p/locations/global/keyRings/r/cryptoKeys/k"}
	change := func(f func(*masterKey)) masterKey { m := good; f(&m); return m }
	asLibrary(t, func() ([]byte, error) {
		conf, err := google.JWTConfigFromJSON([]byte(account(key)), gcpScope)
		if err != nil {
			return nil, err
		}
		source := conf.TokenSource(context.WithValue(t.Context(), oauth2.HTTPClient, &http.Client{Transport: network}))
		lib := gcpkms.MasterKey{ResourceID: good.ResourceID, EncryptedKey: good.Enc}
		gcpkms.NewTokenSource(source).ApplyToMasterKey(&lib)
		gcpkms.UseRESTClient{}.ApplyToMasterKey(&lib)
		gcpkms.ClientOptions{option.WithHTTPClient(&http.Client{Transport: &oauth2.Transport{Source: source, Base: network}})}.ApplyToMasterKey(&lib)
		return lib.Decrypt()
	})
	for name, tt := range map[string]struct {
		key  *rsa.PrivateKey
		m    masterKey
		kind error
		text string
	}{
		"good":          {key, good, nil, ""},
		"wrong account": {other, good, model.ErrDenied, "Bad Request"},
		"wrong key":     {key, change(func(m *masterKey) { m.ResourceID = "projects/p/locations/global/keyRings/r/cryptoKeys/x" }), model.ErrDenied, "Forbidden"},
		"no key":        {key, change(func(m *masterKey) { m.ResourceID = "projects/../x" }), model.ErrDenied, "malformed"},
		"another API":   {key, change(func(m *masterKey) { m.ResourceID += ":destroy?x=" }), model.ErrDenied, "malformed"},
	} {
		got, err := unwrap(t, map[string]string{"sops.gcp-kms": account(tt.key)}, Options{Transport: network}, tt.m)
		outcome(t, name, got, err, tt.kind, tt.text)
	}
}

// asserted checks a JSON Web Token.
func asserted(token string, key *rsa.PublicKey) bool {
	signed, signature, _ := cutLast(token, ".")
	raw, err := base64.RawURLEncoding.DecodeString(signature)
	sum := sha256.Sum256([]byte(signed))
	return err == nil && rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], raw) == nil
}

func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}
