package argo

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// elsewhere are names that users of Argo CD know, and that nothing here reads:
// the manual says of each what that means.
var elsewhere = []string{
	"argocd.argoproj.io/hydrate", "argocd.argoproj.io/manifest-generate-paths", "argocd.argoproj.io/managed-by-url",
	"argocd.argoproj.io/ignore-default-links", "link.argocd.argoproj.io/", "notifications.argoproj.io/",
	"argocd.argoproj.io/ignore-resource-updates", "argocd.argoproj.io/refresh",
	"shard", "namespaces", "clusterResources",
	"timeout.reconciliation.jitter", "resource.ignoreResourceUpdatesEnabled", "resource.sensitive.mask.annotations",
	"resource.customLabels", "resource.includeEventLabelKeys", "resource.excludeEventLabelKeys", "resource.respectRBAC",
	"application.sync.impersonation.enforced", "application.sync.requireOverridePrivilegeForRevisionSync",
	"application.allowedNodeLabels", "application.namespaces", "globalProjects", "webhook.refresh.jitter",
	"sourceHydrator.", "commit.author.", "kustomize.path.", "kustomize.version.",
	"url", "additionalUrls", "dex.config", "oidc.", "accounts.", "admin.enabled", "users.", "passwordPattern",
	"exec.", "server.", "statusbadge.", "ui.", "help.", "ga.", "extension.config",
	"application.links", "project.links", "resource.links",
}

// said are the forms in which the package's code names annotations, finalizers and
// keys of Argo CD's ConfigMaps.
var said = regexp.MustCompile(`^((argocd\.argoproj\.io|helm\.sh|fixpoint-cd\.github\.io)/[a-z-]+|` +
	`[a-z-]+-finalizer\.argocd\.argoproj\.io|` +
	`(resource|application|timeout|controller|cluster|reposerver|webhook|helm|kustomize)\.[a-zA-Z.]+|installationID)$`)

// TestManualNames keeps docs/argo-cd.md complete: it has every annotation,
// finalizer, key and sync option that the code knows, and those of Argo CD that it
// does not need.
func TestManualNames(t *testing.T) {
	text, err := os.ReadFile("../../../docs/argo-cd.md")
	if err != nil {
		t.Fatal(err)
	}
	names := append(literals(t), elsewhere...)
	for _, o := range options {
		names = append(names, o.text)
	}
	for value := range compareOptions {
		if value != optionDropWebhooks { // the default
			names = append(names, value)
		}
	}
	for what := range mapNames {
		names = append(names, what)
	}
	for _, phase := range model.AllPhases {
		names = append(names, "`"+string(phase)+"`")
	}
	for hook := range helmPhases {
		names = append(names, "`"+hook+"`")
	}
	for policy := range hookPolicies {
		names = append(names, "`"+policy+"`")
	}
	for policy := range helmHookPolicies {
		names = append(names, "`"+policy+"`")
	}
	for _, name := range names {
		if !strings.Contains(string(text), name) {
			t.Errorf("docs/argo-cd.md does not say what is done with %s", name)
		}
	}
}

// literals are the names in the package's code.
func literals(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			lit, ok := n.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				return true
			}
			if text, err := strconv.Unquote(lit.Value); err == nil && said.MatchString(text) {
				out = append(out, text)
			}
			return true
		})
	}
	if len(out) < 30 {
		t.Fatalf("only %d names found: %v", len(out), out)
	}
	return out
}
