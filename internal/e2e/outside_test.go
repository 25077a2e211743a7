package e2e

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/gitserver"
)

// TestValueFilesOutside names, in every way, a file of this machine as the values
// of a chart (GHSA-63qx-x74g-jcr7, GHSA-q4w5-4gq2-98vm). The file is really there.
// None of it is in an object or an error.
func TestValueFilesOutside(t *testing.T) {
	e := newEnv(t)
	const planted = "planted-outside-Nq6w"
	dir := t.TempDir()
	outside := filepath.Join(dir, "secret.yaml")
	if err := os.WriteFile(outside, []byte("color: "+planted+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	up := strings.Repeat("../", 40)
	files := below("charts/web", webChart("0.1.0"))
	files["charts/web/templates/file.yaml"] = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: files}\ndata: {a: {{ .Files.Get \"" + up + outside[1:] + "\" | quote }}}\n"
	repo := e.repo("outside", files)
	e.entries(repo,
		gitserver.Entry{Path: "v/link.yaml", Mode: gitserver.ModeLink, Data: outside},
		gitserver.Entry{Path: "v/far", Mode: gitserver.ModeLink, Data: up + dir[1:]},
		gitserver.Entry{Path: "v/envs/a.yaml", Data: "size: large\n"},
		gitserver.Entry{Path: "v/envs/b.yaml", Mode: gitserver.ModeLink, Data: "../link.yaml"},
		gitserver.Entry{Path: "charts/linked/Chart.yaml", Data: "apiVersion: v2\nname: linked\nversion: 0.1.0\n"},
		gitserver.Entry{Path: "charts/linked/templates/a.yaml", Mode: gitserver.ModeLink, Data: outside})
	ways := map[string]string{
		"absolute": outside, "up": up + outside[1:], "rooted": "/" + up + outside[1:], "encoded": strings.ReplaceAll(url.PathEscape(up+outside[1:]), ".", "%2e"),
		"url": "file://" + outside, "variable": "$ARGOCD_APP_SOURCE_PATH/" + up + outside[1:], "braces": "${ARGOCD_APP_NAME}/" + up + outside[1:],
		"home": "$HOME/" + up + outside[1:], "ref": "$values/" + up + outside[1:], "link": "../../v/link.yaml", "directory": "../../v/far/secret.yaml", "glob": "../../v/envs/*.yaml",
		"metadata": "http://169.254.169.254/latest/meta-data", "machine": "https://localhost:1/secret.yaml",
	}
	for name, way := range ways {
		for _, param := range []bool{false, true} {
			app, helm := "outside-"+name, fmt.Sprintf("valueFiles: [%q]", way)
			if param {
				app, helm = app+"-param", fmt.Sprintf("fileParameters: [{name: color, path: %q}]", way)
			}
			e.apply(helmApplication(app, "  source: {repoURL: "+org+repo+", path: charts/web, helm: {"+helm+"}}"))
		}
	}
	for name := range ways {
		for _, app := range []string{"outside-" + name, "outside-" + name + "-param"} {
			e.eventually(app+" is refused", func() error {
				return e.condition(applicationKind, "argocd", app, "ComparisonError", "", "")
			})
		}
	}
	e.apply(helmApplication("outside-link", "  source: {repoURL: "+org+repo+", path: charts/linked}"))
	e.eventually("a chart with a link out is refused", func() error {
		return e.condition(applicationKind, "argocd", "outside-link", "ComparisonError", "", "link")
	})
	e.apply(helmApplication("outside-none", "  source: {repoURL: "+org+repo+", path: charts/web, helm: {valueFiles: [../../v/envs/a.yaml]}}"))
	e.synced("outside-none", "")
	e.holds("outside-none", "files", "a", "")
	e.hides(planted)
}
