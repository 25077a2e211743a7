package compare

import (
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// TestRulesDigest: a digest tells rules apart that may come to another result, and no
// others.
func TestRulesDigest(t *testing.T) {
	key := model.ObjectKey{Group: "apps", Kind: "Deployment", Namespace: "a", Name: "b"}
	of := func(c model.Comparison) model.Digest { return For(c, key).Digest() }
	ignoring := func(f model.IgnoredFields) model.Comparison {
		f.Group, f.Kind = "*", "*"
		return model.Comparison{Ignore: []model.IgnoredFields{f}}
	}
	none, pointer := model.Comparison{}, ignoring(model.IgnoredFields{Pointers: []string{"/spec/replicas"}})
	other := pointer
	other.Ignore = append([]model.IgnoredFields{{Group: "batch", Kind: "Job", JQ: []string{".spec"}}}, other.Ignore...)
	respect := pointer
	respect.Respect = true
	for name, same := range map[string][2]model.Comparison{
		"nothing for this object": {none, {Ignore: []model.IgnoredFields{{Group: "batch", Kind: "Job", JQ: []string{".spec"}}}}},
		"also for another object": {pointer, other},
		"how it is written":       {pointer, respect},
		"types of another kind":   {none, {KnownTypes: map[string]map[string]string{"x_Y": {"spec": "core/Quantity"}}}},
	} {
		if of(same[0]) != of(same[1]) {
			t.Errorf("%s: the digests differ", name)
		}
	}
	if of(none) != (model.Digest{}) {
		t.Error("no rules have a digest")
	}
	seen := map[model.Digest]string{}
	for name, c := range map[string]model.Comparison{
		"nothing": none, "pointer": pointer, "jq": ignoring(model.IgnoredFields{JQ: []string{"/spec/replicas"}}),
		"manager": ignoring(model.IgnoredFields{Managers: []string{"/spec/replicas"}}), "webhooks": {KeepWebhooks: true},
		"types":       {KnownTypes: map[string]map[string]string{"apps_Deployment": {"spec.x": "core/Quantity"}}},
		"other types": {KnownTypes: map[string]map[string]string{"apps_Deployment": {"spec.x": "meta/v1/Duration"}}},
	} {
		if before, twice := seen[of(c)]; twice {
			t.Errorf("%s has the digest of %s", name, before)
		}
		seen[of(c)] = name
	}
}
