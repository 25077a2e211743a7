package sops

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"filippo.io/age"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"golang.org/x/oauth2"
)

// The names of entries in model.Decrypt.Keys; *.agekey and *.asc are the others.
const (
	entryVaultToken = "sops.vault-token"
	// entryVaultAddress holds the addresses that the token may be sent to, one a
	// line.
	entryVaultAddress = "sops.vault-address"
	entryAWS          = "sops.aws-kms"
	entryAzure        = "sops.azure-kv"
	entryGCP          = "sops.gcp-kms"
)

// Options are the operator's settings for keys.
type Options struct {
	// Vaults are addresses such as https://vault.example.com:8200 that any app's
	// token may be sent to, besides those that the app's own entry
	// sops.vault-address lists. A file says which Vault it needs; a token that
	// went wherever a file says would belong to everyone who can write one.
	Vaults []string
	// Transport is how key services are reached; nil is http.DefaultTransport.
	// Only HTTPS is spoken, and only with hosts that belong to the service.
	Transport http.RoundTripper
}

// Keys decrypt data keys. They use what they are made of and nothing of the
// process's environment, home or metadata service. They are safe for concurrent
// use.
type Keys struct {
	age    []age.Identity
	pgp    openpgp.EntityList
	token  string
	vaults []string
	aws    aws.CredentialsProvider
	azure  azcore.TokenCredential
	gcp    oauth2.TokenSource
	base   http.RoundTripper
}

// NewKeys reads the entries of d. Entries with other names are ignored. An
// error names the entry, and nothing of its content; it is model.ErrInvalid.
func NewKeys(d model.Decrypt, o Options) (*Keys, error) {
	k := &Keys{base: o.Transport}
	if k.base == nil {
		k.base = http.DefaultTransport
	}
	for _, address := range o.Vaults {
		if err := k.allowVault(address); err != nil {
			return nil, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.Keys)) {
		if err := k.read(name, d.Keys[name]); err != nil {
			return nil, model.Invalidf("the entry %q of the keys for decryption: %w", name, err)
		}
	}
	return k, nil
}

func (k *Keys) read(name string, data []byte) error {
	switch {
	case path.Ext(name) == ".agekey":
		return k.readAge(data)
	case path.Ext(name) == ".asc":
		return k.readPGP(data)
	}
	switch name {
	case entryVaultToken:
		k.token = strings.TrimSpace(string(data))
	case entryVaultAddress:
		for address := range strings.FieldsSeq(string(data)) {
			if err := k.allowVault(address); err != nil {
				return err
			}
		}
	case entryAWS:
		return k.readAWS(data)
	case entryAzure:
		return k.readAzure(data)
	case entryGCP:
		return k.readGCP(data)
	}
	return nil
}

// maxRequest is how big a request may be.
const maxRequest = 1 << 20

// Unwrap answers a request of a Decrypter with the data key. model.ErrDenied:
// there is no key for it, or it may not be used; model.ErrTransient: a key
// service did not answer. No error holds a key or a service's answer.
func (k *Keys) Unwrap(ctx context.Context, request []byte) ([]byte, error) {
	const longest = time.Minute
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	var m masterKey
	if len(request) > maxRequest || json.Unmarshal(request, &m) != nil {
		return nil, model.Invalidf("the request for a data key is malformed")
	}
	switch m.Kind {
	case kindAge:
		return k.unwrapAge(m)
	case kindPGP:
		return k.unwrapPGP(m)
	case kindKMS:
		return k.unwrapAWS(ctx, m)
	case kindGCP:
		return k.unwrapGCP(ctx, m)
	case kindAzure:
		return k.unwrapAzure(ctx, m)
	case kindVault:
		return k.unwrapVault(ctx, m)
	}
	return nil, denied("keys of this kind are not supported")
}

func denied(format string, args ...any) error {
	return model.As(model.ErrDenied, fmt.Errorf(format, args...))
}

// missing is the error where an entry is not there.
func missing(entry string) error {
	return denied("there is no entry %s among the keys", entry)
}

var errMalformed = errors.New("its content is malformed")
