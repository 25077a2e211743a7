package plugin

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/input"
	"github.com/fixpoint-cd/fixpoint/internal/render/sandbox"
)

// The test binary is what confines the commands, too.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == Command {
		fmt.Fprintln(os.Stderr, sandbox.ExecMain())
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// memTree is a tree in memory. Links of which the text begins with ! lead out
// of it.
type memTree struct {
	fstest.MapFS

	listed int
}

func newTree(files map[string]string) *memTree {
	t := &memTree{MapFS: fstest.MapFS{}}
	for name, text := range files {
		mode := fs.FileMode(0o644)
		if target, ok := strings.CutPrefix(text, "-> "); ok {
			mode, text = 0o777|fs.ModeSymlink, target
		}
		if strings.HasPrefix(text, "#!") {
			mode = 0o755
		}
		t.MapFS[name] = &fstest.MapFile{Data: []byte(text), Mode: mode}
	}
	return t
}

func (t *memTree) ReadDir(name string) ([]fs.DirEntry, error) {
	t.listed++
	return t.MapFS.ReadDir(name)
}

func (t *memTree) Stat(name string) (fs.FileInfo, error) {
	if f := t.MapFS[name]; f != nil && strings.HasPrefix(string(f.Data), "!") {
		return nil, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrInvalid}
	}
	return t.MapFS.Stat(name)
}

func (t *memTree) Hash(name string) (string, error) {
	if _, err := t.MapFS.Stat(name); err != nil {
		return "", err
	}
	h := sha256.New()
	for _, at := range slices.Sorted(maps.Keys(t.MapFS)) {
		if input.Within(at, name) {
			fmt.Fprintf(h, "%q %s %q\n", at, t.MapFS[at].Mode, t.MapFS[at].Data)
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// shell is a plugin that runs a script.
func shell(script string) Plugin {
	return Plugin{Name: "test", Generate: []string{"sh", "-c", script}}
}

// newRunner is one whose commands have time enough on a machine that has other work.
func newRunner(t *testing.T, plugins ...Plugin) *Runner {
	t.Helper()
	return &Runner{Plugins: plugins, Dir: t.TempDir(), Timeout: 20 * time.Minute}
}

var manifestFile = map[string]string{"app/cm.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n"}

func appInput(files map[string]string) model.RenderInput {
	return model.RenderInput{Tree: newTree(files), Render: model.Render{
		Path: "app", Tool: model.ToolPlugin, Plugin: model.Plugin{Name: "test"},
	}}
}

// generate runs the plugin "test" on app.
func generate(r *Runner, in model.RenderInput) (string, error) {
	out, err := r.Hook(in)(context.Background(), "app")
	return string(out), err
}
