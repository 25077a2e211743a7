package target

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	utiljson "k8s.io/apimachinery/pkg/util/json"
)

// staleStrategy is the strategy of an object that was refused since it has settings
// of a rolling update by default, which nobody declares and its new strategy does
// not take: as in spec, strategy. nil for any other refusal.
func staleStrategy(refusal error) []string {
	if !apierrors.IsInvalid(refusal) {
		return nil
	}
	for _, c := range causes(refusal) {
		if strategy, ok := strings.CutSuffix(c.Field, "trategy.rollingUpdate"); ok {
			return strings.Split(strategy+"trategy", ".")
		}
	}
	return nil
}

// unroll changes the strategy alone, and takes the settings of the old one away, as
// kubectl's own apply does; nil if they are declared. A server-side apply can't do it:
// they are nobody's.
func (w *writing) unroll(ctx context.Context, strategy []string) (*unstructured.Unstructured, error) {
	var object map[string]any
	if err := utiljson.Unmarshal(w.obj.JSON, &object); err != nil {
		return nil, err
	}
	declared, _, _ := unstructured.NestedMap(object, strategy...)
	if declared == nil || declared["rollingUpdate"] != nil {
		return nil, nil
	}
	declared["rollingUpdate"] = nil
	var patch any = declared
	for _, field := range slices.Backward(strategy) {
		patch = map[string]any{field: patch}
	}
	body, err := json.Marshal(patch)
	if err != nil {
		return nil, err
	}
	return w.dynamic.Resource(w.res.GroupVersionResource).Namespace(w.obj.Namespace).Patch(ctx, w.obj.Name, types.MergePatchType, body,
		metav1.PatchOptions{FieldManager: replacer(w.manager), DryRun: w.dryRun(), FieldValidation: w.validation()})
}
