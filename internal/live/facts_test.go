package live

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"github.com/fixpoint-cd/fixpoint/internal/health"
)

var update = flag.Bool("update", false, "rewrite what the cases in testdata expect")

// TestFacts shows what a tree says of objects: testdata/facts.txtar has pairs of an
// object and its text.
func TestFacts(t *testing.T) {
	const name = "testdata/facts.txtar"
	cases, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	c := &Cluster{cfg: Config{Health: health.Of}.withDefaults()}
	for n := 0; n+1 < len(cases.Files); n += 2 {
		in, want := cases.Files[n], &cases.Files[n+1]
		t.Run(in.Name, func(t *testing.T) {
			got := describe(t, c, in.Data)
			if *update {
				want.Data = []byte(got)
			}
			if diff := cmp.Diff(string(want.Data), got); diff != "" {
				t.Error(diff)
			}
		})
	}
	if *update {
		if err := os.WriteFile(name, txtar.Format(cases), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func describe(t *testing.T, c *Cluster, text []byte) string {
	t.Helper()
	var content map[string]any
	if err := yaml.Unmarshal(text, &content); err != nil {
		t.Fatal(err)
	}
	o := object(content)
	gv, _ := schema.ParseGroupVersion(o.text("apiVersion"))
	i := c.trim(place{GroupVersionKind: gv.WithKind(o.text("kind"))}, content)
	var out strings.Builder
	line := func(name string, value any) {
		if s := fmt.Sprint(value); s != "" && s != "[]" {
			fmt.Fprintf(&out, "%s: %s\n", name, s)
		}
	}
	line("health", i.node.Health)
	line("message", i.node.Message)
	line("info", strings.Join(i.node.Info, " | "))
	line("images", i.node.Images)
	line("links", i.node.Links)
	line("owners", i.owners)
	line("claims", i.claims)
	if i.pod != nil {
		line("containers", i.pod.view.Containers)
		line("preferred", i.pod.preferred)
		line("started", i.pod.started)
		line("over", i.pod.over)
	}
	return out.String()
}
