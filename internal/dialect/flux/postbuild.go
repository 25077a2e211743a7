package flux

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// substituteOptOut is the label or annotation of objects without substitution.
var substituteOptOut = kustomizev1.GroupVersion.Group + "/substitute"

// variableName is what a variable may be called.
var variableName = regexp.MustCompile(`^[_[:alpha:]][_[:alpha:][:digit:]]*$`)

func substituteRefs(k kustomizev1.Kustomization) []Ref {
	if k.Spec.PostBuild == nil {
		return nil
	}
	var out []Ref
	for _, from := range k.Spec.PostBuild.SubstituteFrom {
		if isData(from.Kind) {
			out = append(out, Ref{from.Kind, k.Namespace, from.Name})
		}
	}
	return out
}

func isData(kind string) bool { return kind == kindSecret || kind == kindConfigMap }

// substituteOf are the variables of spec.postBuild: later references come before
// earlier ones, and what is written in place before all.
func substituteOf(k kustomizev1.Kustomization, in Contents) (*model.Substitute, error) {
	p := k.Spec.PostBuild
	if p == nil {
		return nil, nil
	}
	s := &model.Substitute{
		Vars: map[string]model.Hidden{}, Strict: true, Disabled: substituteOptOut,
		Always: p.SubstituteStrategy == kustomizev1.SubstituteStrategyAlways,
	}
	var errs []error
	for i, from := range p.SubstituteFrom {
		field := fmt.Sprintf("spec.postBuild.substituteFrom[%d]", i)
		if !isData(from.Kind) {
			errs = append(errs, model.Invalidf("%s.kind %q is not supported: use ConfigMap or Secret", field, from.Kind))
			continue
		}
		ref := Ref{from.Kind, k.Namespace, from.Name}
		switch content := in[ref]; {
		case content != nil:
			errs = append(errs, ofReference(addVars(s.Vars, content.Data, ref.String())))
		case in != nil && !from.Optional:
			errs = append(errs, missing(ref, field))
		}
	}
	inline := make(map[string][]byte, len(p.Substitute))
	for name, value := range p.Substitute {
		inline[name] = []byte(value)
	}
	errs = append(errs, model.As(model.ErrInvalid, addVars(s.Vars, inline, "spec.postBuild.substitute")))
	return s, errors.Join(errs...)
}

// addVars adds variables. Their values are of one line, as Flux makes them.
func addVars(vars map[string]model.Hidden, data map[string][]byte, from string) error {
	for _, name := range slices.Sorted(maps.Keys(data)) {
		if !variableName.MatchString(name) {
			return fmt.Errorf("%q in %s is no name of a variable: use letters, digits and _, with no digit first", name, from)
		}
		vars[name] = model.Hidden(strings.ReplaceAll(string(data[name]), "\n", ""))
	}
	return nil
}
