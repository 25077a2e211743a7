package sops

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/sts"
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
	sealed, err := base64.StdEncoding.DecodeString(m.Enc)
	if err != nil {
		return nil, denied("its encrypted data key is malformed")
	}
	client, g := k.guarded(awsHost)
	region := strings.Split(m.ARN, ":")[3]
	user, err := k.awsUser(ctx, client, region, m.Role)
	if err != nil {
		return nil, g.outcome(ctx, "AWS STS", err)
	}
	answer, err := kms.New(kms.Options{Region: region, Credentials: user, HTTPClient: client}).
		Decrypt(ctx, &kms.DecryptInput{KeyId: &m.ARN, CiphertextBlob: sealed, EncryptionContext: m.Context})
	if err != nil {
		return nil, g.outcome(ctx, "AWS KMS", err)
	}
	return answer.Plaintext, nil
}

// awsUser are the credentials to decrypt with: those of a role, if there is one.
func (k *Keys) awsUser(ctx context.Context, client *http.Client, region, role string) (aws.CredentialsProvider, error) {
	if role == "" {
		return k.aws, nil
	}
	answer, err := sts.New(sts.Options{Region: region, Credentials: k.aws, HTTPClient: client}).
		AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: &role, RoleSessionName: aws.String("fixpoint")})
	if err != nil {
		return nil, err
	}
	c := answer.Credentials
	if c == nil || c.AccessKeyId == nil || c.SecretAccessKey == nil || c.SessionToken == nil {
		return nil, errors.New("no credentials")
	}
	return credentials.NewStaticCredentialsProvider(*c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken), nil
}
