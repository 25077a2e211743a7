package render

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// planted stands outside of the source. No outcome may have it.
const planted = "planted-secret"

// sourceBeside is a source on disk with files, and secrets beside it. A file
// whose text begins with "-> " is a symbolic link.
func sourceBeside(t *testing.T, files map[string]string) model.Tree {
	t.Helper()
	dir := t.TempDir()
	outside := map[string]string{
		"secret.yaml":               "{apiVersion: v1, kind: Secret, metadata: {name: " + planted + "}, stringData: {a: " + planted + "}}",
		"secret.env":                "A=" + planted,
		"secret/kustomization.yaml": "resources: [s.yaml]",
		"secret/s.yaml":             "{apiVersion: v1, kind: ConfigMap, metadata: {name: " + planted + "}}",
		"secret/x/Chart.yaml":       "{apiVersion: v2, name: x, version: 1.0.0}",
		"secret/x/templates/a.yaml": "{apiVersion: v1, kind: ConfigMap, metadata: {name: " + planted + "}}",
	}
	write := func(name, text string) {
		t.Helper()
		at := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if to, isLink := strings.CutPrefix(text, "-> "); isLink {
			err = os.Symlink(to, at)
		} else {
			err = os.WriteFile(at, []byte(strings.ReplaceAll(text, "DIR", dir)), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range outside {
		write(name, text)
	}
	for name, text := range files {
		write("repo/"+name, text)
	}
	tree, err := DirTree(filepath.Join(dir, "repo"))
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// refused renders and demands an error of what the user has written, without
// anything of what lies outside.
func refused(t *testing.T, tree model.Tree, spec model.Render) {
	t.Helper()
	out, err := New(Config{}).Render(t.Context(), inputOf(tree, spec))
	if err == nil {
		t.Fatalf("it renders %d objects", len(out.Objects))
	}
	if strings.Contains(err.Error(), planted) {
		t.Errorf("the error holds what is outside: %v", err)
	}
	if !errors.Is(err, model.ErrInvalid) && !errors.Is(err, model.ErrDenied) {
		t.Errorf("the error has no kind that stops trying: %v", err)
	}
}

// leaks are fields of a kustomization that name a file or a directory, at %s.
var leaks = map[string]string{
	"resources":                   "resources: ['%s']",
	"components":                  "resources: [a.yaml]\ncomponents: ['%s']",
	"bases":                       "bases: ['%s']",
	"patches.path":                "resources: [a.yaml]\npatches: [{path: '%s', target: {kind: ConfigMap}}]",
	"patchesStrategicMerge":       "resources: [a.yaml]\npatchesStrategicMerge: ['%s']",
	"patchesJson6902":             "resources: [a.yaml]\npatchesJson6902: [{path: '%s', target: {version: v1, kind: ConfigMap, name: a}}]",
	"configMapGenerator.files":    "configMapGenerator: [{name: x, files: ['k=%s']}]",
	"configMapGenerator.envs":     "configMapGenerator: [{name: x, envs: ['%s']}]",
	"configMapGenerator.env":      "configMapGenerator: [{name: x, env: '%s'}]",
	"secretGenerator.files":       "secretGenerator: [{name: x, files: ['%s']}]",
	"secretGenerator.envs":        "secretGenerator: [{name: x, envs: ['%s']}]",
	"configurations":              "resources: [a.yaml]\nconfigurations: ['%s']",
	"crds":                        "resources: [a.yaml]\ncrds: ['%s']",
	"openapi.path":                "resources: [a.yaml]\nopenapi: {path: '%s'}",
	"replacements.path":           "resources: [a.yaml]\nreplacements: [{path: '%s'}]",
	"generators":                  "generators: ['%s']",
	"transformers":                "resources: [a.yaml]\ntransformers: ['%s']",
	"validators":                  "resources: [a.yaml]\nvalidators: ['%s']",
	"generators, inline":          "generators:\n- |\n  {apiVersion: builtin, kind: ConfigMapGenerator, metadata: {name: x}, files: ['%s']}",
	"transformers, inline":        "resources: [a.yaml]\ntransformers:\n- |\n  {apiVersion: builtin, kind: PatchTransformer, metadata: {name: x}, path: '%s', target: {kind: ConfigMap}}",
	"helmCharts.valuesFile":       "helmCharts: [{name: x, valuesFile: '%s'}]",
	"helmCharts.additionalValues": "helmCharts: [{name: x, additionalValuesFiles: ['%s']}]",
	"helmGlobals.chartHome":       "helmGlobals: {chartHome: '%s'}\nhelmCharts: [{name: x}]",
	"helmCharts.name":             "helmCharts: [{name: '../%s/x'}]",
}

// ways are those that lead out of the source, to a file or a directory.
var ways = map[string]string{
	"up":             "../../secret%s",
	"far up":         "../../../../../../../../secret%s",
	"absolute":       "DIR/secret%s",
	"proc":           "/proc/self/environ",
	"link":           "link%s",
	"link to a link": "chain%s",
	"link in a dir":  "out/secret%s",
	"dots":           "./x/../../../secret%s",
	"file URL":       "file://DIR/secret%s",
	"backslash":      `..\..\secret%s`,
	"encoded":        "%%2e%%2e/%%2e%%2e/secret%s",
}

// TestKustomizationReadsNothingOutside is CVE-2022-24877 and CVE-2018-21034:
// every field that names a file, every way out, with files allowed outside of
// the kustomization's directory and without.
func TestKustomizationReadsNothingOutside(t *testing.T) {
	t.Parallel()
	for field, kustomization := range leaks {
		for name, way := range ways {
			for _, ending := range []string{".yaml", ".env", ""} {
				t.Run(field+"/"+name+"/"+ending, func(t *testing.T) {
					t.Parallel()
					at := way
					if strings.Contains(way, "%s") {
						at = fmt.Sprintf(way, ending)
					}
					tree := sourceBeside(t, map[string]string{
						"app/kustomization.yaml":        fmt.Sprintf(kustomization, at),
						"app/a.yaml":                    configMapA,
						"app/charts/x/Chart.yaml":       "{apiVersion: v2, name: x, version: 1.0.0}",
						"app/charts/x/templates/a.yaml": "{apiVersion: v1, kind: ConfigMap, metadata: {name: '{{ .Values }}'}}",
						"app/link.yaml":                 "-> ../../secret.yaml",
						"app/link.env":                  "-> ../../secret.env",
						"app/link":                      "-> ../../secret",
						"app/chain.yaml":                "-> link.yaml",
						"app/chain.env":                 "-> link.env",
						"app/chain":                     "-> link",
						"app/out":                       "-> ../..",
						"app/x/y":                       "",
					})
					for _, free := range []bool{false, true} {
						refused(t, tree, model.Render{Path: "app", Kustomize: model.Kustomize{Unrestricted: free, EnableHelm: true}})
					}
				})
			}
		}
	}
}

// TestKustomizationEnds is CVE-2022-24878: what refers to itself, in any way.
func TestKustomizationEnds(t *testing.T) {
	t.Parallel()
	for name, files := range map[string]map[string]string{
		"itself":         {"kustomization.yaml": "resources: [.]"},
		"parent":         {"kustomization.yaml": "resources: [a]", "a/kustomization.yaml": "resources: [..]"},
		"cycle":          {"kustomization.yaml": "resources: [a]", "a/kustomization.yaml": "resources: [../b]", "b/kustomization.yaml": "resources: [../a]"},
		"components":     {"kustomization.yaml": "components: [a]", "a/kustomization.yaml": "kind: Component\ncomponents: [../a]"},
		"transformers":   {"kustomization.yaml": "resources: [x.yaml]\ntransformers: [a]", "a/kustomization.yaml": "resources: [../a]", "x.yaml": configMapA},
		"through a link": {"kustomization.yaml": "resources: [a]", "a/kustomization.yaml": "resources: [l]", "a/l": "-> ."},
		"aliases": {"kustomization.yaml": "resources: [x.yaml]", "x.yaml": "a: &a [x, x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a]\n" +
			"c: &c [*b, *b, *b, *b, *b, *b, *b]\nd: &d [*c, *c, *c, *c, *c, *c]\ne: &e [*d, *d, *d, *d, *d]\nf: [*e, *e, *e, *e, *e, *e, *e, *e]\n"},
		"aliases in the kustomization": {"kustomization.yaml": "x: &a [y, y, y, y, y, y, y, y, y, y]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]\n" +
			"c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]\nd: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]\nresources: [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d, *d]\n"},
		"nesting":     {"kustomization.yaml": "resources: [x.yaml]", "x.yaml": "a: " + strings.Repeat("[", 100_000)},
		"definitions": {"kustomization.yaml": "resources: [x.yaml]\ncrds: [d.json]", "x.yaml": configMapA, "d.json": `{"A": {"Schema": {"properties": {"kind": {}, "apiVersion": {}, "metadata": {"$ref": "A"}}}}}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refused(t, sourceBeside(t, files), model.Render{})
		})
	}
}

// TestDirectoryReadsNothingOutside is GHSA-6gcg-hp2x-q54h.
func TestDirectoryReadsNothingOutside(t *testing.T) {
	t.Parallel()
	for name, files := range map[string]map[string]string{
		"file":  {"app/a.yaml": "-> ../../secret.yaml"},
		"chain": {"app/a.yaml": "-> b.txt", "app/b.txt": "-> ../../secret.yaml"},
		"far":   {"app/a.yaml": "-> /etc/passwd"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refused(t, sourceBeside(t, files), model.Render{Path: "app", Directory: model.Directory{Recurse: true}})
		})
	}
	for _, path := range []string{"..", "../secret", "/../secret", "app/../../secret", `..\secret`, "link"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			refused(t, sourceBeside(t, map[string]string{"app/a.yaml": configMapA, "link": "-> ../secret"}), model.Render{Path: path})
		})
	}
}

// TestSettingsAreNoArguments: the peer gives them to a command, which takes a
// value that begins with - for an option. Here they are text.
func TestSettingsAreNoArguments(t *testing.T) {
	t.Parallel()
	tree := newTree(map[string]string{"kustomization.yaml": "resources: [a.yaml]", "a.yaml": configMapA})
	out, err := New(Config{}).Render(t.Context(), inputOf(tree, model.Render{Kustomize: model.Kustomize{
		NamePrefix: "--stack-trace=", NameSuffix: "--help", Labels: map[string]string{"-l": "--load-restrictor=none"},
		Images: []model.Image{{Name: "--enable-alpha-plugins", NewTag: "-x"}},
	}}))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := out.Objects[0].Name, "--stack-trace=a--help"; got != want {
		t.Errorf("the name is %q, want %q", got, want)
	}
	if got, want := out.Objects[0].Labels["-l"], "--load-restrictor=none"; got != want {
		t.Errorf("the label is %q, want %q", got, want)
	}
}
