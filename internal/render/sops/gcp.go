package sops

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"regexp"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"
)

var (
	gcpKey  = regexp.MustCompile(`^projects/[\w.:-]+/locations/[\w-]+/keyRings/[\w-]+/cryptoKeys/[\w-]+$`)
	gcpHost = below("googleapis.com")
)

const (
	gcpScope = "https://www.googleapis.com/auth/cloudkms"
	gcpURL   = "https://cloudkms.googleapis.com/v1/"
)

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

// unwrapGCP asks the REST API of Cloud KMS:
// https://cloud.google.com/kms/docs/reference/rest/v1/projects.locations.keyRings.cryptoKeys/decrypt
func (k *Keys) unwrapGCP(ctx context.Context, m masterKey) ([]byte, error) {
	if k.gcp == nil {
		return nil, missing(entryGCP)
	}
	if !gcpKey.MatchString(m.ResourceID) {
		return nil, denied("its resource id is malformed")
	}
	client, g := k.guarded(gcpHost)
	client.Transport = &oauth2.Transport{Source: k.gcp, Base: g}
	var answer struct {
		Plaintext []byte `json:"plaintext"`
	}
	err := post(ctx, client, gcpURL+m.ResourceID+":decrypt", nil, map[string]string{"ciphertext": m.Enc}, &answer)
	if err != nil || len(answer.Plaintext) == 0 {
		return nil, g.outcome(ctx, "GCP KMS", err)
	}
	return answer.Plaintext, nil
}
