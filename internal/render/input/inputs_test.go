package input_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/input"
)

// hashTree is a tree in memory whose files have hashes.
type hashTree struct{ fstest.MapFS }

func (t hashTree) Hash(name string) (string, error) {
	data, err := t.ReadFile(name)
	if err != nil {
		if _, dir := t.Stat(name); dir == nil {
			return "", nil
		}
		return "", err
	}
	return fmt.Sprintf("%x", sha256.Sum256(data)), nil
}

func tree(files ...string) hashTree {
	t := hashTree{fstest.MapFS{}}
	for _, f := range files {
		name, text, _ := strings.Cut(f, "=")
		t.MapFS[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return t
}

// host has one remote repository, one download, and a cluster.
type host struct {
	remote  model.Tree
	page    string
	version string
	apis    []string
	asked   int
}

func (h *host) Cluster(context.Context) (string, []string, error) { return h.version, h.apis, nil }
func (h *host) Remote(context.Context, model.Source) (*model.Snapshot, error) {
	h.asked++
	if h.remote == nil {
		return nil, model.As(model.ErrDenied, errors.New("not allowed"))
	}
	return &model.Snapshot{Tree: h.remote}, nil
}
func (h *host) Download(context.Context, string) ([]byte, error)        { return []byte(h.page), nil }
func (h *host) Lookup(context.Context, model.ObjectRef) ([]byte, error) { return nil, nil }

// TestUnchanged: a render is remembered by what it asked, and by nothing else.
func TestUnchanged(t *testing.T) {
	world := func() (model.RenderInput, *host) {
		h := &host{remote: tree("r=1", "unread=1"), page: "p", version: "v1", apis: []string{"a"}}
		return model.RenderInput{Tree: tree("a=1", "unread=1"), Refs: map[string]model.Tree{"ref": tree("b=1")}, Host: h}, h
	}
	for name, c := range map[string]struct {
		ask    func(*input.Inputs) error
		change func(*model.RenderInput, *host)
		same   bool
	}{
		"nothing changes": {askAll, func(*model.RenderInput, *host) {}, true},
		"unread files": {askAll, func(in *model.RenderInput, h *host) {
			in.Tree, h.remote = tree("a=1", "unread=2"), tree("r=1", "unread=2")
		}, true},
		"file":              {askAll, func(in *model.RenderInput, _ *host) { in.Tree = tree("a=2", "unread=1") }, false},
		"other source":      {askAll, func(in *model.RenderInput, _ *host) { in.Refs["ref"] = tree("b=2") }, false},
		"other source gone": {askAll, func(in *model.RenderInput, _ *host) { in.Refs = nil }, false},
		"remote":            {askAll, func(_ *model.RenderInput, h *host) { h.remote = tree("r=2", "unread=1") }, false},
		"remote denied":     {askAll, func(_ *model.RenderInput, h *host) { h.remote = nil }, false},
		"download":          {askAll, func(_ *model.RenderInput, h *host) { h.page = "q" }, false},
		"version":           {askAll, func(_ *model.RenderInput, h *host) { h.version = "v2" }, false},
		"APIs":              {askAll, func(_ *model.RenderInput, h *host) { h.apis = []string{"b"} }, false},
		"no host":           {askAll, func(in *model.RenderInput, _ *host) { in.Host = nil }, false},
		"only the version was asked": {func(i *input.Inputs) error { _, err := i.KubeVersion(); return err },
			func(_ *model.RenderInput, h *host) { h.apis = []string{"b"} }, true},
		"file that was looked for comes": {func(i *input.Inputs) error { _, err := i.Files.Kind("new"); return err },
			func(in *model.RenderInput, _ *host) { in.Tree = tree("a=1", "new=1") }, false},
		"directory": {func(i *input.Inputs) error { _, err := i.Files.List("."); return err },
			func(in *model.RenderInput, _ *host) { in.Tree = tree("a=1", "unread=1", "new=1") }, false},
		"directory, content": {func(i *input.Inputs) error { _, err := i.Files.List("."); return err },
			func(in *model.RenderInput, _ *host) { in.Tree = tree("a=2", "unread=2") }, true},
	} {
		t.Run(name, func(t *testing.T) {
			in, h := world()
			i := input.Open(t.Context(), in, 100)
			if err := c.ask(i); err != nil {
				t.Fatal(err)
			}
			reads, _ := i.Noted()
			c.change(&in, h)
			if got := input.Unchanged(t.Context(), reads, in); got != c.same {
				t.Errorf("unchanged is %v, want %v", got, c.same)
			}
		})
	}
}

func askAll(i *input.Inputs) error {
	_, err := i.Files.Read("a")
	other, refErr := i.Ref("ref")
	if refErr != nil {
		return refErr
	}
	_, otherErr := other.Read("b")
	remote, _, remoteErr := i.Remote(model.Source{URL: "https://git.example.com/r"})
	if remoteErr != nil {
		return remoteErr
	}
	_, readErr := remote.Read("r")
	_, pageErr := i.Download("https://files.example.com/p")
	_, versionErr := i.KubeVersion()
	_, apisErr := i.APIVersions()
	return errors.Join(err, otherErr, readErr, pageErr, versionErr, apisErr)
}

// TestUnchangedAsksTheWorldLast: an app with other files never asks for the
// repositories of another with the same settings.
func TestUnchangedAsksTheWorldLast(t *testing.T) {
	h := &host{remote: tree("r=1"), page: "p", version: "v1"}
	in := model.RenderInput{Tree: tree("a=1"), Refs: map[string]model.Tree{"ref": tree("b=1")}, Host: h}
	i := input.Open(t.Context(), in, 100)
	if err := askAll(i); err != nil {
		t.Fatal(err)
	}
	reads, _ := i.Noted()
	h.asked = 0
	other := in
	other.Tree = tree("a=2")
	for range 50 { // reads have no order
		if input.Unchanged(t.Context(), reads, other) || h.asked != 0 {
			t.Fatalf("another app's repository was asked for %d times", h.asked)
		}
		rand.Shuffle(len(reads), func(a, b int) { reads[a], reads[b] = reads[b], reads[a] })
	}
	if !input.Unchanged(t.Context(), reads, in) || h.asked != 1 {
		t.Errorf("the app's own repository was asked for %d times", h.asked)
	}
}

// TestOneRevisionOfARemote: what moves during a render is seen at one revision.
func TestOneRevisionOfARemote(t *testing.T) {
	h := &host{remote: tree("r=1")}
	i := input.Open(t.Context(), model.RenderInput{Tree: tree(), Host: h}, 100)
	src := model.Source{URL: "https://git.example.com/r"}
	first, _, err := i.Remote(src)
	if err != nil {
		t.Fatal(err)
	}
	h.remote = tree("r=2")
	again, _, err := i.Remote(src)
	if err != nil {
		t.Fatal(err)
	}
	data, err := again.Read("r")
	if err != nil || string(data) != "1" || first != again || h.asked != 1 {
		t.Errorf("read %q, %v, asked %d times", data, err, h.asked)
	}
}

func TestLimits(t *testing.T) {
	i := input.Open(t.Context(), model.RenderInput{Tree: tree("a=12345", "b=12345", "big=12345678901"), Host: &host{page: "123456"}}, 10)
	for _, name := range []string{"a", "b"} {
		if _, err := i.Files.Read(name); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := i.Download("https://user:hidden@files.example.com/p?token=hidden"); !errors.Is(err, model.ErrInvalid) || strings.Contains(err.Error(), "hidden") {
		t.Errorf("error is %v", err)
	}
	if _, err := i.Files.Kind("a"); err == nil || i.Broken() == nil {
		t.Error("the render goes on after its limit")
	}
	i = input.Open(t.Context(), model.RenderInput{Tree: tree("big=12345678901")}, 10)
	if _, err := i.Files.Read("big"); !errors.Is(err, model.ErrInvalid) {
		t.Errorf("error is %v", err)
	}
}

func TestNothingRemoteWithoutHost(t *testing.T) {
	i := input.Open(t.Context(), model.RenderInput{Tree: tree()}, 10)
	if _, _, err := i.Remote(model.Source{URL: "https://user:hidden@git.example.com/r"}); !errors.Is(err, model.ErrDenied) || strings.Contains(err.Error(), "hidden") {
		t.Errorf("error is %v", err)
	}
	if version, err := input.Open(t.Context(), model.RenderInput{Tree: tree()}, 10).KubeVersion(); version != "" || err != nil {
		t.Errorf("version is %q, %v", version, err)
	}
}

// TestWalk goes in the order of names and stays out of links to directories.
func TestWalk(t *testing.T) {
	files := tree("b=", "a/c=", "a/d/e=", "z=")
	files.MapFS["module"] = &fstest.MapFile{Mode: fs.ModeDir | fs.ModeIrregular}
	i := input.Open(t.Context(), model.RenderInput{Tree: files}, 10)
	var seen, warned []string
	w := input.Walk{Files: i.Files, Recurse: true,
		Warnf: func(format string, args ...any) { warned = append(warned, fmt.Sprintf(format, args...)) },
		Enter: func(dir string) (bool, error) { return dir != "a/d", nil },
		Visit: func(name string) error { seen = append(seen, name); return nil },
	}
	if err := w.Dir("."); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(seen, []string{"a/c", "b", "z"}) || len(warned) != 1 {
		t.Errorf("visited %q, warned %q", seen, warned)
	}
}
