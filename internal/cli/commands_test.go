package cli

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
	"sigs.k8s.io/yaml"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

var update = flag.Bool("update", false, "rewrite what the files of testdata expect")

// golden runs run for each file of a folder and compares what it returns with the
// section "want".
func golden(t *testing.T, folder string, run func(t *testing.T, comment string, files map[string][]byte) string) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("testdata", folder, "*.txtar"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no cases in testdata/%s: %v", folder, err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			files := map[string][]byte{}
			for _, f := range archive.Files {
				files[f.Name] = f.Data
			}
			got := run(t, string(archive.Comment), files)
			if *update {
				archive.Files = slices.DeleteFunc(archive.Files, func(f txtar.File) bool { return f.Name == "want" })
				archive.Files = append(archive.Files, txtar.File{Name: "want", Data: []byte(got)})
				if err := os.WriteFile(name, txtar.Format(archive), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(files["want"]), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestCommands runs commands against a stand-in of the API server. The comment of
// a case ends with the command line, one a line; objects.yaml is what there is,
// controller.yaml what a controller does, stdin what is typed.
func TestCommands(t *testing.T) {
	t.Parallel()
	golden(t, "commands", func(t *testing.T, comment string, files map[string][]byte) string {
		s := &standin{t: t, objects: yamlDocuments(t, files["objects.yaml"]), steps: yamlDocuments(t, files["controller.yaml"])}
		if strings.Contains(comment, "# conflict") {
			s.conflicts = 1
		}
		kubeconfig := s.start()
		var out strings.Builder
		for line := range strings.Lines(comment) {
			words, ok := strings.CutPrefix(line, "fixpoint ")
			if !ok {
				continue
			}
			var stdout, stderr bytes.Buffer
			cmd := New(Deps{In: bytes.NewReader(files["stdin"]), Out: &stdout, Err: &stderr, Actions: someActions, Act: actText})
			cmd.SetArgs(append(strings.Fields(words), "--kubeconfig", kubeconfig))
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
			code := Exit(&stderr, cmd.ExecuteContext(ctx))
			cancel()
			fmt.Fprintf(&out, "$ fixpoint %s%s%s[exit %d]\n", words, &stdout, &stderr, code)
		}
		state := map[string]any{"annotations": mapOf(s.objects[0]["metadata"])["annotations"]}
		for name, from := range map[string]map[string]any{"operation": s.objects[0], "operationState": mapOf(s.objects[0]["status"])} {
			state[name] = from[name]
		}
		for name, value := range map[string]any{
			"automated": mapOf(mapOf(s.objects[0]["spec"])["syncPolicy"])["automated"], "finalizers": mapOf(s.objects[0]["metadata"])["finalizers"],
		} {
			if strings.Contains(comment, name) {
				state[name] = value
			}
		}
		text, err := yaml.Marshal(state)
		if err != nil {
			t.Fatal(err)
		}
		return tokens.ReplaceAllString(out.String()+"\n"+string(text), "value: TOKEN")
	})
}

// tokens are what requests are recognised by.
var tokens = regexp.MustCompile(`value: "\d{4}-\d\d-\d\dT.*Z"`)

// someActions are the actions of every object but ConfigMaps.
func someActions(_ context.Context, flags ActionFlags) ([]ObjectAction, error) {
	var out []ObjectAction
	for _, on := range flags.On {
		if on.Kind == "ConfigMap" {
			continue
		}
		out = append(out, ObjectAction{On: on, Name: "pause", Disabled: true, Why: "it is paused"},
			ObjectAction{On: on, Name: "restart", Title: "Restart", Help: "starts all pods anew", Danger: true},
			ObjectAction{On: on, Name: "scale", Help: "sets the replicas", Params: []ActionParam{
				{Name: "replicas", Default: "1", Required: true}, {Name: "why", Help: "for the record"}}})
	}
	return out, nil
}

// actText says what it was told to do. It fails half way without replicas.
func actText(_ context.Context, flags ActionFlags, name string, params map[string]string) ([]string, error) {
	if name == "scale" && params["replicas"] == "" {
		return []string{"patched one"}, model.Invalidf("replicas is missing: give --param replicas=N")
	}
	return []string{fmt.Sprintf("%s of %v in %s with %v", name, flags.On[0].ObjectKey, flags.Object.GetName(), params)}, nil
}

// TestDescribe shows what 'fixpoint get' prints of one Application.
func TestDescribe(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	golden(t, "describe", func(t *testing.T, _ string, files map[string][]byte) string {
		var out bytes.Buffer
		app := itemOf(t, application, string(files["app.yaml"]))
		if err := describe(&out, app, now); err != nil {
			t.Fatal(err)
		}
		out.WriteString("\n# history\n")
		spec, err := app.decoded()
		if err != nil {
			t.Fatal(err)
		}
		historyTable(spec.Status.History, now).print(&out)
		return out.String()
	})
}
