package sops

import (
	"context"
	"regexp"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/getsops/sops/v3/kms"
	"sigs.k8s.io/yaml"
)

var (
	// awsARN has a region that can be part of a host's name.
	awsARN  = regexp.MustCompile(`^arn:aws[a-z-]*:kms:[a-z0-9]+(-[a-z0-9]+)+:[0-9]+:(key|alias)/[\w/:.-]+$`)
	awsRole = regexp.MustCompile(`^arn:aws[a-z-]*:iam::[0-9]+:role/[\w+=,.@/-]+$`)
	awsHost = below("amazonaws.com", "amazonaws.com.cn", "api.aws")
)

// readAWS reads the credentials of a user.
func (k *Keys) readAWS(data []byte) error {
	var c struct {
		ID      string `json:"aws_access_key_id"`
		Secret  string `json:"aws_secret_access_key"`
		Session string `json:"aws_session_token"`
	}
	if yaml.Unmarshal(data, &c) != nil || c.ID == "" || c.Secret == "" {
		return errMalformed
	}
	k.aws = credentials.NewStaticCredentialsProvider(c.ID, c.Secret, c.Session)
	return nil
}

// unwrapAWS ignores the profile that a file may name: it is one of the host.
func (k *Keys) unwrapAWS(ctx context.Context, m masterKey) ([]byte, error) {
	if k.aws == nil {
		return nil, missing(entryAWS)
	}
	if !awsARN.MatchString(m.ARN) || m.Role != "" && !awsRole.MatchString(m.Role) {
		return nil, denied("its ARN is malformed")
	}
	client, g := k.guarded(awsHost)
	key := kms.MasterKey{Arn: m.ARN, Role: m.Role, EncryptedKey: m.Enc, EncryptionContext: map[string]*string{}}
	for name, value := range m.Context {
		key.EncryptionContext[name] = &value
	}
	kms.NewCredentialsProvider(k.aws).ApplyToMasterKey(&key)
	kms.NewHTTPClient(client).ApplyToMasterKey(&key)
	plain, err := key.DecryptContext(ctx)
	if err != nil {
		return nil, g.outcome(ctx, "AWS KMS", err)
	}
	return plain, nil
}
