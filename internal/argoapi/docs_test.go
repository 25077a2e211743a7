package argoapi

import (
	"os"
	"strings"
	"testing"
)

// TestDocs: docs/argo-cd-api.md names every address, whether it is answered or not.
func TestDocs(t *testing.T) {
	page, err := os.ReadFile("../../docs/argo-cd-api.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range answered() {
		if want := "`" + r.method + " " + r.path + "`"; !strings.Contains(string(page), want) {
			t.Errorf("%s is not there", want)
		}
	}
	for _, r := range refused() {
		path := strings.ReplaceAll(r.path, one+"/revisions/{revision}/ocimetadata", "…/ocimetadata")
		path = strings.TrimPrefix(path, "/api/v1/projects/{project}")
		if path != "" && !strings.Contains(string(page), path) {
			t.Errorf("%s is not there", path)
		}
	}
}
