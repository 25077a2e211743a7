package e2e

import (
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

var networkPolicyKind = schema.GroupVersionKind{Group: "networking.k8s.io", Version: "v1", Kind: "NetworkPolicy"}

func networkPolicy(name string) string {
	return "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: " + name + ", labels: {declared: \"yes\"}}\n" +
		"spec: {podSelector: {}, ingress: [], policyTypes: [Ingress]}\n"
}

// TestSettingsExclusions excludes a kind while an app is deployed: its objects are
// neither applied nor repaired nor pruned, and the app says so. When the exclusion is
// gone they are what the source says.
func TestSettingsExclusions(t *testing.T) {
	e := newEnv(t)
	e.forgetSettings()
	repo := e.repo("excl", map[string]string{
		"a.yaml": networkPolicy("excl-a"), "b.yaml": networkPolicy("excl-b"), "c.yaml": labelled("excl-c", "1"),
	})
	e.apply(application("excl", repo, ".", "excl"))
	e.synced("excl", "")
	if r := resource(e.app("excl"), "NetworkPolicy", "excl-a"); r == nil {
		t.Fatal("it is not listed")
	}

	e.settings(map[string]string{"resource.exclusions": "- apiGroups: [networking.k8s.io]\n  kinds: [NetworkPolicy]\n  clusters: ['*']\n"})
	e.eventually("the app says so", func() error {
		return e.condition(applicationKind, "argocd", "excl", "ExcludedResourceWarning", "", "NetworkPolicy")
	})
	uid := e.get(networkPolicyKind, "excl", "excl-a").GetUID()
	commit := e.push(repo, "less and more", map[string]string{"a.yaml": "", "d.yaml": networkPolicy("excl-d"), "c.yaml": labelled("excl-c", "2")})
	e.edit(networkPolicyKind, "excl", "excl-b", `{"metadata":{"labels":{"declared":"edited"}}}`)
	e.synced("excl", commit)
	e.repaired(configMapKind, "excl", "excl-c")
	e.synced("excl", commit)
	if o := e.get(networkPolicyKind, "excl", "excl-a"); o == nil || o.GetUID() != uid {
		t.Error("what left the source was deleted although its kind is excluded")
	}
	if err := e.field(networkPolicyKind, "excl", "excl-b", "edited", "metadata", "labels", "declared"); err != nil {
		t.Errorf("it was repaired although its kind is excluded: %v", err)
	}
	if err := e.absent(networkPolicyKind, "excl", "excl-d"); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"excl-a", "excl-b", "excl-d"} {
		if r := resource(e.app("excl"), "NetworkPolicy", name); r != nil {
			t.Errorf("an excluded object is listed: %v", r)
		}
	}

	e.settings(map[string]string{})
	e.eventually("what left the source is pruned", func() error { return e.absent(networkPolicyKind, "excl", "excl-a") })
	e.eventually("what came is applied", func() error {
		return e.field(networkPolicyKind, "excl", "excl-d", "yes", "metadata", "labels", "declared")
	})
	e.eventually("what was edited is repaired", func() error {
		return e.field(networkPolicyKind, "excl", "excl-b", "yes", "metadata", "labels", "declared")
	})
	e.synced("excl", commit)
	e.eventually("the warning is gone", func() error {
		if e.condition(applicationKind, "argocd", "excl", "ExcludedResourceWarning", "", "") == nil {
			return errorf("%s", brief(e.app("excl")))
		}
		return nil
	})

	// Only what is included is managed.
	e.settings(map[string]string{"resource.inclusions": "- apiGroups: ['']\n  kinds: [ConfigMap]\n"})
	e.eventually("the app says so", func() error {
		return e.condition(applicationKind, "argocd", "excl", "ExcludedResourceWarning", "", "NetworkPolicy")
	})
	e.synced("excl", commit)
	e.repaired(configMapKind, "excl", "excl-c")
	for _, name := range []string{"excl-b", "excl-d"} {
		if e.get(networkPolicyKind, "excl", name) == nil {
			t.Errorf("%s is gone", name)
		}
	}
}
