package sops

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// vaultPath is the path of an engine or the name of a key. It must not lead to
// another part of Vault's API.
var vaultPath = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9_.-]*(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*$`)

// allowVault adds an address that a token may be sent to.
func (k *Keys) allowVault(address string) error {
	origin, err := originOf(address)
	if err != nil {
		return err
	}
	k.vaults = append(k.vaults, origin)
	return nil
}

// originOf is the host, with its port, of an https address.
func originOf(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" ||
		strings.Trim(u.Path, "/") != "" {
		return "", errors.New("the address of a Vault has to be https://host or https://host:port")
	}
	return strings.ToLower(u.Host), nil
}

// unwrapVault asks the API of Vault's transit engine:
// https://developer.hashicorp.com/vault/api-docs/secret/transit#decrypt-data
func (k *Keys) unwrapVault(ctx context.Context, m masterKey) ([]byte, error) {
	if k.token == "" {
		return nil, missing(entryVaultToken)
	}
	host, err := originOf(m.VaultAddress)
	if err != nil {
		return nil, denied("%w", err)
	}
	if !slices.Contains(k.vaults, host) {
		return nil, denied("the token may not be sent there: add the address to the entry %s of the keys", entryVaultAddress)
	}
	if !vaultPath.MatchString(m.EnginePath) || !vaultPath.MatchString(m.KeyName) || strings.Contains(m.KeyName, "/") {
		return nil, denied("its engine path or key name is malformed")
	}
	client, g := k.guarded(func(h string) bool { return h == host })
	var answer struct {
		Data struct {
			Plaintext []byte `json:"plaintext"`
		} `json:"data"`
	}
	err = post(ctx, client, "https://"+host+"/v1/"+m.EnginePath+"/decrypt/"+m.KeyName, http.Header{"X-Vault-Token": {k.token}},
		map[string]string{"ciphertext": m.Enc}, &answer)
	if err != nil || len(answer.Data.Plaintext) == 0 {
		return nil, g.outcome(ctx, "Vault", err)
	}
	return answer.Data.Plaintext, nil
}
