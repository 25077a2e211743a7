package argo

import (
	"bytes"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

var update = flag.Bool("update", false, "rewrite what the testdata expects")

// object reads one object from YAML.
func object(t *testing.T, text []byte) *unstructured.Unstructured {
	t.Helper()
	obj := &unstructured.Unstructured{}
	data, err := yaml.YAMLToJSON(text)
	if err == nil {
		err = obj.UnmarshalJSON(data)
	}
	if err != nil {
		t.Fatalf("reading object: %v", err)
	}
	return obj
}

// settings reads Secrets and ConfigMaps from YAML documents. Secrets are written
// with stringData, as users do.
func settings(t *testing.T, text []byte) (*Settings, []error) {
	t.Helper()
	var secrets []corev1.Secret
	var configs []corev1.ConfigMap
	for doc := range bytes.SplitSeq(text, []byte("\n---\n")) {
		var s corev1.Secret
		var c corev1.ConfigMap
		if err := yaml.Unmarshal(doc, &c); err == nil && c.Kind == "ConfigMap" {
			configs = append(configs, c)
		} else if err := yaml.Unmarshal(doc, &s); err != nil {
			t.Fatalf("reading settings: %v", err)
		} else if s.Kind == "Secret" {
			s.Data = map[string][]byte{}
			for k, v := range s.StringData {
				s.Data[k] = []byte(v)
			}
			secrets = append(secrets, s)
		}
	}
	return ReadSettings(secrets, configs)
}

// check compares the sections of an archive with what they should hold, or
// rewrites them with -update.
func check(t *testing.T, file string, archive *txtar.Archive, got map[string]string) {
	t.Helper()
	for i := range archive.Files {
		f := &archive.Files[i]
		text, ok := got[f.Name]
		if !ok {
			continue
		}
		if diff := cmp.Diff(string(f.Data), text); diff != "" && !*update {
			t.Errorf("%s (-want +got):\n%s", f.Name, diff)
		}
		f.Data = []byte(text)
		delete(got, f.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if !*update {
			t.Errorf("no section %q in %s", name, file)
		}
		archive.Files = append(archive.Files, txtar.File{Name: name, Data: []byte(got[name])})
	}
	if *update {
		if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func archives(t *testing.T, pattern string, run func(t *testing.T, file string, a *txtar.Archive)) {
	files, err := filepath.Glob(filepath.Join("testdata", pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("no testdata for %s: %v", pattern, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			run(t, file, a)
		})
	}
}

func section(a *txtar.Archive, name string) []byte {
	for _, f := range a.Files {
		if f.Name == name {
			return f.Data
		}
	}
	return nil
}

func TestAdapt(t *testing.T) {
	archives(t, "adapt-*.txtar", func(t *testing.T, file string, a *txtar.Archive) {
		s, bad := settings(t, section(a, "settings.yaml"))
		app, sources := Adapt(object(t, section(a, "in.yaml")), Env{Namespace: "argocd", Settings: s})
		var warnings strings.Builder
		for _, err := range bad {
			warnings.WriteString("settings: " + err.Error() + "\n")
		}
		for _, w := range app.Warnings {
			warnings.WriteString(string(w.Type) + ": " + w.Message + "\n")
		}
		app.Warnings = nil
		if !strings.HasSuffix(file, "-defaults.txtar") {
			withoutPresets(&app)
		}
		for i := range app.Sources {
			// Every app has them; one case shows them.
			if r := &app.Sources[i].Render; !strings.HasSuffix(file, "-env.txtar") {
				r.Env, r.RevisionEnv = nil, nil
			}
		}
		check(t, file, a, map[string]string{
			"model":    dump(app) + "\n" + dump(sources),
			"warnings": warnings.String(),
		})
	})
}

// withoutPresets takes out what every app has that says nothing else; one case
// shows it.
func withoutPresets(app *model.App) {
	preset, _ := Adapt(&unstructured.Unstructured{Object: map[string]any{}}, Env{})
	if slices.Equal(app.Compare.Marks, preset.Compare.Marks) {
		app.Compare.Marks = nil
	}
	if slices.Equal(app.Sync.Migrate, preset.Sync.Migrate) {
		app.Sync.Migrate = nil
	}
	if app.History == preset.History {
		app.History = 0
	}
}

// minimal is the smallest valid Application with the lines in its spec.
func minimal(t *testing.T, lines string) *unstructured.Unstructured {
	t.Helper()
	u := object(t, []byte("apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: a, namespace: argocd}\nspec: {}\n"))
	spec := map[string]any{
		"source":      map[string]any{"repoURL": "https://git.example/r.git", "path": "p"},
		"destination": map[string]any{"name": "in-cluster"},
		"project":     "default",
	}
	var more map[string]any
	if err := yaml.Unmarshal([]byte(lines), &more); err != nil {
		t.Fatal(err)
	}
	maps.Copy(spec, more)
	u.Object["spec"] = spec
	return u
}

func TestSpecDigest(t *testing.T) {
	digest := func(lines string) model.Digest {
		app, _ := Adapt(minimal(t, lines), Env{})
		return app.Spec
	}
	base := digest("")
	if base.IsZero() {
		t.Fatal("no digest")
	}
	for name, tc := range map[string]struct {
		reason, lines string
		same          bool
	}{
		"equal":       {"equal specs are one", "", true},
		"policy":      {"a change of the policy makes no new sync worth trying", "syncPolicy: {automated: {}}", true},
		"path":        {"another path does", "source: {repoURL: https://git.example/r.git, path: q}", false},
		"destination": {"another destination does", "destination: {name: in-cluster, namespace: n}", false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := digest(tc.lines) == base; got != tc.same {
				t.Errorf("%s: same digest: %v", tc.reason, got)
			}
		})
	}
}

func TestSourceChoices(t *testing.T) {
	for revision, want := range map[string]model.Ref{
		"":             {},
		"main":         {Any: "main"},
		"HEAD":         {Any: "HEAD"},
		"v1.2.3":       {Any: "v1.2.3"},
		"1.2":          {Any: "1.2"},
		"release-1.x":  {Any: "release-1.x"},
		"deadbeef":     {Any: "deadbeef"},
		"1.2.*":        {SemVer: "1.2.*"},
		"^2.0.0":       {SemVer: "^2.0.0"},
		">=1.0 <2.0":   {SemVer: ">=1.0 <2.0"},
		"*":            {SemVer: "*"},
		"feature/10-x": {Any: "feature/10-x"},
	} {
		if got := refOf(revision, model.SourceGit); got != want {
			t.Errorf("refOf(%q) = %+v, want %+v", revision, got, want)
		}
	}
}

func TestImageOf(t *testing.T) {
	for text, want := range map[string]model.Image{
		"nginx":                        {Name: "nginx"},
		"nginx:1.2":                    {Name: "nginx", NewTag: "1.2"},
		"nginx=reg:5000/n":             {Name: "nginx", NewName: "reg:5000/n"},
		"nginx=reg:5000/n:1.2":         {Name: "nginx", NewName: "reg:5000/n", NewTag: "1.2"},
		"nginx@sha256:ab":              {Name: "nginx", Digest: "sha256:ab"},
		"a=b/c@sha256:ab":              {Name: "a", NewName: "b/c", Digest: "sha256:ab"},
		"reg:5000/nginx:1.2@sha256:ab": {Name: "reg:5000/nginx", NewTag: "1.2", Digest: "sha256:ab"},
	} {
		got, err := imageOf(text)
		if err != nil || got != want {
			t.Errorf("imageOf(%q) = %+v, %v, want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "=a", "a=", ":1", "a@"} {
		if got, err := imageOf(text); err == nil {
			t.Errorf("imageOf(%q) = %+v, want an error", text, got)
		}
	}
}
