package target

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// syncOptions is the annotation by which an object asks for a way of writing.
const syncOptions = "argocd.argoproj.io/sync-options"

// fixed are the words by which the API server says that a field can't change.
var fixed = []string{
	"immutable", "may not change", "cannot change", "cannot be changed", "can't be changed", "may not be changed",
	"updates to ", "can not be less than",
}

func saysFixed(text string) bool {
	return slices.ContainsFunc(fixed, func(words string) bool { return strings.Contains(text, words) })
}

// isImmutable reports whether an object was refused for nothing but fields that
// can't change: where anything else is wrong with it, creating it anew would fail
// after it was deleted.
func isImmutable(err error) bool {
	all := causes(err)
	switch {
	case apierrors.IsInvalid(err) && len(all) > 0:
		return !slices.ContainsFunc(all, func(c metav1.StatusCause) bool { return !saysFixed(c.Message) })
	case apierrors.IsInvalid(err):
		return saysFixed(apiMessage(err))
	}
	// Admission webhooks say so in their own way.
	text := apiMessage(err)
	return (apierrors.IsForbidden(err) || apierrors.IsBadRequest(err)) &&
		strings.Contains(text, "denied the request") && strings.Contains(text, "immutable")
}

// immutableError says which fields can't change, what they are and would become as
// far as that is known, and what can be done.
func immutableError(ref model.ObjectRef, err error, changes []change) error {
	about := "a field"
	if fields := fixedFields(err); len(fields) > 0 {
		about = strings.Join(fields, ", ")
	} else if !isSecret(ref) {
		about = apiMessage(err) + ": a field"
	}
	text := about + " can't be changed (it is immutable)"
	if len(changes) > 0 {
		text += ": " + describe(ref, changes)
	}
	return model.As(model.ErrImmutable, model.As(model.ErrInvalid, errors.New(text+". "+advice(ref, err))))
}

// fixedFields are the fields that a refusal names.
func fixedFields(err error) []string {
	var out []string
	for _, c := range causes(err) {
		if c.Field != "" && c.Field != "<nil>" && !slices.Contains(out, c.Field) {
			out = append(out, c.Field)
		}
	}
	return out
}

// anew says how an object is made to be deleted and created anew.
const anew = "Let it be deleted and created anew (Argo CD: annotate it with " + syncOptions + ": Force=true,Replace=true; " +
	"Flux: annotate it with kustomize.toolkit.fluxcd.io/force: enabled, or set spec.force), or "

// advice is what helps.
func advice(ref model.ObjectRef, err error) string {
	switch (groupKind{ref.Group, ref.Kind}) {
	case groupKind{"apiextensions.k8s.io", "CustomResourceDefinition"}:
		return "It is never deleted to be created anew, since all objects of its kind would go with it: " +
			"restore what it was, or move to a kind of another name"
	case groupKind{"", "Namespace"}:
		return "It is never deleted to be created anew, since everything in it would go with it: restore what it was"
	case groupKind{"apps", "StatefulSet"}:
		return "Of a StatefulSet only replicas, ordinals, template, updateStrategy, revisionHistoryLimit, minReadySeconds and " +
			"persistentVolumeClaimRetentionPolicy can change. " + anew +
			"delete it with kubectl delete --cascade=orphan, which keeps its Pods"
	case groupKind{"", "PersistentVolumeClaim"}:
		if strings.Contains(apiMessage(err), "can not be less than") {
			return "A claim can only grow: restore its size, or move the data to a smaller claim of another name"
		}
		return "Of a claim only resources.requests may change, and only grow. " + anew +
			"give the new claim another name: with the claim its data may go"
	case groupKind{"batch", "Job"}:
		return "A Job that exists can't run anything else. " + anew + "give the new Job another name"
	case groupKind{"", "Service"}:
		return "Leave it out, or set it to what it is. " + anew + "delete it by hand"
	case groupKind{"", "ConfigMap"}, groupKind{"", "Secret"}:
		return anew + "give the new content another name, as Kustomize's generators do"
	}
	return anew + "delete it by hand"
}

// compared are the declared fields that can't become what they should, and what
// exists with its UID. Of a Secret no field is read.
func (w *writing) compared(ctx context.Context, refusal error) (model.Live, []change) {
	if isSecret(w.obj.ObjectRef) {
		e, err := w.fetch(ctx, w.res, w.obj.ObjectKey)
		if err != nil {
			return model.Live{}, nil
		}
		return e.rec.live(w.manager, model.AppKey{}), nil
	}
	o, err := w.Read(ctx, w.obj.ObjectRef)
	if err != nil {
		return model.Live{}, nil
	}
	meta, _ := o["metadata"].(map[string]any)
	uid, _ := meta["uid"].(string)
	var declared map[string]any
	if utiljson.Unmarshal(w.obj.JSON, &declared) != nil {
		return model.Live{Ref: w.obj.ObjectRef, UID: uid}, nil
	}
	return model.Live{Ref: w.obj.ObjectRef, UID: uid}, below(changesOf(declared, o), fixedFields(refusal), groupKind{w.obj.Group, w.obj.Kind})
}

// free are the fields of a spec that may change where the rest may not.
var free = map[groupKind][]string{
	{"apps", "StatefulSet"}: {
		"spec.replicas", "spec.ordinals", "spec.template", "spec.updateStrategy", "spec.revisionHistoryLimit",
		"spec.persistentVolumeClaimRetentionPolicy", "spec.minReadySeconds",
	},
	{"", "PersistentVolumeClaim"}: {"spec.resources", "spec.volumeAttributesClassName"},
}

// below are the changes in one of the fields, or in something of it.
func below(changes []change, fields []string, gk groupKind) []change {
	return slices.DeleteFunc(changes, func(c change) bool {
		return !slices.ContainsFunc(fields, func(field string) bool {
			field, _, _ = strings.Cut(field, "[")
			field = strings.TrimSuffix(field, "s") // clusterIPs[0] is declared as clusterIP too
			if !strings.HasPrefix(c.path, field) {
				return false
			}
			return field != "spec" && field != "spec." || !slices.ContainsFunc(free[gk], func(f string) bool { return strings.HasPrefix(c.path, f) })
		})
	})
}

// most is how many changes are shown.
const most = 3

func describe(ref model.ObjectRef, changes []change) string {
	var out []string
	for _, c := range changes[:min(most, len(changes))] {
		out = append(out, c.text(ref))
	}
	if n := len(changes) - most; n > 0 {
		out = append(out, fmt.Sprintf("and %d more", n))
	}
	return strings.Join(out, ", ")
}
