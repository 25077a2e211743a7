package plugin

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/google/go-cmp/cmp"
)

func finder(name string, d Discover) Plugin {
	return Plugin{Name: name, Discover: d, Generate: []string{"echo", name}}
}

func TestChoose(t *testing.T) {
	files := map[string]string{"app/sub/Chart.yaml": "x", "app/main.tf": "y", "app/.hidden/f": "z", "other/only": "o"}
	for name, tt := range map[string]struct {
		discover Discover
		want     bool
	}{
		"file":               {Discover{FileName: "main.tf"}, true},
		"file, dotted":       {Discover{FileName: "./main.tf"}, true},
		"pattern":            {Discover{FileName: "*.tf"}, true},
		"in a directory":     {Discover{FileName: "./sub/Ch*.yaml"}, true},
		"star is one name":   {Discover{FileName: "*.yaml"}, false},
		"no double stars":    {Discover{FileName: "**/Chart.yaml"}, true}, // * twice, one directory
		"other directory":    {Discover{FileName: "only"}, false},
		"leads out":          {Discover{FileName: "../other/only"}, false},
		"glob":               {Discover{Glob: "**/Chart.yaml"}, true},
		"glob, at the top":   {Discover{Glob: "**/main.tf"}, true},
		"glob, hidden":       {Discover{Glob: "**/f"}, true},
		"glob, not there":    {Discover{Glob: "**/nothing"}, false},
		"command":            {Discover{Command: []string{"sh", "-c", "find . -name main.tf"}}, true},
		"command, silent":    {Discover{Command: []string{"sh", "-c", "find . -name nothing"}}, false},
		"command, fails":     {Discover{Command: []string{"sh", "-c", "echo yes; exit 1"}}, false},
		"file before glob":   {Discover{FileName: "nothing", Glob: "**/main.tf"}, false},
		"glob before others": {Discover{Glob: "**/nothing", Command: []string{"echo", "yes"}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRunner(t, finder("never", Discover{FileName: "nothing"}), finder("it", tt.discover), finder("unset", Discover{}))
			in := model.RenderInput{Tree: newTree(files), Render: model.Render{Path: "./app"}}
			got, err := r.Choose(context.Background(), in)
			if err != nil {
				t.Fatal(err)
			}
			if chosen := got.Tool == model.ToolPlugin && got.Plugin.Name == "it"; chosen != tt.want || !tt.want && got.Tool != "" {
				t.Errorf("chosen %q %q, want the plugin: %t", got.Tool, got.Plugin.Name, tt.want)
			}
			assertEmpty(t, r.Dir)
		})
	}
}

func TestChooseLeavesAlone(t *testing.T) {
	r := newRunner(t, finder("it", Discover{Glob: "**"}))
	for name, spec := range map[string]model.Render{
		"another tool": {Path: "app", Tool: model.ToolHelm},
		"named":        {Path: "app", Tool: model.ToolPlugin, Plugin: model.Plugin{Name: "other"}},
		"flux":         {Path: "app", Kustomize: model.Kustomize{Generate: true}},
		"no directory": {Path: "missing"},
		"bad path":     {Path: "../x"},
	} {
		got, err := r.Choose(context.Background(), model.RenderInput{Tree: newTree(manifestFile), Render: spec})
		if diff := cmp.Diff(spec, got.Render); diff != "" || err != nil {
			t.Errorf("%s: %v, changed (-was +is):\n%s", name, err, diff)
		}
	}
	got, err := r.Choose(context.Background(), model.RenderInput{Tree: newTree(manifestFile), Render: model.Render{Path: "app", Tool: model.ToolPlugin}})
	if err != nil || got.Plugin.Name != "it" {
		t.Errorf("a plugin without a name: %q, %v", got.Plugin.Name, err)
	}
}

// TestChooseRemembers: the content of a directory is looked at once.
func TestChooseRemembers(t *testing.T) {
	r := newRunner(t, finder("it", Discover{Glob: "**/cm.yaml"}))
	tree := newTree(manifestFile)
	in := model.RenderInput{Tree: tree, Render: model.Render{Path: "app"}}
	for range 3 {
		if got, err := r.Choose(context.Background(), in); err != nil || got.Plugin.Name != "it" {
			t.Fatal(got.Plugin, err)
		}
	}
	if tree.listed != 1 {
		t.Errorf("the directory was listed %d times", tree.listed)
	}
	in.Tree = newTree(map[string]string{"app/other.yaml": "x"})
	if got, err := r.Choose(context.Background(), in); err != nil || got.Plugin.Name != "" {
		t.Errorf("after a change: %q, %v", got.Plugin.Name, err)
	}
}

