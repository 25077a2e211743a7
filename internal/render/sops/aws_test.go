package sops

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/getsops/sops/v3/kms"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// TestAWS has a stand-in that checks the signature.
func TestAWS(t *testing.T) {
	signed := func(r *http.Request, body []byte, service, id, secret, session string) bool {
		at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
		if err != nil {
			return false
		}
		again := r.Clone(t.Context())
		again.URL.Scheme, again.URL.Host = "https", r.Host
		again.Header = http.Header{}
		_, list, _ := strings.Cut(r.Header.Get("Authorization"), "SignedHeaders=")
		list, _, _ = strings.Cut(list, ",")
		for name := range strings.SplitSeq(list, ";") {
			if v := r.Header.Values(name); len(v) > 0 {
				again.Header[http.CanonicalHeaderKey(name)] = v
			}
		}
		sum := fmt.Sprintf("%x", sha256.Sum256(body))
		err = v4.NewSigner().SignHTTP(t.Context(), aws.Credentials{AccessKeyID: id, SecretAccessKey: secret, SessionToken: session},
			again, sum, service, "eu-west-1", at)
		return err == nil && again.Header.Get("Authorization") == r.Header.Get("Authorization")
	}
	network := standIn(t, []string{"kms.eu-west-1.amazonaws.com", "sts.eu-west-1.amazonaws.com"}, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if strings.HasPrefix(r.Host, "sts.") {
			if !signed(r, body, "sts", "id", "s3cret", "") || !bytes.Contains(body, []byte("RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr")) {
				t.Errorf("bad signature or role: %s", body)
			}
			_, _ = io.WriteString(w, `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>roleid</AccessKeyId>`+
				`<SecretAccessKey>rolesecret</SecretAccessKey><SessionToken>session</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>`+
				`</Credentials></AssumeRoleResult></AssumeRoleResponse>`)
			return
		}
		var in struct {
			CiphertextBlob    []byte
			KeyID             string `json:"KeyId"`
			EncryptionContext map[string]string
		}
		if err := json.Unmarshal(body, &in); err != nil || r.Header.Get("X-Amz-Target") != "TrentService.Decrypt" {
			t.Errorf("%s %v", body, err)
		}
		ok := signed(r, body, "kms", "id", "s3cret", "") || signed(r, body, "kms", "roleid", "rolesecret", "session")
		if !ok || string(in.CiphertextBlob) != "sealed" || in.EncryptionContext["app"] != "web" {
			reply(w, http.StatusBadRequest, map[string]any{"__type": "AccessDeniedException", "message": "s3cret"})
			return
		}
		reply(w, http.StatusOK, map[string]any{"KeyId": in.KeyID, "Plaintext": dataKey})
	})
	good := masterKey{
		Kind: kindKMS, Enc: base64.StdEncoding.EncodeToString([]byte("sealed")),
		ARN: "arn:aws:kms:eu-west-1:1:key/abc-def", Context: map[string]string{"app": "web"},
	}
	change := func(f func(*masterKey)) masterKey { m := good; f(&m); return m }
	asLibrary(t, func() ([]byte, error) {
		key := kms.MasterKey{Arn: good.ARN, EncryptedKey: good.Enc, EncryptionContext: map[string]*string{"app": aws.String("web")}}
		kms.NewCredentialsProvider(credentials.NewStaticCredentialsProvider("id", "s3cret", "")).ApplyToMasterKey(&key)
		kms.NewHTTPClient(&http.Client{Transport: network}).ApplyToMasterKey(&key)
		return key.Decrypt()
	})
	const user = "aws_access_key_id: id\naws_secret_access_key: s3cret\n"
	for name, tt := range map[string]struct {
		entry string
		m     masterKey
		kind  error
		text  string
	}{
		"good":            {user, good, nil, ""},
		"role":            {user, change(func(m *masterKey) { m.Role = "arn:aws:iam::1:role/r" }), nil, ""},
		"wrong secret":    {"{aws_access_key_id: id, aws_secret_access_key: x}", good, model.ErrDenied, "AWS KMS refuses"},
		"no ARN":          {user, change(func(m *masterKey) { m.ARN = "x" }), model.ErrDenied, "ARN is malformed"},
		"host as region":  {user, change(func(m *masterKey) { m.ARN = "arn:aws:kms:evil.example.com/:1:key/x" }), model.ErrDenied, "ARN is malformed"},
		"host as region2": {user, change(func(m *masterKey) { m.ARN = "arn:aws:kms:a@evil.example.com#:1:key/x" }), model.ErrDenied, "ARN is malformed"},
		"no role":         {user, change(func(m *masterKey) { m.Role = "x y" }), model.ErrDenied, "ARN is malformed"},
	} {
		got, err := unwrap(t, map[string]string{"sops.aws-kms": tt.entry}, Options{Transport: network}, tt.m)
		outcome(t, name, got, err, tt.kind, tt.text)
	}
}
