package render

import (
	"errors"
	"sync"
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

const (
	configMapA = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n"
	configMapB = "{apiVersion: v1, kind: ConfigMap, metadata: {name: b}}\n"
)

// TestMemo renders one tree and then another: what was read is the same, or not.
func TestMemo(t *testing.T) {
	overlay := map[string]string{
		"app/kustomization.yaml":  "resources: [../base]\n",
		"base/kustomization.yaml": "resources: [a.yaml]\n",
		"base/a.yaml":             configMapA,
		"base/unused.yaml":        configMapB,
		"docs/readme.md":          "old",
	}
	plain := map[string]string{"app/a.yaml": configMapA, "app/sub/b.yaml": configMapB, "docs/readme.md": "old"}
	kustomize := model.Render{Path: "app"}
	directory := model.Render{Path: "app", Tool: model.ToolDirectory}
	optional := model.Render{Path: "app", Kustomize: model.Kustomize{
		Components: []string{"../extra"}, IgnoreMissingComponents: true}}
	generate := model.Render{Path: "app", Kustomize: model.Kustomize{Generate: true}}

	for name, c := range map[string]struct {
		reason string
		files  map[string]string
		spec   model.Render
		change map[string]string
		remove string
		hit    bool
	}{
		"nothing changed":     {"equal trees", overlay, kustomize, nil, "", true},
		"elsewhere":           {"not read", overlay, kustomize, map[string]string{"docs/readme.md": "new"}, "", true},
		"unused file of base": {"the base does not name it", overlay, kustomize, map[string]string{"base/unused.yaml": configMapA}, "", true},
		"new file in base":    {"a kustomization does not list directories", overlay, kustomize, map[string]string{"base/new.yaml": configMapA}, "", true},
		"base":                {"read", overlay, kustomize, map[string]string{"base/a.yaml": configMapB}, "", false},
		"other name for the kustomization": {"two of them are an error", overlay, kustomize,
			map[string]string{"base/kustomization.yml": "namePrefix: x-"}, "", false},
		"chart":          {"a chart would be detected first", overlay, kustomize, map[string]string{"app/Chart.yaml": ""}, "", false},
		"optional":       {"still missing", overlay, optional, map[string]string{"docs/readme.md": "new"}, "", true},
		"optional comes": {"was looked for", overlay, optional, map[string]string{"extra/kustomization.yaml": "kind: Component"}, "", false},

		"directory, elsewhere":   {"not read", plain, directory, map[string]string{"docs/readme.md": "new"}, "", true},
		"directory, below":       {"not entered", plain, directory, map[string]string{"app/sub/b.yaml": configMapA}, "", true},
		"directory, content":     {"read", plain, directory, map[string]string{"app/a.yaml": configMapB}, "", false},
		"directory, new file":    {"listed", plain, directory, map[string]string{"app/c.yaml": configMapB}, "", false},
		"directory, file gone":   {"listed", plain, directory, nil, "app/a.yaml", false},
		"directory, path gone":   {"not there", map[string]string{"app/a.yaml": configMapA}, directory, nil, "app/a.yaml", false},
		"generate, new base":     {"listed", plain, generate, map[string]string{"app/sub/kustomization.yaml": "resources: [b.yaml]"}, "", false},
		"generate, new manifest": {"listed", plain, generate, map[string]string{"app/sub/c.yaml": configMapA}, "", false},
		"generate, elsewhere":    {"not read", plain, generate, map[string]string{"docs/readme.md": "new"}, "", true},
		"root":                   {"listed only", map[string]string{"a.yaml": configMapA, "sub/b": ""}, model.Render{}, map[string]string{"sub/b": "x"}, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			r := New(Config{})
			before := newTree(c.files)
			if _, err := r.Render(t.Context(), inputOf(before, c.spec)); err != nil {
				t.Fatal(err)
			}
			after := before.with(c.change)
			delete(after.files, c.remove)
			_, remembered := r.Render(t.Context(), inputOf(after, c.spec))
			if got := r.Stats().Hits == 1; got != c.hit {
				t.Errorf("hit is %v, want %v: %s", got, c.hit, c.reason)
			}
			if c.hit && after.read.Load() > 0 {
				t.Errorf("%d files were read for a hit", after.read.Load())
			}
			_, fresh := New(Config{}).Render(t.Context(), inputOf(after, c.spec))
			if (remembered == nil) != (fresh == nil) {
				t.Errorf("remembered %v, fresh %v", remembered, fresh)
			}
		})
	}
}

