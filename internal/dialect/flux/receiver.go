package flux

import (
	"errors"
	"fmt"
	"slices"

	notificationv1 "github.com/fluxcd/notification-controller/api/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

var honouredReceiver = fields{
	"events":    nil,
	"interval":  nil,
	"resources": {"apiVersion": nil, "kind": nil, "name": nil, "namespace": nil, "matchLabels": nil},
	"secretRef": {"name": nil},
	"suspend":   nil,
	"type":      nil,

	"oidcProviders": nil,
}

// Hook is what a Receiver asks of the calls at its path.
type Hook struct {
	// Type is the Receiver's spec.type; it says how calls are proved genuine, with
	// Token.
	Type, Token string
	// Events are those that count; empty is all.
	Events []string
}

// ReceiverSpec is what a Receiver asks for.
type ReceiverSpec struct {
	Name       types.NamespacedName
	Generation int64
	// Hook is without its token: that is in Secret.
	Hook   Hook
	Secret Ref
	// Suspended: calls are not answered.
	Suspended bool
	// Targets are what a call looks at.
	Targets []HookTarget
	// Warnings are the fields that are not honoured.
	Warnings []model.Warning
	// Invalid says why there is no path; nil if there is one.
	Invalid error
}

// HookTarget selects objects that a call looks at.
type HookTarget struct {
	Kind, Namespace string
	// Name is that of one object; "*" is all that have Labels.
	Name   string
	Labels map[string]string
}

// receiverTypes are those whose calls can be checked.
var receiverTypes = []string{
	notificationv1.GenericReceiver, notificationv1.GenericHMACReceiver, notificationv1.GitHubReceiver, notificationv1.GitLabReceiver,
	notificationv1.BitbucketReceiver, notificationv1.HarborReceiver, notificationv1.DockerHubReceiver, notificationv1.QuayReceiver,
	notificationv1.NexusReceiver, notificationv1.ACRReceiver, notificationv1.CDEventsReceiver,
}

// ReceiverOf is what a Receiver asks for. It never fails: what is wrong with the
// object is in ReceiverSpec.Invalid.
func ReceiverOf(obj *unstructured.Unstructured) ReceiverSpec {
	out := ReceiverSpec{
		Name:       types.NamespacedName{Namespace: obj.GetNamespace(), Name: obj.GetName()},
		Generation: obj.GetGeneration(),
	}
	raw, _, _ := unstructured.NestedMap(obj.Object, "spec")
	out.Warnings = fieldWarnings(obj.GetKind(), raw, honouredReceiver)
	var spec notificationv1.ReceiverSpec
	if err := decode(raw, &spec); err != nil {
		out.Invalid = model.As(model.ErrInvalid, err)
		return out
	}
	out.Hook, out.Suspended = Hook{Type: spec.Type, Events: spec.Events}, spec.Suspend
	if spec.SecretRef != nil {
		out.Secret = Ref{kindSecret, obj.GetNamespace(), spec.SecretRef.Name}
	}
	out.Invalid = model.As(model.ErrInvalid, receiverRefusal(spec))
	for _, r := range spec.Resources {
		target := HookTarget{Kind: r.Kind, Namespace: r.Namespace, Name: r.Name, Labels: r.MatchLabels}
		if target.Namespace == "" {
			target.Namespace = obj.GetNamespace()
		}
		if !isTarget(r.Kind) {
			out.Warnings = append(out.Warnings, model.Warning{Type: model.WarnField, Message: "spec.resources names a " + r.Kind +
				", which is not read yet: nothing is done about it"})
			continue
		}
		out.Targets = append(out.Targets, target)
	}
	return out
}

func isTarget(kind string) bool {
	gvk, known := kinds[kind]
	return known && (IsSource(kind) || Declares(gvk.GroupKind()))
}

func receiverRefusal(spec notificationv1.ReceiverSpec) error {
	switch {
	case spec.Type == notificationv1.GCRReceiver || spec.Type == notificationv1.GenericOIDCReceiver:
		return unsupported("type "+spec.Type, "its calls are proved by tokens of an identity provider, which are not checked")
	case !slices.Contains(receiverTypes, spec.Type):
		return fmt.Errorf("spec.type %q is not known", spec.Type)
	case spec.SecretRef == nil || spec.SecretRef.Name == "":
		return errors.New("spec.secretRef.name is empty: name the Secret with the token")
	}
	return nil
}

// WebhookPath is the path of a Receiver's calls, as Flux makes it of the token.
func (r ReceiverSpec) WebhookPath(token string) string {
	var named notificationv1.Receiver
	named.Name, named.Namespace = r.Name.Name, r.Name.Namespace
	return named.GetWebhookPath(token)
}

// tokenOf is the token in the Receiver's Secret.
func (r ReceiverSpec) tokenOf(in Contents) (string, error) {
	content := in[r.Secret]
	if content == nil {
		return "", missing(r.Secret, "spec.secretRef")
	}
	token := string(content.Data["token"])
	if token == "" {
		return "", ofReference(model.As(model.ErrNotFound, fmt.Errorf("%s has no key token: add it", r.Secret)))
	}
	return token, nil
}
