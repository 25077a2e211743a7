package compare

import (
	"context"
	"encoding/base64"
	"slices"

	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// lastApplied is where client-side applies keep what they applied.
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// serverSet are fields of metadata that nobody declares.
var serverSet = []string{
	"managedFields", "resourceVersion", "generation", "uid", "selfLink",
	"creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds",
}

// strip takes out of an object what never counts.
func (d Differ) strip(obj map[string]any) {
	delete(obj, "status")
	if meta, ok := obj["metadata"].(map[string]any); ok {
		for _, k := range serverSet {
			delete(meta, k)
		}
		drop(meta, "labels", d.Labels)
		drop(meta, "annotations", append([]string{lastApplied}, d.Annotations...))
	}
	if aggregates(obj) {
		delete(obj, "rules")
	}
	encodeSecret(obj)
}

// drop takes names out of a map in meta, and the map if nothing else is in it.
func drop(meta map[string]any, field string, names []string) {
	m, ok := meta[field].(map[string]any)
	if !ok {
		return
	}
	for _, n := range names {
		delete(m, n)
	}
	if len(m) == 0 {
		delete(meta, field)
	}
}

// aggregates reports whether a ClusterRole has its rules from others.
func aggregates(obj map[string]any) bool {
	apiVersion, _ := obj["apiVersion"].(string)
	return obj["kind"] == "ClusterRole" && len(apiVersion) > 0 && obj["aggregationRule"] != nil
}

// encodeSecret moves a Secret's stringData to its data, as the API server does.
func encodeSecret(obj map[string]any) {
	plain, ok := obj["stringData"].(map[string]any)
	if obj["kind"] != "Secret" || obj["apiVersion"] != "v1" || !ok {
		return
	}
	data, ok := obj["data"].(map[string]any)
	if !ok {
		data = map[string]any{}
		obj["data"] = data
	}
	for k, v := range plain {
		data[k] = base64.StdEncoding.EncodeToString([]byte(written(v)))
	}
	delete(obj, "stringData")
}

func (d Differ) ignoredManager(e entry) bool { return slices.Contains(d.Rules.managers, e.manager) }

// ignored are the places of obj that pointers and jq lead to, a list for each
// expression.
func (d Differ) ignored(ctx context.Context, obj map[string]any) ([][]place, error) {
	var out [][]place
	for _, pointer := range d.Rules.pointers {
		if p, ok := ofPointer(obj, pointer); ok {
			out = append(out, []place{p})
		} else {
			out = append(out, nil)
		}
	}
	for _, expr := range d.Rules.jq {
		if d.Paths == nil {
			return nil, model.Invalidf("jq expression %q of ignoreDifferences: jq is not available here", expr)
		}
		found, err := d.Paths(ctx, []string{expr}, obj)
		if err != nil {
			return nil, err
		}
		var list []place
		for _, steps := range found {
			list = append(list, ofSteps(obj, steps)...)
		}
		out = append(out, list)
	}
	return out, nil
}

// cutsOf are what is to be taken out of obj to remove what a set owns, without
// what another set has. Keys of elements go with the element alone.
func cutsOf(obj any, set, but *fieldpath.Set) []cut {
	var out []cut
	note := func(p place, keys []string) {
		if but != nil && (covers(but, p) || touches(but, p)) {
			return
		}
		if found, ok := positions(obj, p); ok {
			out = append(out, cut{found, keys})
		}
	}
	set.Leaves().Iterate(func(p fieldpath.Path) {
		if !isKey(p) {
			note(p.Copy(), nil)
		}
	})
	set.Iterate(func(p fieldpath.Path) {
		step := p[len(p)-1]
		if step.Key == nil || descend(set, p) == nil {
			return
		}
		names := []string{}
		for _, f := range *step.Key {
			names = append(names, f.Name)
		}
		note(p.Copy(), names)
	})
	return out
}

// isKey reports whether a place is a key of an element.
func isKey(p place) bool {
	if len(p) < 2 || p[len(p)-1].FieldName == nil || p[len(p)-2].Key == nil {
		return false
	}
	for _, f := range *p[len(p)-2].Key {
		if f.Name == *p[len(p)-1].FieldName {
			return true
		}
	}
	return false
}
