package demo

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"

	"github.com/fixpoint-cd/fixpoint/examples"
)

// TestSampleObjects: the manifests can be applied, name what the demo serves, and
// hold the apps that something happens to.
func TestSampleObjects(t *testing.T) {
	objects, err := sampleObjects()
	if err != nil {
		t.Fatal(err)
	}
	here, there := split(objects)
	if len(there) == 0 || len(there)+len(here) != len(objects) {
		t.Errorf("%d of %d objects are for the second cluster", len(there), len(objects))
	}
	var served []string
	for _, name := range examples.Samples() {
		served = append(served, mirrorPrefix+name)
	}
	for _, u := range objects {
		if _, known := resources[u.GetKind()]; !known {
			t.Errorf("%s %s is of a kind that the demo cannot apply", u.GetKind(), u.GetName())
		}
		for _, url := range urlsOf(u) {
			if !slices.Contains(served, url) {
				t.Errorf("%s %s follows %s, which is not served", u.GetKind(), u.GetName(), url)
			}
		}
	}
	for _, app := range []place{byHand, suspended, misconfigured} {
		if !slices.Contains(placesOf(objects), app) {
			t.Errorf("there is no %s %s", app.resource.Resource, app.name)
		}
	}
	kinds := map[string]int{}
	for _, p := range placesOf(objects) {
		kinds[p.resource.Resource]++
	}
	if diff := cmp.Diff(map[string]int{"applications": 7, "kustomizations": 2, "helmreleases": 1}, kinds); diff != "" {
		t.Errorf("apps (-want +got):\n%s", diff)
	}
}

// TestSampleProjects: each project that apps name is declared and admits what they name,
// with a description and a role to look at.
func TestSampleProjects(t *testing.T) {
	objects, err := sampleObjects()
	if err != nil {
		t.Fatal(err)
	}
	declared := map[string]*unstructured.Unstructured{}
	for _, u := range objects {
		if u.GetKind() == "AppProject" {
			declared[u.GetName()] = u
		}
	}
	for _, u := range objects {
		name := text(u, "spec", "project")
		if u.GetKind() != "Application" || name == "default" {
			continue
		}
		project := declared[name]
		if project == nil {
			t.Errorf("there is no AppProject %s for %s", name, u.GetName())
			continue
		}
		admitted := urlsOf(project)
		if slices.ContainsFunc(urlsOf(u), func(url string) bool { return !slices.Contains(admitted, url) }) {
			t.Errorf("%s does not admit %v of %s", name, urlsOf(u), u.GetName())
		}
		destination, _, _ := unstructured.NestedMap(u.Object, "spec", "destination")
		destinations, _, _ := unstructured.NestedSlice(project.Object, "spec", "destinations")
		if !slices.ContainsFunc(destinations, func(d any) bool { return cmp.Equal(d, any(destination)) }) {
			t.Errorf("%s does not admit the destination %v of %s", name, destination, u.GetName())
		}
	}
	for name, project := range declared {
		roles, _, _ := unstructured.NestedSlice(project.Object, "spec", "roles")
		if text(project, "spec", "description") == "" || len(roles) == 0 {
			t.Errorf("AppProject %s has no description, or no role", name)
		}
	}
	if len(declared) == 0 {
		t.Error("no AppProject is declared")
	}
}

func text(u *unstructured.Unstructured, path ...string) string {
	out, _, _ := unstructured.NestedString(u.Object, path...)
	return out
}

func urlsOf(u *unstructured.Unstructured) []string {
	var urls []string
	if url, found, _ := unstructured.NestedString(u.Object, "spec", "url"); found {
		urls = append(urls, url)
	}
	if url, found, _ := unstructured.NestedString(u.Object, "spec", "source", "repoURL"); found {
		urls = append(urls, url)
	}
	admitted, _, _ := unstructured.NestedStringSlice(u.Object, "spec", "sourceRepos")
	urls = append(urls, admitted...)
	sources, _, _ := unstructured.NestedSlice(u.Object, "spec", "sources")
	for _, s := range sources {
		source, _ := s.(map[string]any)
		url, _, _ := unstructured.NestedString(source, "repoURL")
		urls = append(urls, url)
	}
	return urls
}

func TestIsWell(t *testing.T) {
	application := func(sync, health string) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{"kind": "Application", "status": map[string]any{
			"sync": map[string]any{"status": sync}, "health": map[string]any{"status": health},
		}}}
	}
	release := func(kind, status string) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{"kind": "HelmRelease", "status": map[string]any{
			"conditions": []any{map[string]any{"type": kind, "status": status}},
		}}}
	}
	for name, c := range map[string]struct {
		u    *unstructured.Unstructured
		want bool
	}{
		"missing":             {nil, false},
		"well":                {application("Synced", "Healthy"), true},
		"drifted":             {application("OutOfSync", "Healthy"), false},
		"degraded":            {application("Synced", "Degraded"), false},
		"ready":               {release("Ready", "True"), true},
		"not ready":           {release("Ready", "False"), false},
		"another condition":   {release("Released", "True"), false},
		"without a condition": {&unstructured.Unstructured{Object: map[string]any{"kind": "HelmRelease"}}, false},
	} {
		if got := isWell(c.u); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestClusterSecret declares a cluster in the form that Argo CD reads.
func TestClusterSecret(t *testing.T) {
	secret, err := clusterSecret("argocd", "staging", &rest.Config{
		Host:            "https://127.0.0.1:1",
		TLSClientConfig: rest.TLSClientConfig{CAData: []byte("ca"), CertData: []byte("cert"), KeyData: []byte("key")},
	})
	if err != nil {
		t.Fatal(err)
	}
	if secret.GetNamespace() != "argocd" || secret.GetLabels()["argocd.argoproj.io/secret-type"] != "cluster" {
		t.Errorf("it is %v", secret.Object)
	}
	data, _, _ := unstructured.NestedStringMap(secret.Object, "stringData")
	if data["name"] != "staging" || data["server"] != "https://127.0.0.1:1" {
		t.Errorf("it declares %s at %s", data["name"], data["server"])
	}
	var config struct{ TLSClientConfig map[string]string }
	if err := json.Unmarshal([]byte(data["config"]), &config); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"caData": "ca", "certData": "cert", "keyData": "key"} {
		if got, err := base64.StdEncoding.DecodeString(config.TLSClientConfig[key]); err != nil || string(got) != want {
			t.Errorf("%s is %q, %v", key, got, err)
		}
	}
}
