package sops

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys"
	"github.com/getsops/sops/v3/azkv"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// TestAzure has a stand-in with an RSA key, which asks for a token as Key Vault
// does.
func TestAzure(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, &key.PublicKey, dataKey, nil)
	if err != nil {
		t.Fatal(err)
	}
	const login = "https://login.microsoftonline.com/tenant"
	network := standIn(t, []string{"login.microsoftonline.com", "mine.vault.azure.net"}, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/.well-known/openid-configuration"):
			reply(w, http.StatusOK, map[string]any{"authorization_endpoint": login + "/a", "token_endpoint": login + "/oauth2/v2.0/token", "issuer": login + "/v2.0"})
		case r.URL.Path == "/tenant/oauth2/v2.0/token":
			if r.FormValue("client_id") != "client" || r.FormValue("client_secret") != "s3cret" || r.FormValue("scope") != "https://vault.azure.net/.default openid offline_access profile" {
				reply(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client", "error_description": "s3cret"})
				return
			}
			reply(w, http.StatusOK, map[string]any{"access_token": "granted", "token_type": "Bearer", "expires_in": 3600})
		case r.Header.Get("Authorization") != "Bearer granted":
			w.Header().Set("WWW-Authenticate", `Bearer authorization="`+login+`", resource="https://vault.azure.net"`)
			reply(w, http.StatusUnauthorized, map[string]any{})
		case r.URL.Path != "/keys/k/v1/decrypt":
			reply(w, http.StatusForbidden, map[string]any{"error": map[string]any{"code": "Forbidden", "message": "s3cret"}})
		default:
			var in struct{ Alg, Value string }
			if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.Alg != "RSA-OAEP-256" {
				t.Errorf("%v %v", in, err)
			}
			raw, err := base64.RawURLEncoding.DecodeString(in.Value)
			if err != nil {
				t.Error(err)
			}
			plain, err := rsa.DecryptOAEP(sha256.New(), nil, key, raw, nil)
			if err != nil {
				reply(w, http.StatusBadRequest, map[string]any{"error": map[string]any{"code": "BadParameter", "message": "s3cret"}})
				return
			}
			reply(w, http.StatusOK, map[string]any{"kid": "k", "value": base64.RawURLEncoding.EncodeToString(plain)})
		}
	})
	good := masterKey{Kind: kindAzure, Enc: base64.RawURLEncoding.EncodeToString(sealed), VaultURL: "https://mine.vault.azure.net", Name: "k", Version: "v1"}
	change := func(f func(*masterKey)) masterKey { m := good; f(&m); return m }
	asLibrary(t, func() ([]byte, error) {
		client := &http.Client{Transport: network}
		credential, err := azidentity.NewClientSecretCredential("tenant", "client", "s3cret", &azidentity.ClientSecretCredentialOptions{
			ClientOptions: policy.ClientOptions{Transport: client}, DisableInstanceDiscovery: true,
		})
		if err != nil {
			return nil, err
		}
		lib := azkv.MasterKey{VaultURL: good.VaultURL, Name: good.Name, Version: good.Version, EncryptedKey: good.Enc}
		azkv.NewTokenCredential(credential).ApplyToMasterKey(&lib)
		azkv.NewClientOptions(&azkeys.ClientOptions{ClientOptions: policy.ClientOptions{Transport: client}}).ApplyToMasterKey(&lib)
		return lib.Decrypt()
	})
	const principal = "tenantId: tenant\nclientId: client\nclientSecret: s3cret\n"
	utf16 := "\xff\xfe"
	for _, c := range []byte(principal) {
		utf16 += string([]byte{c, 0})
	}
	for name, tt := range map[string]struct {
		entry string
		m     masterKey
		kind  error
		text  string
	}{
		"good":               {principal, good, nil, ""},
		"UTF-16":             {utf16, good, nil, ""},
		"as az prints it":    {`{"tenant":"tenant","appId":"client","password":"s3cret"}`, good, nil, ""},
		"wrong secret":       {"{tenantId: tenant, clientId: client, clientSecret: x}", good, model.ErrDenied, "Unauthorized"},
		"another key":        {principal, change(func(m *masterKey) { m.Name = "x" }), model.ErrDenied, "Forbidden"},
		"another ciphertext": {principal, change(func(m *masterKey) { m.Enc = "AAAA" }), model.ErrDenied, "Bad Request"},
		"another host":       {principal, change(func(m *masterKey) { m.VaultURL = "https://vault.azure.net.evil.example.com" }), model.ErrDenied, "no key of an Azure"},
		"no TLS":             {principal, change(func(m *masterKey) { m.VaultURL = "http://mine.vault.azure.net" }), model.ErrDenied, "no key of an Azure"},
		"another API":        {principal, change(func(m *masterKey) { m.Name = "../secrets" }), model.ErrDenied, "no key of an Azure"},
	} {
		got, err := unwrap(t, map[string]string{"sops.azure-kv": tt.entry}, Options{Transport: network}, tt.m)
		outcome(t, name, got, err, tt.kind, tt.text)
	}
}
