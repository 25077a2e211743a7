package sops

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	fage "filippo.io/age"
	"github.com/ProtonMail/go-crypto/openpgp"
	pgparmor "github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/getsops/sops/v3/age"
	"github.com/getsops/sops/v3/cmd/sops/formats"
	"github.com/getsops/sops/v3/keys"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

func TestPGP(t *testing.T) {
	first, entry := pgpKey(t)
	second, secondEntry := pgpKey(t)
	data := encrypt(t, formats.Yaml, "a: s3cret\n", rules{groups: [][]keys.MasterKey{{second, first}}})
	for name, entries := range map[string]map[string]model.Hidden{
		"one":         {"me.asc": entry},
		"both":        {"me.asc": entry, "you.asc": secondEntry},
		"in one file": {"all.asc": model.Hidden(string(secondEntry) + "\n")},
	} {
		got, err := decrypter(t, entries).File("a.yaml", data)
		if err != nil || string(got) != "a: s3cret\n" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// TestWrongKey tells whose key would be needed.
func TestWrongKey(t *testing.T) {
	ageMaster, ageEntry := ageKey(t)
	pgpMaster, pgpEntry := pgpKey(t)
	_, otherAge := ageKey(t)
	_, otherPGP := pgpKey(t)
	data := encrypt(t, formats.Yaml, "a: s3cret\n", rules{groups: [][]keys.MasterKey{{ageMaster, pgpMaster}}})
	for name, entries := range map[string]map[string]model.Hidden{
		"others":        {"a.agekey": otherAge, "b.asc": otherPGP},
		"none":          {},
		"other endings": {"a.txt": ageEntry, "b": pgpEntry},
	} {
		_, err := decrypter(t, entries).File("a.yaml", data)
		if !errors.Is(err, model.ErrDenied) || !strings.Contains(err.Error(), ageMaster.Recipient) ||
			!strings.Contains(err.Error(), pgpMaster.Fingerprint) || !strings.HasPrefix(err.Error(), "a.yaml: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestNoKeysOfTheHost: the environment and home of the process hold the right
// key, and the app does not.
func TestNoKeysOfTheHost(t *testing.T) {
	id, err := fage.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CONFIG_HOME", home)
	t.Setenv("SOPS_AGE_KEY", id.String())
	t.Setenv("SOPS_AGE_KEY_CMD", "echo "+id.String())
	t.Setenv("VAULT_TOKEN", "host")
	t.Setenv("AWS_ACCESS_KEY_ID", "host")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "host")
	t.Setenv("GOOGLE_OAUTH_ACCESS_TOKEN", "host")
	t.Setenv("AZURE_TENANT_ID", "host")
	if err := os.MkdirAll(home+"/sops/age", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(home+"/sops/age/keys.txt", []byte(id.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	data := encrypt(t, formats.Yaml, "a: b\n", rules{groups: [][]keys.MasterKey{{&age.MasterKey{Recipient: id.Recipient().String()}}}})
	if got, err := decrypter(t, nil).File("a.yaml", data); !errors.Is(err, model.ErrDenied) {
		t.Errorf("%s %v", got, err)
	}
	k, err := NewKeys(model.Decrypt{}, Options{Transport: failing{t}})
	if err != nil {
		t.Fatal(err)
	}
	for _, request := range []string{
		`{"kind":"kms","enc":"eA==","arn":"arn:aws:kms:eu-west-1:1:key/1"}`,
		`{"kind":"gcp_kms","enc":"eA==","resource_id":"projects/p/locations/l/keyRings/r/cryptoKeys/k"}`,
		`{"kind":"azure_kv","enc":"eA","vault_url":"https://x.vault.azure.net","name":"k","version":"1"}`,
		`{"kind":"hc_vault","enc":"eA","vault_address":"https://vault.example.com","engine_path":"transit","key_name":"k"}`,
		`{"kind":"hckms","enc":"eA","key_id":"region:1"}`,
		`{"kind":""}`,
	} {
		if got, err := k.Unwrap(t.Context(), []byte(request)); !errors.Is(err, model.ErrDenied) {
			t.Errorf("%s: %q %v", request, got, err)
		}
	}
	for _, request := range []string{"", "x", `{"kind":1}`} {
		if _, err := k.Unwrap(t.Context(), []byte(request)); !errors.Is(err, model.ErrInvalid) {
			t.Errorf("%q: %v", request, err)
		}
	}
}

// TestGroups needs two of three groups.
func TestGroups(t *testing.T) {
	var groups [][]keys.MasterKey
	var entries []model.Hidden
	for range 2 {
		master, key := ageKey(t)
		groups, entries = append(groups, []keys.MasterKey{master}), append(entries, key)
	}
	master, entry := pgpKey(t)
	groups, entries = append(groups, []keys.MasterKey{master}), append(entries, entry)
	for _, f := range []formats.Format{formats.Yaml, formats.Dotenv} {
		name, plain := "a.yaml", "a: s3cret\n"
		if f == formats.Dotenv {
			name, plain = "a.env", "a=s3cret\n"
		}
		data := encrypt(t, f, plain, rules{groups: groups, threshold: 2})
		for n, has := range [][]int{{0, 1}, {1, 2}, {0, 2}, {0, 1, 2}} {
			given := map[string]model.Hidden{}
			for _, i := range has {
				given[fmt.Sprintf("%d%s", i, map[bool]string{true: ".asc", false: ".agekey"}[i == 2])] = entries[i]
			}
			if got, err := decrypter(t, given).File(name, data); err != nil || string(got) != plain {
				t.Errorf("%s, case %d: %q, %v", name, n, got, err)
			}
		}
		_, err := decrypter(t, map[string]model.Hidden{"0.agekey": entries[0]}).File(name, data)
		if !errors.Is(err, model.ErrDenied) || !strings.Contains(err.Error(), "2 of 3 groups of keys are needed, and 1 could be used") {
			t.Error(err)
		}
	}
}

// TestAsksOnce: files with the same metadata cost one request.
func TestAsksOnce(t *testing.T) {
	master, key := ageKey(t)
	data := encrypt(t, formats.Yaml, "a: b\n", rules{groups: [][]keys.MasterKey{{master}}})
	d := decrypter(t, map[string]model.Hidden{"me.agekey": key})
	asked, unwrap := 0, d.unwrap
	d.unwrap = func(ctx context.Context, request []byte) ([]byte, error) { asked++; return unwrap(ctx, request) }
	for range 3 {
		if _, err := d.File("a.yaml", data); err != nil {
			t.Fatal(err)
		}
	}
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
}

// TestMalformedKeys: the error names the entry and not what it holds.
func TestMalformedKeys(t *testing.T) {
	_, good := pgpKey(t)
	ring, err := openpgp.ReadArmoredKeyRing(bytes.NewReader(good))
	if err != nil {
		t.Fatal(err)
	}
	public := armored(t, openpgp.PublicKeyType, func(b *bytes.Buffer) error { return ring[0].Serialize(b) })
	if err := ring[0].PrivateKey.Encrypt([]byte("passphrase")); err != nil {
		t.Fatal(err)
	}
	locked := armored(t, openpgp.PrivateKeyType, func(b *bytes.Buffer) error { return ring[0].SerializePrivateWithoutSigning(b, nil) })
	for _, tt := range []struct{ entry, text, want string }{
		{"a.agekey", "AGE-SECRET-KEY-1s3cret", "no age identities"},
		{"a.agekey", "AGE-PLUGIN-YUBIKEY-1QQPQZRF", "no age identities"},
		{"a.agekey", "", "no age identities"},
		{"a.asc", "s3cret", "no armoured PGP keys"},
		{"a.asc", public, "no private PGP keys"},
		{"a.asc", locked, "passphrase"},
		{"sops.aws-kms", "aws_access_key_id: s3cret", "malformed"},
		{"sops.aws-kms", "[s3cret", "malformed"},
		{"sops.gcp-kms", "s3cret", "malformed"},
		{"sops.gcp-kms", `{"type":"service_account","client_email":"s3cret","token_uri":"https://evil.example.com/token"}`, "token_uri"},
		{"sops.gcp-kms", `{"type":"external_account","credential_source":{"file":"/etc/passwd"}}`, "service_account"},
		{"sops.azure-kv", "clientId: s3cret", "the identity of the machine is not used"},
		{"sops.azure-kv", "{tenantId: t, clientId: c, clientSecret: s3cret, authorityHost: 'https://evil.example.com'}", "authorityHost"},
		{"sops.azure-kv", "{tenantId: t, clientId: c, clientCertificate: s3cret}", "malformed"},
		{"sops.vault-address", "http://vault.example.com", "https://host"},
		{"sops.vault-address", "https://user:s3cret@vault.example.com", "https://host"},
	} {
		_, err := NewKeys(model.Decrypt{Keys: map[string]model.Hidden{tt.entry: model.Hidden(tt.text)}}, Options{})
		if !errors.Is(err, model.ErrInvalid) || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), tt.entry) ||
			strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s %.20s: %v", tt.entry, tt.text, err)
		}
	}
}

func armored(t *testing.T, kind string, write func(*bytes.Buffer) error) string {
	t.Helper()
	var raw, out bytes.Buffer
	w, err := pgparmor.Encode(&out, kind, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := write(&raw); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(raw.Bytes()); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}
