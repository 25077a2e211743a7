package flux

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Ref names a Secret, a ConfigMap or a ServiceAccount that an object of the
// dialect refers to.
type Ref struct{ Kind, Namespace, Name string }

// String is the reference as "Kind namespace/name".
func (r Ref) String() string { return r.Kind + " " + r.Namespace + "/" + r.Name }

// The kinds of a Ref.
const (
	kindSecret         = "Secret"
	kindConfigMap      = "ConfigMap"
	kindServiceAccount = "ServiceAccount"
)

// Content is what a Secret or a ConfigMap holds, or which Secrets a
// ServiceAccount pulls with. It may be secret: never print it.
type Content struct {
	Data map[string][]byte
	Pull []string
	// Version is the object's resourceVersion.
	Version string
}

// String hides the content.
func (c *Content) String() string { return "(hidden)" }

// Contents are what was read: nil is an object that does not exist. Nil
// Contents mean that nothing could be read, as where there is no cluster.
type Contents map[Ref]*Content

// version tells the Contents apart from those of another time.
func (c Contents) version() string {
	parts := make([]string, 0, len(c))
	for ref, content := range c {
		version := "none"
		if content != nil {
			version = content.Version
		}
		parts = append(parts, ref.String()+"@"+version)
	}
	slices.Sort(parts)
	return "read " + strings.Join(parts, " ")
}

// digest is that of all that is held.
func (c Contents) digest() []byte {
	refs := slices.SortedFunc(maps.Keys(c), func(a, b Ref) int { return strings.Compare(a.String(), b.String()) })
	var parts [][]byte
	for _, ref := range refs {
		parts = append(parts, []byte(ref.String()))
		if c[ref] == nil {
			continue
		}
		for _, key := range slices.Sorted(maps.Keys(c[ref].Data)) {
			parts = append(parts, []byte(key), c[ref].Data[key])
		}
	}
	digest := model.DigestOf(parts...)
	return digest[:]
}

// secrets are all values of the Secrets that were read.
func (c Contents) secrets() []model.Hidden {
	refs := slices.SortedFunc(maps.Keys(c), func(a, b Ref) int { return strings.Compare(a.String(), b.String()) })
	var out []model.Hidden
	for _, ref := range refs {
		if ref.Kind != kindSecret || c[ref] == nil {
			continue
		}
		for _, key := range slices.Sorted(maps.Keys(c[ref].Data)) {
			out = append(out, model.Hidden(c[ref].Data[key]))
		}
	}
	return out
}

// Read reads what the references name, and the Secrets that a ServiceAccount
// among them pulls with. The error is one of the API server.
func Read(ctx context.Context, reader client.Reader, refs []Ref) (Contents, error) {
	return readAll(ctx, reader, refs, func(Ref) {})
}

// readAll calls before before it reads each.
func readAll(ctx context.Context, reader client.Reader, refs []Ref, before func(Ref)) (Contents, error) {
	out := Contents{}
	for i := 0; i < len(refs); i++ {
		ref := refs[i]
		if _, done := out[ref]; done {
			continue
		}
		before(ref)
		content, err := readOne(ctx, reader, ref)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", ref, err)
		}
		out[ref] = content
		if content != nil {
			for _, name := range content.Pull {
				refs = append(slices.Clip(refs), Ref{kindSecret, ref.Namespace, name})
			}
		}
	}
	return out, nil
}

func readOne(ctx context.Context, reader client.Reader, ref Ref) (*Content, error) {
	var obj client.Object
	var secret corev1.Secret
	var config corev1.ConfigMap
	var account corev1.ServiceAccount
	switch ref.Kind {
	case kindSecret:
		obj = &secret
	case kindConfigMap:
		obj = &config
	case kindServiceAccount:
		obj = &account
	default:
		return nil, errors.New("it is none of Secret, ConfigMap and ServiceAccount")
	}
	err := reader.Get(ctx, types.NamespacedName{Namespace: ref.Namespace, Name: ref.Name}, obj)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	content := &Content{Data: secret.Data, Version: obj.GetResourceVersion()}
	for key, value := range config.Data {
		if content.Data == nil {
			content.Data = map[string][]byte{}
		}
		content.Data[key] = []byte(value)
	}
	for _, pull := range account.ImagePullSecrets {
		content.Pull = append(content.Pull, pull.Name)
	}
	return content, nil
}

// missing is the error about a reference to nothing.
func missing(ref Ref, field string) error {
	return ofReference(model.As(model.ErrNotFound, fmt.Errorf("%s not found: create it or fix %s", ref, field)))
}

// referenceError is about what is referred to. It passes when that changes.
type referenceError struct{ error }

func (e referenceError) Unwrap() error { return e.error }

func ofReference(err error) error {
	if err == nil {
		return nil
	}
	return referenceError{err}
}
