package target

import (
	"context"
	"errors"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// TestExplain: every error has a kind that says whether to try again, and a text
// that says what to do; none about a Secret has a value.
func TestExplain(t *testing.T) {
	const value = "hunter2"
	configMaps, secrets := schema.GroupResource{Resource: "configmaps"}, schema.GroupResource{Resource: "secrets"}
	secret := model.ObjectRef{ObjectKey: model.ObjectKey{Kind: "Secret", Namespace: "web", Name: "s"}, Version: "v1"}
	plain := model.ObjectRef{ObjectKey: configMap("a"), Version: "v1"}
	invalid := func(kind, path, text string) error {
		return apierrors.NewInvalid(schema.GroupKind{Kind: kind}, "x", field.ErrorList{field.Invalid(field.NewPath(path), value, text)})
	}
	terminating := apierrors.NewForbidden(configMaps, "a", errors.New("being terminated"))
	terminating.ErrStatus.Details.Causes = append(terminating.ErrStatus.Details.Causes, metav1.StatusCause{Type: "NamespaceTerminating"})
	homeless := apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "web")
	for name, c := range map[string]struct {
		ref  model.ObjectRef
		err  error
		kind error
		text string
	}{
		"nothing":                  {plain, nil, nil, ""},
		"forbidden":                {plain, apierrors.NewForbidden(configMaps, "a", errors.New("no")), model.ErrDenied, "forbidden"},
		"who is it":                {plain, apierrors.NewUnauthorized("no"), model.ErrDenied, ""},
		"invalid":                  {plain, invalid("ConfigMap", "data", "too odd"), model.ErrInvalid, "too odd"},
		"bad request":              {plain, apierrors.NewBadRequest("unknown field"), model.ErrInvalid, "unknown field"},
		"too large":                {plain, apierrors.NewRequestEntityTooLargeError("too large"), model.ErrInvalid, "too large"},
		"immutable":                {plain, invalid("ConfigMap", "data", "field is immutable"), model.ErrImmutable, "spec.force"},
		"namespace gone":           {plain, homeless, model.ErrNotFound, `namespace "web" does not exist`},
		"namespace going":          {plain, terminating, model.ErrTransient, `namespace "web" is being deleted`},
		"too many":                 {plain, apierrors.NewTooManyRequests("later", 1), model.ErrTransient, ""},
		"server error":             {plain, apierrors.NewInternalError(errors.New("etcd")), model.ErrTransient, "etcd"},
		"no connection":            {plain, errors.New("connection refused"), model.ErrTransient, "connection refused"},
		"cut off":                  {plain, context.Canceled, model.ErrTransient, ""},
		"unknown kind":             {plain, model.As(model.ErrNotFound, errors.New("unknown kind X")), model.ErrNotFound, "unknown kind X"},
		"no discovery":             {plain, model.As(model.ErrTransient, errors.New("asking")), model.ErrTransient, "asking"},
		"Secret invalid":           {secret, invalid("Secret", "data[password]", "bad"), model.ErrInvalid, "data"},
		"Secret bad request":       {secret, apierrors.NewBadRequest("illegal base64: " + value), model.ErrInvalid, "base64"},
		"Secret denied by policy":  {secret, apierrors.NewForbidden(secrets, "s", errors.New("password "+value+" is weak")), model.ErrDenied, "policies"},
		"Secret immutable":         {secret, invalid("Secret", "type", "field is immutable"), model.ErrImmutable, "spec.force"},
		"Secret without namespace": {secret, homeless, model.ErrNotFound, `namespace "web" does not exist`},
	} {
		err := explain(c.ref, c.err)
		if c.kind == nil {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v, want %v with %q", name, err, c.kind, c.text)
			continue
		}
		if c.ref == secret && strings.Contains(err.Error(), value) {
			t.Errorf("%s: the value is in %q", name, err)
		}
		if errors.Is(c.kind, model.ErrTransient) != errors.Is(err, model.ErrTransient) {
			t.Errorf("%s: %v is transient and lasting", name, err)
		}
	}
	if err := explain(plain, invalid("ConfigMap", "data", "field is immutable")); !errors.Is(err, model.ErrInvalid) {
		t.Errorf("an immutable field is not invalid: %v", err)
	}
	if text := explain(secret, apierrors.NewBadRequest("metadata.name: too odd")).Error(); strings.Contains(text, "about data") {
		t.Errorf("metadata is taken for data: %s", text)
	}
}
