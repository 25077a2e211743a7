package sops

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"net/http"
	"testing"
	"time"

	fage "filippo.io/age"
	"github.com/ProtonMail/go-crypto/openpgp"
	pgparmor "github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	lib "github.com/getsops/sops/v3"
	"github.com/getsops/sops/v3/aes"
	"github.com/getsops/sops/v3/age"
	"github.com/getsops/sops/v3/cmd/sops/common"
	"github.com/getsops/sops/v3/cmd/sops/formats"
	"github.com/getsops/sops/v3/config"
	"github.com/getsops/sops/v3/hcvault"
	"github.com/getsops/sops/v3/keys"
	"github.com/getsops/sops/v3/pgp"
	"github.com/getsops/sops/v3/shamir"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// ageKey is a fresh identity, as an entry *.agekey, and a master key for it.
func ageKey(t testing.TB) (*age.MasterKey, model.Hidden) {
	t.Helper()
	id, err := fage.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return &age.MasterKey{Recipient: id.Recipient().String()}, model.Hidden("# a key\n" + id.String() + "\n")
}

// pgpKey is a fresh PGP key, as an entry *.asc, and a master key for it, whose
// Encrypt is done here: the library's wants a process.
func pgpKey(t testing.TB) (*pgpMaster, model.Hidden) {
	t.Helper()
	e, err := openpgp.NewEntity("test", "", "test@example.com", &packet.Config{Algorithm: packet.PubKeyAlgoEdDSA})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w, err := pgparmor.Encode(&out, openpgp.PrivateKeyType, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.SerializePrivate(w, nil); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	key := pgp.NewMasterKeyFromFingerprint(fmt.Sprintf("%X", e.PrimaryKey.Fingerprint))
	return &pgpMaster{MasterKey: key, entity: e}, out.Bytes()
}

type pgpMaster struct {
	*pgp.MasterKey
	entity *openpgp.Entity
}

func (m *pgpMaster) Encrypt(key []byte) error {
	var out bytes.Buffer
	armored, err := pgparmor.Encode(&out, "PGP MESSAGE", nil)
	if err != nil {
		return err
	}
	w, err := openpgp.Encrypt(armored, []*openpgp.Entity{m.entity}, nil, &openpgp.FileHints{IsBinary: true}, nil)
	if err != nil {
		return err
	}
	if _, err := w.Write(key); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	if err := armored.Close(); err != nil {
		return err
	}
	m.SetEncryptedDataKey(out.Bytes())
	return nil
}

// stored is the master key that the library writes.
func stored(k keys.MasterKey) keys.MasterKey {
	if m, ok := k.(*pgpMaster); ok {
		return m.MasterKey
	}
	return k
}

// rules are how a file is encrypted.
type rules struct {
	groups    [][]keys.MasterKey
	threshold int
	set       func(*lib.Metadata)
}

// encrypt encrypts a file with the library.
func encrypt(t testing.TB, f formats.Format, plain string, r rules) []byte {
	t.Helper()
	store := common.StoreForFormat(f, config.NewStoresConfig())
	branches, err := store.LoadPlainFile([]byte(plain))
	if err != nil {
		t.Fatal(err)
	}
	dataKey := make([]byte, 32)
	if _, err := rand.Read(dataKey); err != nil {
		t.Fatal(err)
	}
	tree := lib.Tree{Branches: branches, Metadata: lib.Metadata{
		Version: "3.13.3", LastModified: time.Now().UTC(), ShamirThreshold: r.threshold,
	}}
	shares := [][]byte{dataKey}
	if len(r.groups) > 1 {
		if shares, err = shamir.Split(dataKey, len(r.groups), r.threshold); err != nil {
			t.Fatal(err)
		}
	}
	for i, group := range r.groups {
		var g lib.KeyGroup
		for _, k := range group {
			if err := k.Encrypt(shares[i]); err != nil {
				t.Fatal(err)
			}
			g = append(g, stored(k))
		}
		tree.Metadata.KeyGroups = append(tree.Metadata.KeyGroups, g)
	}
	if r.set != nil {
		r.set(&tree.Metadata)
	} else {
		tree.Metadata.UnencryptedSuffix = lib.DefaultUnencryptedSuffix
	}
	cipher := aes.NewCipher()
	mac, err := tree.Encrypt(dataKey, cipher)
	if err != nil {
		t.Fatal(err)
	}
	tree.Metadata.MessageAuthenticationCode, err = cipher.Encrypt(mac, dataKey, tree.Metadata.LastModified.Format(time.RFC3339))
	if err != nil {
		t.Fatal(err)
	}
	out, err := store.EmitEncryptedFile(tree)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// oracle decrypts with the library, and checks the MAC as its decrypt package
// does.
func oracle(t testing.TB, f formats.Format, data []byte, key model.Hidden) string {
	t.Helper()
	store := common.StoreForFormat(f, config.NewStoresConfig())
	tree, err := store.LoadEncryptedFile(data)
	if err != nil {
		t.Fatal(err)
	}
	var ids age.ParsedIdentities
	if err := ids.Import(string(key)); err != nil {
		t.Fatal(err)
	}
	master := tree.Metadata.KeyGroups[0][0].(*age.MasterKey)
	ids.ApplyToMasterKey(master)
	dataKey, err := master.Decrypt()
	if err != nil {
		t.Fatal(err)
	}
	cipher := aes.NewCipher()
	mac, err := tree.Decrypt(dataKey, cipher)
	if err != nil {
		t.Fatal(err)
	}
	original, err := cipher.Decrypt(tree.Metadata.MessageAuthenticationCode, dataKey, tree.Metadata.LastModified.Format(time.RFC3339))
	if err != nil || original != mac {
		t.Fatalf("the library finds a wrong MAC: %v", err)
	}
	out, err := store.EmitPlainFile(tree.Branches)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// decrypter makes one with keys.
func decrypter(t testing.TB, keys map[string]model.Hidden) *Decrypter {
	t.Helper()
	d := model.Decrypt{Keys: keys, Disabled: "kustomize.toolkit.fluxcd.io/decrypt"}
	k, err := NewKeys(d, Options{})
	if err != nil {
		t.Fatal(err)
	}
	d.Keys = nil
	return New(t.Context(), d, k.Unwrap)
}

// encryptWithVault lets the library encrypt with a key of Vault.
func encryptWithVault(t *testing.T, network http.RoundTripper) []byte {
	t.Helper()
	key := hcvault.NewMasterKey("https://vault.example.com", "transit", "k")
	hcvault.Token("t").ApplyToMasterKey(key)
	hcvault.NewHTTPClient(&http.Client{Transport: network}).ApplyToMasterKey(key)
	return encrypt(t, formats.Yaml, "a: s3cret\n", rules{groups: [][]keys.MasterKey{{key}}})
}
