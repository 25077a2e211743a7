package demo

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "rewrite the expectations in testdata")

const partLines = "lines"

// TestNarrate tells what is seen. Each file of a case is what a watch delivers,
// named "MILLISECONDS RESOURCE NAMESPACE/NAME"; an empty one is a deletion. The
// name "MILLISECONDS push COMMIT" is a push.
func TestNarrate(t *testing.T) {
	cases, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, name := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			in, want := &txtar.Archive{Comment: archive.Comment}, ""
			for _, f := range archive.Files {
				if f.Name == partLines {
					want = string(f.Data)
				} else {
					in.Files = append(in.Files, f)
				}
			}
			got := narrated(t, in.Files)
			if *update {
				in.Files = append(in.Files, txtar.File{Name: partLines, Data: []byte(got)})
				if err := os.WriteFile(name, txtar.Format(in), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("lines (-want +got):\n%s", diff)
			}
		})
	}
}

var watched = map[string]schema.GroupVersionResource{
	"applications": applications, "kustomizations": kustomizations, "gitrepositories": repositories,
	"deployments": deployments, "services": services, "configmaps": configMaps, "serviceaccounts": accounts,
}

func narrated(t *testing.T, files []txtar.File) string {
	t.Helper()
	n := newNarrator(ownCluster.followers())
	began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	known := map[place]*unstructured.Unstructured{}
	var out strings.Builder
	for _, f := range files {
		parts := strings.Fields(f.Name)
		ms, err := strconv.Atoi(parts[0])
		if err != nil || len(parts) != 3 {
			t.Fatalf("%q is no step", f.Name)
		}
		at := began.Add(time.Duration(ms) * time.Millisecond)
		if parts[1] == "push" {
			n.pushed(parts[2], at)
			continue
		}
		namespace, name, _ := strings.Cut(parts[2], "/")
		where := place{watched[parts[1]], namespace, name}
		var after *unstructured.Unstructured
		if len(f.Data) > 0 {
			after = &unstructured.Unstructured{}
			if err := yaml.UnmarshalStrict(f.Data, &after.Object); err != nil {
				t.Fatal(err)
			}
		}
		about, lines := n.see(at, where, known[where], after)
		known[where] = after
		for _, line := range lines {
			fmt.Fprintf(&out, "%d %s: %s\n", ms, about, line)
		}
	}
	return out.String()
}
