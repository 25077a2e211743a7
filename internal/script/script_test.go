package script

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
	kjson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

var update = flag.Bool("update", false, "rewrite the results in testdata")

// The test binary is the workers, too.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == Command {
		fmt.Fprintln(os.Stderr, Main())
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// patient is for tests of scripts that end: a machine may be slow.
var patient = Config{Time: time.Minute}

func newPool(t *testing.T, c Config) *Pool {
	t.Helper()
	p := New(c)
	t.Cleanup(p.Close)
	return p
}

// TestScripts reads cases of the form
//
//	-- object.yaml --       what the script is given
//	-- health.lua --        or health-open.lua, with all libraries; discovery.lua; action.lua; jq, a line each
//	-- params --            of an action, a line "name=value" each
//	-- result --            what comes out
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	pool := newPool(t, patient)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			parts, want := map[string]string{}, -1
			for i, f := range ar.Files {
				parts[f.Name] = string(f.Data)
				if f.Name == "result" {
					want = i
				}
			}
			got := outcome(t, pool, parts)
			if *update {
				if want < 0 {
					ar.Files = append(ar.Files, txtar.File{Name: "result"})
					want = len(ar.Files) - 1
				}
				ar.Files[want].Data = []byte(got)
				if err := os.WriteFile(file, txtar.Format(ar), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(parts["result"], got); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
		})
	}
}

// object reads YAML as an API server's answer is read.
func object(t *testing.T, text string) map[string]any {
	t.Helper()
	data, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var obj map[string]any
	if err := kjson.Unmarshal(data, &obj); err != nil {
		t.Fatal(err)
	}
	return obj
}

// outcome runs what there is to run, and is its result as text.
func outcome(t *testing.T, p *Pool, parts map[string]string) string {
	ctx, obj := context.Background(), object(t, parts["object.yaml"])
	var out any
	var err error
	for name, src := range parts {
		switch name {
		case "health.lua", "health-open.lua":
			out, err = p.Health(ctx, src, name == "health-open.lua", obj)
		case "discovery.lua":
			out, err = p.Discover(ctx, src, obj)
		case "action.lua":
			params := map[string]string{}
			for line := range strings.Lines(parts["params"]) {
				name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
				params[name] = value
			}
			out, err = p.Act(ctx, src, obj, params)
		case "jq":
			var paths [][]any
			paths, err = p.Paths(ctx, strings.Split(strings.TrimSpace(src), "\n"), obj)
			if err == nil {
				return lines(t, paths)
			}
		}
	}
	if err != nil {
		if !errors.Is(err, model.ErrInvalid) {
			t.Errorf("%v is not ErrInvalid", err)
		}
		return "error: " + err.Error() + "\n"
	}
	text, err := yaml.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func lines(t *testing.T, paths [][]any) string {
	var b strings.Builder
	for _, p := range paths {
		text, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(append(text, '\n'))
	}
	return b.String()
}
