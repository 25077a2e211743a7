package backend

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

func TestBareRevision(t *testing.T) {
	commit := "0123456789012345678901234567890123456789"
	for in, want := range map[string]string{
		"main@sha1:" + commit: commit, "sha1:" + commit: commit, commit: commit, "1.2.3": "1.2.3", "": "",
		"v1@sha256:abc": "sha256:abc", "sha256:abc": "sha256:abc",
	} {
		if got := bareRevision(in); got != want {
			t.Errorf("bareRevision(%q) = %q, not %q", in, got, want)
		}
	}
}

func TestSourceOf(t *testing.T) {
	for name, tt := range map[string]struct {
		in   map[string]any
		want view.Source
	}{
		"git": {
			map[string]any{"repoURL": "https://u:p@git.example/a.git", "path": "x"},
			view.Source{Kind: model.SourceGit, URL: "https://git.example/a.git", Web: "https://git.example/a", Path: "x", Target: "HEAD"},
		},
		"chart": {
			map[string]any{"repoURL": "https://charts.example", "chart": "web", "targetRevision": "1.x"},
			view.Source{Kind: model.SourceHelm, URL: "https://charts.example", Chart: "web", Target: "1.x"},
		},
		"chart in a registry": {
			map[string]any{"repoURL": "registry.example/charts", "chart": "web", "targetRevision": "1.2.3"},
			view.Source{Kind: model.SourceOCI, URL: "registry.example/charts", Chart: "web", Target: "1.2.3"},
		},
	} {
		if diff := cmp.Diff(tt.want, sourceOf(tt.in)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestWorthTelling(t *testing.T) {
	for _, tt := range []struct {
		before, now model.HealthStatus
		want        bool
	}{
		{model.Healthy, model.Progressing, false}, // every sync goes through it
		{model.Progressing, model.Healthy, false},
		{model.Healthy, model.Degraded, true},
		{model.Progressing, model.Degraded, true},
		{model.Degraded, model.Healthy, true},
		{model.Degraded, model.Progressing, true},
		{model.Healthy, model.Missing, true},
	} {
		if got := worthTelling(tt.before, tt.now); got != tt.want {
			t.Errorf("from %s to %s: %v, not %v", tt.before, tt.now, got, tt.want)
		}
	}
}

// TestNoCredentialsInDeclarations: what is shown of a declaration has no password of a
// repository's URL, wherever it stands.
func TestNoCredentialsInDeclarations(t *testing.T) {
	obj := &unstructured.Unstructured{Object: map[string]any{
		"metadata": map[string]any{"annotations": map[string]any{"kubectl.kubernetes.io/last-applied-configuration": "PLANTED"}},
		"spec":     map[string]any{"sources": []any{map[string]any{"repoURL": "https://u:PLANTED@git.example/a"}}},
		"status":   map[string]any{"history": []any{map[string]any{"source": map[string]any{"repoURL": "https://PLANTED@git.example/a"}}}},
	}}
	declared, raw := declarationOf(obj)
	for _, shown := range []map[string]any{declared, raw} {
		if text := fmt.Sprint(shown); strings.Contains(text, "PLANTED") || !strings.Contains(text, "git.example/a") {
			t.Errorf("shown is %s", text)
		}
	}
}