func TestNamedPlugin(t *testing.T) {
	versioned := finder("tool", Discover{FileName: "cm.yaml"})
	versioned.Version = "v1.0"
	plugins := []Plugin{versioned, finder("other", Discover{FileName: "nothing"}), finder("plain", Discover{})}
	for name, want := range map[string]string{
		"tool-v1.0": "", "tool": "", "plain": "",
		"other":   `the plugin "other" is not for app, by its discovery`,
		"missing": `there is no plugin "missing"; configured are tool-v1.0, other, plain`,
	} {
		in := appInput(manifestFile)
		in.Plugin.Name = name
		out, err := generate(newRunner(t, plugins...), in)
		if want == "" && (err != nil || !strings.HasPrefix(name, strings.TrimSpace(out))) {
			t.Errorf("%s: %q, %v", name, out, err)
		}
		if want != "" && (fmt.Sprint(err) != want || !errors.Is(err, model.ErrInvalid)) {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
	in := appInput(map[string]string{"app/x": "y"})
	in.Plugin.Name = ""
	if _, err := generate(newRunner(t, plugins...), in); err == nil || !strings.Contains(err.Error(), "no plugin is for app") {
		t.Error(err)
	}
	if _, err := generate(newRunner(t), in); err == nil || !strings.Contains(err.Error(), "none is configured") {
		t.Error(err)
	}
}

const full = `apiVersion: argoproj.io/v1alpha1
kind: ConfigManagementPlugin
metadata:
  name: tool
  annotations:
    fixpoint-cd.github.io/network: "true"
    fixpoint-cd.github.io/read: /opt/tool, /etc/tool.conf
    fixpoint-cd.github.io/timeout: 2m
spec:
  version: v1.0
  init: {command: [sh, -c], args: [prepare]}
  generate: {command: [sh], args: [-c, make]}
  discover: {fileName: "a*", find: {glob: "**/b", command: [find], args: [.]}}
  parameters:
    static: [{name: x, title: X, collectionType: map}]
    dynamic: {command: [list]}
  preserveFileMode: true
  lockRepo: true
`

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	minimal := "apiVersion: argoproj.io/v1alpha1\nkind: ConfigManagementPlugin\nmetadata: {name: NAME}\nspec: {generate: {command: [x]}, provideGitCreds: true, sidecar: 1}\n"
	write("2.yml", strings.Replace(minimal, "NAME", "b", 1)+"---\n"+strings.Replace(minimal, "NAME", "c", 1))
	write("1.yaml", full)
	write("readme.md", "no plugin")
	got, warnings, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := []Plugin{
		{
			Name: "tool", Version: "v1.0", Init: []string{"sh", "-c", "prepare"}, Generate: []string{"sh", "-c", "make"},
			Discover:  Discover{FileName: "a*", Glob: "**/b", Command: []string{"find", "."}},
			KeepModes: true, Network: true, Read: []string{"/opt/tool", "/etc/tool.conf"}, Timeout: 2 * 60 * 1e9,
		},
		{Name: "b", Generate: []string{"x"}}, {Name: "c", Generate: []string{"x"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("plugins (-want +got):\n%s", diff)
	}
	if text := strings.Join(warnings, "\n"); len(warnings) != 4 || !strings.Contains(text, `2.yml: unknown field "spec.sidecar": not honoured`) || !strings.Contains(text, "provideGitCreds") {
		t.Errorf("warnings %s", text)
	}
}

func TestLoadErrors(t *testing.T) {
	for name, tt := range map[string]struct{ old, new, want string }{
		"kind":          {"kind: ConfigManagementPlugin", "kind: Plugin", "has to be argoproj.io/v1alpha1 ConfigManagementPlugin"},
		"no name":       {"name: tool", "generateName: tool", "no metadata.name"},
		"no command":    {"generate: {command: [sh], args: [-c, make]}", "generate: {}", "no spec.generate.command"},
		"network":       {`network: "true"`, `network: "maybe"`, `"maybe" is neither true nor false`},
		"relative path": {"/opt/tool", "opt/tool", `"opt/tool" is no absolute path`},
		"timeout":       {"timeout: 2m", "timeout: soon", `"soon" is no duration`},
		"pattern":       {`"a*"`, `"["`, "is no pattern"},
		"type":          {"preserveFileMode: true", "preserveFileMode: [1]", "preserveFileMode"},
		"no YAML":       {"spec:", "spec: [", "yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			text := strings.Replace(full, tt.old, tt.new, 1)
			if text == full {
				t.Fatalf("there is no %q to replace", tt.old)
			}
			if err := os.WriteFile(filepath.Join(dir, "p.yaml"), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			if _, _, err := Load(dir); err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "p.yaml") {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
	if _, _, err := Load("/does/not/exist"); err == nil {
		t.Error("a folder that does not exist is empty")
	}
	dir := t.TempDir()
	for _, name := range []string{"a.yaml", "b.yaml"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(full), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := Load(dir); err == nil || !strings.Contains(err.Error(), `two plugins "tool-v1.0"`) {
		t.Error(err)
	}
}

func TestMatches(t *testing.T) {
	long := strings.TrimSuffix(strings.Repeat("a/", 60), "/")
	for _, tt := range []struct {
		pattern, name string
		stars, want   bool
	}{
		{"**", "a/b/c", true, true}, {"**/c", "a/b/c", true, true}, {"a/**", "a/b/c", true, true},
		{"a/**/c", "a/c", true, true}, {"a/**/c", "b/c", true, false}, {"*/c", "a/b/c", true, false},
		{"**/*.y?ml", "a/x.yaml", true, true}, {"**/c", "a/b/c", false, false},
		{"**/**/**/**/x", long, true, false},
	} {
		if got := matches(tt.pattern, tt.name, tt.stars); got != tt.want {
			t.Errorf("matches(%q, %q, %t) = %t", tt.pattern, tt.name, tt.stars, got)
		}
	}
	if checkPattern("**/**/**/**/**/x") == nil {
		t.Error("a pattern that takes long to match is allowed")
	}
}
