package flux

import (
	"errors"

	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

var honouredBucket = fields{
	"bucketName":         nil,
	"certSecretRef":      {"name": nil},
	"endpoint":           nil,
	"ignore":             nil,
	"insecure":           nil,
	"interval":           nil,
	"prefix":             nil,
	"provider":           nil,
	"proxySecretRef":     {"name": nil},
	"region":             nil,
	"secretRef":          {"name": nil},
	"serviceAccountName": nil,
	"sts":                nil,
	"suspend":            nil,
	"timeout":            nil,
}

func bucket(obj *unstructured.Unstructured) Declaration {
	var spec sourcev1.BucketSpec
	d, err := begin(obj, honouredBucket, &spec)
	if err != nil {
		return d.refuse(invalidSpecReason, err)
	}
	if reason, err := bucketRefusal(spec); err != nil {
		return d.refuse(reason, err)
	}
	d.Source = model.Source{
		Kind:   model.SourceBucket,
		URL:    spec.Endpoint,
		Ignore: ignoreOf(spec.Ignore),
		Bucket: model.Bucket{
			Name: spec.BucketName, Prefix: spec.Prefix, Region: spec.Region, Insecure: spec.Insecure,
			Provider: sourcev1.BucketProviderGeneric,
		},
	}
	if spec.Provider != "" {
		d.Source.Bucket.Provider = spec.Provider
	}
	d.pace(spec.Interval, spec.Timeout, spec.Suspend)
	d.Observed = Observed{ObservedIgnore: spec.Ignore}
	if spec.SecretRef != nil {
		d.need(ForAccess, "spec.secretRef", spec.SecretRef.Name)
	}
	if spec.CertSecretRef != nil {
		d.need(ForTLS, "spec.certSecretRef", spec.CertSecretRef.Name)
	}
	if spec.ProxySecretRef != nil {
		d.need(ForProxy, "spec.proxySecretRef", spec.ProxySecretRef.Name)
	}
	return d
}

func bucketRefusal(spec sourcev1.BucketSpec) (string, error) {
	switch {
	case spec.Endpoint == "":
		return sourcev1.URLInvalidReason, errors.New("spec.endpoint is empty: name the server")
	case spec.BucketName == "":
		return invalidSpecReason, errors.New("spec.bucketName is empty: name the bucket")
	case spec.Interval.Duration <= 0:
		return invalidSpecReason, errInterval
	case spec.STS != nil:
		return sourcev1.InvalidSTSConfigurationReason,
			errors.New("spec.sts is not supported yet: use the keys of spec.secretRef")
	case spec.ServiceAccountName != "":
		return sourcev1.InvalidProviderConfigurationReason,
			errors.New("spec.serviceAccountName is not supported yet: use the keys of spec.secretRef")
	case spec.Provider == sourcev1.BucketProviderAmazon && spec.SecretRef == nil:
		return sourcev1.InvalidProviderConfigurationReason, cloudIdentity(spec.Provider)
	case spec.Provider == sourcev1.BucketProviderGoogle, spec.Provider == sourcev1.BucketProviderAzure:
		return sourcev1.InvalidProviderConfigurationReason, errors.New(
			"spec.provider " + spec.Provider + " is not supported yet: only buckets with the S3 API are; " +
				"use the provider generic with keys for that API where the cloud has it")
	}
	return "", nil
}
