package render

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// bigTree pretends that a file is big, and fails the test if it is read.
type bigTree struct {
	*memTree
	t    *testing.T
	name string
}

type bigInfo struct{ fs.FileInfo }

func (bigInfo) Size() int64 { return 50 << 20 }

func (b bigTree) Stat(name string) (fs.FileInfo, error) {
	info, err := b.memTree.Stat(name)
	if name == b.name {
		return bigInfo{info}, err
	}
	return info, err
}

func (b bigTree) ReadFile(name string) ([]byte, error) {
	if name == b.name {
		b.t.Errorf("%s was read", name)
	}
	return b.memTree.ReadFile(name)
}

func TestBigFileIsNotRead(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"directory": {"big.yaml": configMapA},
		"kustomize": {"kustomization.yaml": "resources: [big.yaml]", "big.yaml": configMapA},
		"itself":    {"kustomization.yaml": "resources: [a.yaml]", "a.yaml": configMapA},
	} {
		big := "big.yaml"
		if files[big] == "" {
			big = "kustomization.yaml"
		}
		_, err := New(Config{}).Render(t.Context(), inputOf(bigTree{newTree(files), t, big}, model.Render{}))
		if !errors.Is(err, model.ErrInvalid) || !strings.Contains(err.Error(), big+": 52428800 bytes are more than the limit of 10485760") {
			t.Errorf("%s: error is %v", name, err)
		}
	}
}

// TestLimits has inputs that would need much of something.
func TestLimits(t *testing.T) {
	doublings := map[string]string{"l0/kustomization.yaml": "resources: [a.yaml]", "l0/a.yaml": configMapA}
	for i := 1; i <= 15; i++ {
		for _, side := range []string{"p", "q"} {
			doublings[fmt.Sprintf("l%d%s/kustomization.yaml", i, side)] = fmt.Sprintf("resources: [../l%d]\nnamePrefix: %s", i-1, side)
		}
		doublings[fmt.Sprintf("l%d/kustomization.yaml", i)] = fmt.Sprintf("resources: [../l%dp, ../l%dq]", i, i)
	}
	nested := "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: " +
		strings.Repeat("[", 3000) + strings.Repeat("]", 3000) + "}"
	dashes := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n" + strings.Repeat("- ", 3000) + "x\n"

	for name, c := range map[string]struct {
		config Config
		files  map[string]string
		spec   model.Render
		want   string
	}{
		"bytes of all files": {Config{MaxBytes: 100}, map[string]string{"a.yaml": configMapA, "b.yaml": configMapB},
			model.Render{}, "b.yaml: the files read up to here have more than the limit of 100 bytes"},
		"objects": {Config{MaxObjects: 1}, map[string]string{"a.yaml": configMapA, "b.yaml": configMapB},
			model.Render{}, "makes 2 objects, more than the limit of 1"},
		"objects of kustomize": {Config{MaxObjects: 1}, map[string]string{"kustomization.yaml": "resources: [a.yaml, b.yaml]",
			"a.yaml": configMapA, "b.yaml": configMapB}, model.Render{}, "makes 2 objects, more than the limit of 1"},
		"bases that double": {Config{}, doublings, model.Render{Path: "l15"}, "use more than 2000 bases"},
		"brackets":          {Config{}, map[string]string{"a.yaml": nested}, model.Render{}, "nested deeper than 500 levels"},
		"dashes":            {Config{}, map[string]string{"a.yaml": dashes}, model.Render{}, "nested deeper than 500 levels"},
		"json": {Config{}, map[string]string{"a.json": `{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": ` +
			strings.Repeat("[", 3000) + strings.Repeat("]", 3000) + "}"}, model.Render{}, "nested deeper than 500 levels"},
		"nesting for kustomize": {Config{}, map[string]string{"kustomization.yaml": "resources: [a.yaml]", "a.yaml": nested},
			model.Render{}, "nested deeper than 500 levels"},
		"directories": {Config{}, map[string]string{strings.Repeat("d/", 70) + "a.yaml": configMapA},
			model.Render{Directory: model.Directory{Recurse: true}}, "64 inside each other"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := New(c.config).Render(t.Context(), inputOf(newTree(c.files), c.spec))
			if !errors.Is(err, model.ErrInvalid) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error is %v, want %q", err, c.want)
			}
		})
	}
}

func TestTimeIsLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tree := newTree(map[string]string{"a.yaml": configMapA})
		tree.block = make(chan struct{})
		r := New(Config{Timeout: time.Minute, Workers: 1})
		_, err := r.Render(t.Context(), inputOf(tree, model.Render{}))
		if !errors.Is(err, model.ErrTransient) || !strings.Contains(err.Error(), "longer than the limit of 1m0s") {
			t.Errorf("error is %v", err)
		}

		// The stuck render has given its slot back.
		if _, err := r.Render(t.Context(), inputOf(newTree(map[string]string{"b.yaml": configMapB}), model.Render{})); err != nil {
			t.Errorf("after a render that is stuck: %v", err)
		}
		close(tree.block)
		if _, err := r.Render(t.Context(), inputOf(tree, model.Render{})); err != nil {
			t.Errorf("the timeout is remembered: %v", err)
		}
	})
}

// TestStuckRendersAreBounded: the time of each is over while it reads, and not before.
func TestStuckRendersAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(Config{Timeout: time.Minute, Workers: 1})
		stuck := make(chan struct{})
		for i := range 4 * abandonedPerSlot {
			tree := newTree(map[string]string{"a.yaml": configMapA})
			tree.block = stuck
			if _, err := r.Render(t.Context(), inputOf(tree, model.Render{Path: strings.Repeat("./", i)})); err == nil {
				t.Fatal("no error")
			}
		}
		if got := r.Stats().Renders; got != 1+abandonedPerSlot {
			t.Errorf("%d renders were begun, want %d", got, 1+abandonedPerSlot)
		}
		close(stuck)
		if _, err := r.Render(t.Context(), inputOf(newTree(map[string]string{"b.yaml": configMapB}), model.Render{})); err != nil {
			t.Errorf("after the stuck renders have ended: %v", err)
		}
	})
}

func TestCancelledRenderSaysSo(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	tree := newTree(map[string]string{"a.yaml": configMapA})
	tree.block = make(chan struct{})
	defer close(tree.block)
	go func() {
		for tree.read.Load() == 0 {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	if _, err := New(Config{}).Render(ctx, inputOf(tree, model.Render{})); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
}
