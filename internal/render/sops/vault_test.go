package sops

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/getsops/sops/v3/hcvault"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

func TestVault(t *testing.T) {
	var asked []string
	network := standIn(t, []string{"vault.example.com", "evil.example.com"}, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Host+r.URL.Path)
		var body struct{ Ciphertext string }
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		switch {
		case r.Header.Get("X-Vault-Token") != "s3cret-token":
			reply(w, http.StatusForbidden, map[string]any{"errors": []string{"permission denied for s3cret"}})
		case r.URL.Path == "/v1/moved/decrypt/key":
			http.Redirect(w, r, "https://evil.example.com/v1/moved/decrypt/key", http.StatusTemporaryRedirect)
		case r.URL.Path != "/v1/team/transit/decrypt/my.key" || body.Ciphertext != "vault:v1:x":
			reply(w, http.StatusBadRequest, map[string]any{"errors": []string{"s3cret"}})
		default:
			reply(w, http.StatusOK, map[string]any{"data": map[string]any{"plaintext": base64.StdEncoding.EncodeToString(dataKey)}})
		}
	})
	good := masterKey{Kind: kindVault, Enc: "vault:v1:x", VaultAddress: "https://vault.example.com", EnginePath: "team/transit", KeyName: "my.key"}
	asLibrary(t, func() ([]byte, error) {
		key := hcvault.MasterKey{VaultAddress: good.VaultAddress, EnginePath: good.EnginePath, KeyName: good.KeyName, EncryptedKey: good.Enc}
		hcvault.Token("s3cret-token").ApplyToMasterKey(&key)
		hcvault.NewHTTPClient(&http.Client{Transport: network}).ApplyToMasterKey(&key)
		return key.Decrypt()
	})
	entries := map[string]string{"sops.vault-token": "s3cret-token\n", "sops.vault-address": "https://other.example.com\nhttps://VAULT.example.com/\n"}
	change := func(f func(*masterKey)) masterKey { m := good; f(&m); return m }
	for name, tt := range map[string]struct {
		entries map[string]string
		o       Options
		m       masterKey
		kind    error
		text    string
	}{
		"listed by the app":      {entries, Options{}, good, nil, ""},
		"listed by the operator": {map[string]string{"sops.vault-token": "s3cret-token"}, Options{Vaults: []string{"https://vault.example.com"}}, good, nil, ""},
		"not listed":             {map[string]string{"sops.vault-token": "s3cret-token"}, Options{}, good, model.ErrDenied, "sops.vault-address"},
		"no token":               {map[string]string{"sops.vault-address": "https://vault.example.com"}, Options{}, good, model.ErrDenied, "sops.vault-token"},
		"wrong token":            {map[string]string{"sops.vault-token": "s3cret", "sops.vault-address": "https://vault.example.com"}, Options{}, good, model.ErrDenied, "Forbidden"},
		"another host":           {entries, Options{}, change(func(m *masterKey) { m.VaultAddress = "https://evil.example.com" }), model.ErrDenied, "may not be sent there"},
		"another port":           {entries, Options{}, change(func(m *masterKey) { m.VaultAddress = "https://vault.example.com:8200" }), model.ErrDenied, "may not be sent there"},
		"no TLS":                 {entries, Options{}, change(func(m *masterKey) { m.VaultAddress = "http://vault.example.com" }), model.ErrDenied, "https://host"},
		"user in the address":    {entries, Options{}, change(func(m *masterKey) { m.VaultAddress = "https://vault.example.com@evil.example.com" }), model.ErrDenied, "https://host"},
		"another API":            {entries, Options{}, change(func(m *masterKey) { m.EnginePath = "../sys" }), model.ErrDenied, "malformed"},
		"another API by the key": {entries, Options{}, change(func(m *masterKey) { m.KeyName = "../../../sys/seal" }), model.ErrDenied, "malformed"},
		"a query":                {entries, Options{}, change(func(m *masterKey) { m.KeyName = "key?x=y" }), model.ErrDenied, "malformed"},
		"a redirect":             {entries, Options{}, change(func(m *masterKey) { m.EnginePath, m.KeyName = "moved", "key" }), model.ErrDenied, "Temporary Redirect"},
		"another ciphertext":     {entries, Options{}, change(func(m *masterKey) { m.Enc = "x" }), model.ErrDenied, "Bad Request"},
	} {
		tt.o.Transport = network
		got, err := unwrap(t, tt.entries, tt.o, tt.m)
		outcome(t, name, got, err, tt.kind, tt.text)
	}
	for _, at := range asked {
		if !strings.HasPrefix(at, "vault.example.com/v1/team/transit/decrypt/") && at != "vault.example.com/v1/moved/decrypt/key" {
			t.Errorf("%s was asked", at)
		}
	}
}

// TestVaultFile decrypts a file that names its key by Vault's address, engine
// and key.
func TestVaultFile(t *testing.T) {
	network := standIn(t, []string{"vault.example.com"}, func(w http.ResponseWriter, r *http.Request) {
		var body struct{ Ciphertext, Plaintext string }
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		// It encrypts by turning the text around.
		answer := map[string]any{"ciphertext": "vault:v1:" + turned(body.Plaintext)}
		if strings.Contains(r.URL.Path, "/decrypt/") {
			answer = map[string]any{"plaintext": turned(strings.TrimPrefix(body.Ciphertext, "vault:v1:"))}
		}
		reply(w, http.StatusOK, map[string]any{"data": answer})
	})
	data := encryptWithVault(t, network)
	k, err := NewKeys(model.Decrypt{Keys: map[string]model.Hidden{
		"sops.vault-token": model.Hidden("t"), "sops.vault-address": model.Hidden("https://vault.example.com"),
	}}, Options{Transport: network})
	if err != nil {
		t.Fatal(err)
	}
	got, err := New(t.Context(), model.Decrypt{}, k.Unwrap).File("a.yaml", data)
	if err != nil || string(got) != "a: s3cret\n" {
		t.Errorf("%q %v", got, err)
	}
}

func turned(s string) string {
	b := []byte(s)
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
	return string(b)
}

// TestUnreachable is worth another try.
func TestUnreachable(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	k, err := NewKeys(model.Decrypt{Keys: map[string]model.Hidden{
		"sops.vault-token": model.Hidden("s3cret"), "sops.vault-address": model.Hidden("https://vault.example.com"),
	}}, Options{Transport: standIn(t, nil, nil)})
	if err != nil {
		t.Fatal(err)
	}
	request, err := json.Marshal(masterKey{Kind: kindVault, Enc: "x", VaultAddress: "https://vault.example.com", EnginePath: "transit", KeyName: "k"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = k.Unwrap(ctx, request)
	outcome(t, "ended", nil, err, model.ErrTransient, "Vault did not answer in time")
}