func TestMemoTellsSpecsApart(t *testing.T) {
	r := New(Config{})
	tree := newTree(map[string]string{"kustomization.yaml": "resources: [a.yaml]", "a.yaml": configMapA})
	for _, prefix := range []string{"x-", "y-", "x-"} {
		out, err := r.Render(t.Context(), inputOf(tree, model.Render{Kustomize: model.Kustomize{NamePrefix: prefix}}))
		if err != nil {
			t.Fatal(err)
		}
		if got := out.Objects[0].Name; got != prefix+"a" {
			t.Errorf("name is %q for prefix %q", got, prefix)
		}
	}
	if got, want := r.Stats(), (Stats{Renders: 2, Hits: 1}); got != want {
		t.Errorf("stats are %+v, want %+v", got, want)
	}
}

func TestMemoOfErrors(t *testing.T) {
	spec := model.Render{Tool: model.ToolDirectory}
	r := New(Config{})
	broken := newTree(map[string]string{"a.yaml": "kind: ConfigMap"})
	for range 2 {
		if _, err := r.Render(t.Context(), inputOf(broken, spec)); !errors.Is(err, model.ErrInvalid) {
			t.Fatalf("error is %v", err)
		}
	}
	if got, want := r.Stats(), (Stats{Renders: 1, Hits: 1}); got != want {
		t.Errorf("what is wrong in a file: stats are %+v, want %+v", got, want)
	}

	r = New(Config{})
	unreadable := newTree(map[string]string{"a.yaml": configMapA})
	unreadable.fail = errors.New("connection lost")
	if _, err := r.Render(t.Context(), inputOf(unreadable, spec)); !errors.Is(err, model.ErrTransient) || errors.Is(err, model.ErrInvalid) {
		t.Fatalf("error is %v", err)
	}
	unreadable.fail = nil
	if _, err := r.Render(t.Context(), inputOf(unreadable, spec)); err != nil {
		t.Errorf("the lost connection is remembered: %v", err)
	}
}

// TestAnew renders what is remembered, and remembers the outcome.
func TestAnew(t *testing.T) {
	r := New(Config{})
	in := inputOf(newTree(map[string]string{"a.yaml": configMapA}), model.Render{})
	for _, anew := range []bool{false, true, false} {
		in.Anew = anew
		if _, err := r.Render(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := r.Stats(), (Stats{Renders: 2, Hits: 1}); got != want {
		t.Errorf("stats are %+v, want %+v", got, want)
	}
}

func TestMemoIsBounded(t *testing.T) {
	tree := newTree(map[string]string{"a/a.yaml": configMapA, "b/a.yaml": configMapA, "c/a.yaml": configMapA})
	for name, config := range map[string]Config{
		"entries": {MemoEntries: 2},
		"bytes":   {MemoBytes: 3500},
	} {
		r := New(config)
		for _, p := range []string{"a", "b", "a", "c", "a", "b"} {
			if _, err := r.Render(t.Context(), inputOf(tree, model.Render{Path: p})); err != nil {
				t.Fatal(err)
			}
		}
		// b was used least recently when c came.
		if got, want := r.Stats(), (Stats{Renders: 4, Hits: 2}); got != want {
			t.Errorf("%s: stats are %+v, want %+v", name, got, want)
		}
		if r.memo.used.Len() > 2 || r.memo.bytes > r.config.MemoBytes || len(r.memo.bySpec) > 2 || len(r.memo.byTop) > 2 {
			t.Errorf("%s: %d entries of %d bytes are kept, indexes have %d and %d", name,
				r.memo.used.Len(), r.memo.bytes, len(r.memo.bySpec), len(r.memo.byTop))
		}
	}
}

// TestMemoOfManyRepositories has apps with equal settings in different trees.
func TestMemoOfManyRepositories(t *testing.T) {
	r := New(Config{})
	var trees []*memTree
	for range 3 * scanned {
		n := string(rune('a'+len(trees)%26)) + string(rune('a'+len(trees)/26))
		trees = append(trees, newTree(map[string]string{"deploy/a.yaml": "{apiVersion: v1, kind: ConfigMap, metadata: {name: " + n + "}}"}))
	}
	for range 2 {
		for _, tree := range trees {
			if _, err := r.Render(t.Context(), inputOf(tree, model.Render{Path: "deploy"})); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got, want := r.Stats(), (Stats{Renders: uint64(len(trees)), Hits: uint64(len(trees))}); got != want {
		t.Errorf("stats are %+v, want %+v", got, want)
	}
}

func TestEqualRendersAreDoneOnce(t *testing.T) {
	r := New(Config{Workers: 4})
	tree := newTree(map[string]string{"a.yaml": configMapA})
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if _, err := r.Render(t.Context(), inputOf(tree, model.Render{})); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got, want := r.Stats(), (Stats{Renders: 1, Hits: 19}); got != want {
		t.Errorf("stats are %+v, want %+v", got, want)
	}
}
