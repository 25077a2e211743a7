package sops

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"regexp"

	"github.com/getsops/sops/v3/gcpkms"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"
	"google.golang.org/api/option"
)

var (
	gcpKey  = regexp.MustCompile(`^projects/[\w.:-]+/locations/[\w-]+/keyRings/[\w-]+/cryptoKeys/[\w-]+$`)
	gcpHost = below("googleapis.com")
)

const gcpScope = "https://www.googleapis.com/auth/cloudkms"

// readGCP reads the key of a service account. Other kinds of credentials make
// the library read files, run commands or ask hosts that they name.
func (k *Keys) readGCP(data []byte) error {
	var c struct {
		Type string `json:"type"`
	}
	if json.Unmarshal(data, &c) != nil {
		return errMalformed
	}
	if c.Type != "service_account" {
		return errors.New("it has to be the key of a service account, with the type service_account")
	}
	conf, err := google.JWTConfigFromJSON(data, gcpScope)
	if err != nil {
		return errMalformed
	}
	at, err := url.Parse(conf.TokenURL)
	if err != nil || at.Scheme != "https" || !gcpHost(at.Host) {
		return errors.New("its token_uri is not Google's")
	}
	client, _ := k.guarded(gcpHost)
	k.gcp = conf.TokenSource(context.WithValue(context.Background(), oauth2.HTTPClient, client))
	return nil
}

func (k *Keys) unwrapGCP(ctx context.Context, m masterKey) ([]byte, error) {
	if k.gcp == nil {
		return nil, missing(entryGCP)
	}
	if !gcpKey.MatchString(m.ResourceID) {
		return nil, denied("its resource id is malformed")
	}
	client, g := k.guarded(gcpHost)
	client.Transport = &oauth2.Transport{Source: k.gcp, Base: g}
	key := gcpkms.MasterKey{ResourceID: m.ResourceID, EncryptedKey: m.Enc}
	// Given twice: without it, the library would look into the environment.
	gcpkms.NewTokenSource(k.gcp).ApplyToMasterKey(&key)
	gcpkms.UseRESTClient{}.ApplyToMasterKey(&key)
	gcpkms.ClientOptions{option.WithHTTPClient(client)}.ApplyToMasterKey(&key)
	plain, err := key.DecryptContext(ctx)
	if err != nil {
		return nil, g.outcome(ctx, "GCP KMS", err)
	}
	return plain, nil
}
