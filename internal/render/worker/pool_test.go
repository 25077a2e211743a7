package worker

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/input"
	"github.com/fixpoint-cd/fixpoint/internal/render/sandbox"
)

// memTree is a tree in memory that counts what is read of it.
type memTree struct {
	fstest.MapFS
	reads atomic.Int64
	// block, when set, holds reads of "block" back until it is closed.
	block chan struct{}
	// blocked is closed when a read is held back.
	blocked chan struct{}
}

func newTestTree(files map[string]string) *memTree {
	t := &memTree{MapFS: fstest.MapFS{}}
	for name, text := range files {
		t.MapFS[name] = &fstest.MapFile{Data: []byte(text), Mode: 0o644}
	}
	return t
}

func (t *memTree) ReadFile(name string) ([]byte, error) {
	if name == "block" && t.block != nil {
		close(t.blocked)
		<-t.block
	}
	t.reads.Add(1)
	return t.MapFS.ReadFile(name)
}

func (t *memTree) Hash(name string) (string, error) {
	info, err := t.MapFS.Stat(name)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	if !info.IsDir() {
		data, err := t.MapFS.ReadFile(name)
		if err != nil {
			return "", err
		}
		h.Write(data)
		return hex.EncodeToString(h.Sum(nil)), nil
	}
	for _, at := range slices.Sorted(maps.Keys(t.MapFS)) {
		if input.Within(at, name) {
			fmt.Fprintf(h, "%q %q\n", strings.TrimPrefix(at, name), t.MapFS[at].Data)
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func configMap(name string) string {
	return fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: %s\n", name)
}

func newPool(t *testing.T, c Config) *Pool {
	t.Helper()
	p := NewPool(c)
	t.Cleanup(p.Close)
	return p
}

var limits = Limits{MaxBytes: 10 << 20, MaxObjects: 100}

func run(p *Pool, path string) Outcome {
	tree := newTestTree(map[string]string{"a.yaml": configMap("a")})
	return p.Run(context.Background(), model.RenderInput{Render: model.Render{Path: path}, Tree: tree}, limits, input.Hooks{})
}

// text is data.text of the first object.
func text(t *testing.T, o Outcome) string {
	t.Helper()
	if o.Err != nil {
		t.Fatal(o.Err)
	}
	if len(o.Rendered.Objects) != 1 {
		t.Fatalf("%d objects, want 1", len(o.Rendered.Objects))
	}
	_, rest, _ := strings.Cut(string(o.Rendered.Objects[0].JSON), `"text":`)
	quoted, _, _ := strings.Cut(rest, `},"kind"`)
	s, err := strconv.Unquote(quoted)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestRenderInWorker(t *testing.T) {
	p := newPool(t, Config{})
	tree := newTestTree(map[string]string{
		"app/one.yaml": configMap("one"), "app/sub/two.yaml": configMap("two"), "app/readme.md": "x", "other.yaml": configMap("other"),
	})
	in := model.RenderInput{Render: model.Render{Path: "render/app"}, Tree: tree}
	got := p.Run(context.Background(), in, limits, input.Hooks{})
	want := testJob(context.Background(), in, limits, input.Hooks{})
	if got.Err != nil || len(got.Rendered.Objects) != 2 || !got.Lasting {
		t.Fatalf("%+v", got)
	}
	for i, o := range got.Rendered.Objects {
		w := want.Rendered.Objects[i]
		if o.ObjectRef != w.ObjectRef || string(o.JSON) != string(w.JSON) || o.Digest != w.Digest || o.Origin != w.Origin || !maps.Equal(o.Labels, w.Labels) {
			t.Errorf("object %d: %+v, in this process %+v", i, o, w)
		}
	}
	if s := p.Stats(); s.Started != 1 || s.Tasks != 1 || s.Idle != 1 || s.Busy != 0 || s.Died != 0 {
		t.Errorf("stats %+v", s)
	}
}

// TestReadsAreExact: the outcome depends on what was used, not on what the
// worker was given in advance.
func TestReadsAreExact(t *testing.T) {
	p := newPool(t, Config{})
	files := map[string]string{"app/one.yaml": configMap("one"), "app/sub/two.yaml": configMap("two"), "app/readme.md": "x", "other.yaml": "y"}
	in := model.RenderInput{Render: model.Render{Path: "render/app"}, Tree: newTestTree(files)}
	got := p.Run(context.Background(), in, limits, input.Hooks{})
	if got.Err != nil {
		t.Fatal(got.Err)
	}
	for name, tt := range map[string]struct {
		file, text string
		same       bool
	}{
		"nothing":          {"other.yaml", "y", true},
		"elsewhere":        {"other.yaml", "z", true},
		"not used":         {"app/readme.md", "z", true},
		"used":             {"app/one.yaml", configMap("changed"), false},
		"used, below":      {"app/sub/two.yaml", configMap("changed"), false},
		"new":              {"app/three.yaml", configMap("three"), false},
		"new, below":       {"app/sub/three.yaml", configMap("three"), false},
		"new, not in path": {"three.yaml", configMap("three"), true},
	} {
		t.Run(name, func(t *testing.T) {
			changed := maps.Clone(files)
			changed[tt.file] = tt.text
			in := model.RenderInput{Render: in.Render, Tree: newTestTree(changed)}
			if same := input.Unchanged(context.Background(), got.Reads, in); same != tt.same {
				t.Errorf("the reads hold: %t, want %t", same, tt.same)
			}
		})
	}
}

// TestFilesAreReadOnce: what is given in advance is not read again when the
// worker uses it.
func TestFilesAreReadOnce(t *testing.T) {
	p := newPool(t, Config{})
	files := map[string]string{}
	for i := range 50 {
		files[fmt.Sprintf("app/%d.yaml", i)] = configMap(fmt.Sprint("c", i))
	}
	tree := newTestTree(files)
	in := model.RenderInput{Render: model.Render{Path: "render/app"}, Tree: tree}
	if got := p.Run(context.Background(), in, limits, input.Hooks{}); got.Err != nil || len(got.Rendered.Objects) != 50 {
		t.Fatal(got.Err, len(got.Rendered.Objects))
	}
	if n := tree.reads.Load(); n != 50 {
		t.Errorf("%d reads of 50 files", n)
	}
}

// testHost serves a world.
type testHost struct{ asked []model.Source }

var remoteTree = newTestTree(map[string]string{"base.yaml": "base;"})

func (h *testHost) Cluster(context.Context) (string, []string, error) {
	return "v1.36.3;", []string{"v1", "apps/v1"}, nil
}

func (h *testHost) Remote(_ context.Context, s model.Source) (*model.Snapshot, error) {
	h.asked = append(h.asked, s)
	return &model.Snapshot{URL: s.URL, Revision: "abc;", Tree: remoteTree, Metadata: map[string]string{"k": "v"}}, nil
}

func (h *testHost) Download(_ context.Context, url string) ([]byte, error) {
	return []byte("page of " + url + ";"), nil
}

func (h *testHost) Lookup(_ context.Context, ref model.ObjectRef) ([]byte, error) {
	if ref.Name == "none" {
		return nil, nil
	}
	return []byte("live " + ref.Name + ";"), nil
}

func TestWorkerAsksHost(t *testing.T) {
	p := newPool(t, Config{})
	h := &testHost{}
	in := model.RenderInput{
		Render: model.Render{Path: "world", Helm: model.Helm{Lookup: true}}, Tree: newTestTree(nil), Host: h,
		Refs: map[string]model.Tree{"values": newTestTree(map[string]string{"v.yaml": "value;"}), "a": newTestTree(nil)},
	}
	in.Tree.(*memTree).MapFS["world"] = &fstest.MapFile{Mode: fs.ModeDir}
	got := p.Run(context.Background(), in, limits, input.Hooks{})
	want := "v1.36.3;[v1 apps/v1]value;base;abc;truepage of https://example.com/page;live live;true"
	if s := text(t, got); s != want {
		t.Errorf("got  %q\nwant %q", s, want)
	}
	for _, s := range h.asked {
		if s.Auth != (model.Auth{}) {
			t.Error("a worker's credentials reach the host")
		}
	}
	if !input.Unchanged(context.Background(), got.Reads, in) {
		t.Error("the reads don't hold for the same world")
	}
	in.Refs["values"] = newTestTree(map[string]string{"v.yaml": "changed"})
	if input.Unchanged(context.Background(), got.Reads, in) {
		t.Error("the reads hold although a value file has changed")
	}
}

// TestWorkerAsksForMore: a worker that something has taken over asks for what its
// app may not have. The questions are checked where they are answered.
func TestWorkerAsksForMore(t *testing.T) {
	p := newPool(t, Config{})
	h := &testHost{}
	in := model.RenderInput{Render: model.Render{Path: "more"}, Tree: newTestTree(map[string]string{"a": "x"}), Host: h}
	if s, want := text(t, p.Run(context.Background(), in, limits, input.Hooks{})), "lookup false, unwrap false, plugin false"; s != want {
		t.Errorf("it got: %s, want %s", s, want)
	}
	want := []model.Source{{Kind: model.SourceGit, URL: "https://git.example.com/base", Chart: "c", Git: model.Git{Submodules: true}}}
	if !slices.EqualFunc(h.asked, want, model.Source.Equal) {
		t.Errorf("the host was asked for %+v, want %+v", h.asked, want)
	}
}

func TestHooks(t *testing.T) {
	p := newPool(t, Config{})
	in := model.RenderInput{Render: model.Render{Path: "plugin"}, Tree: newTestTree(nil)}
	hooks := input.Hooks{
		Plugin: func(_ context.Context, dir string) ([]byte, error) { return []byte("ran in " + dir), nil },
		Unwrap: func(_ context.Context, request []byte) ([]byte, error) {
			return nil, model.As(model.ErrDenied, fmt.Errorf("no key for %s", request))
		},
	}
	if s := text(t, p.Run(context.Background(), in, limits, hooks)); s != "ran in plugin" {
		t.Errorf("the plugin said %q", s)
	}
	failing := input.Hooks{Plugin: func(context.Context, string) ([]byte, error) { return nil, model.Invalidf("no answer from the vault") }}
	if out := p.Run(context.Background(), in, limits, failing); out.Lasting || !errors.Is(out.Err, model.ErrElsewhere) || !errors.Is(out.Err, model.ErrInvalid) {
		t.Errorf("the failure of a plugin is remembered: %t, %v", out.Lasting, out.Err)
	}
	in.Path = "unwrap"
	if err := p.Run(context.Background(), in, limits, hooks).Err; !errors.Is(err, model.ErrDenied) || err.Error() != "no key for key" {
		t.Errorf("unwrapping: %v", err)
	}
	in.Path = "other"
	if err := p.Run(context.Background(), in, limits, hooks).Err; err == nil || !strings.Contains(err.Error(), "another directory") {
		t.Errorf("running the plugin elsewhere: %v", err)
	}
}

func TestKeysStayHere(t *testing.T) {
	p := newPool(t, Config{})
	in := model.RenderInput{Tree: newTestTree(nil)}
	in.Render = model.Render{Path: "keys", Decrypt: &model.Decrypt{Disabled: "off", Keys: map[string]model.Hidden{"a.agekey": model.Hidden("AGE-SECRET")}}}
	s := text(t, p.Run(context.Background(), in, limits, input.Hooks{}))
	if s != `map["a.agekey":"(hidden)"] "off"` && s != `map["a.agekey":""] "off"` {
		t.Errorf("the worker has %s", s)
	}
	if string(in.Decrypt.Keys["a.agekey"]) != "AGE-SECRET" {
		t.Error("the caller's keys were changed")
	}
}

// TestEnds: whatever a job does, its app has one clear error, and the next
// render works.
func TestEnds(t *testing.T) {
	p := newPool(t, Config{Workers: 1, Memory: 128 << 20, Output: 1 << 20})
	tests := map[string]struct {
		kind error
		want string
		// survives: the worker can be used again.
		survives bool
	}{
		"fail":     {model.ErrDenied, "not for you", true},
		"panic":    {model.ErrInvalid, "panicked in github.com/fixpoint-cd/fixpoint/internal/render/worker.init.func", true},
		"crash":    {model.ErrInvalid, "rendering crash: the worker died (exit status 2) in github.com/fixpoint-cd/fixpoint/internal/render/worker.crashing; please report it", false},
		"exit":     {model.ErrInvalid, "rendering exit: the worker died (exit status 0); please", false},
		"recurse":  {model.ErrInvalid, "rendering recurse went deeper than a stack of 32 MiB allows in github.com/fixpoint-cd/fixpoint/internal/render/worker.recurse", false},
		"memory":   {model.ErrInvalid, "rendering memory needed more than 128 MiB of memory; split the app or raise the limit", false},
		"garbage":  {model.ErrInvalid, "never should", false},
		"giant":    {model.ErrInvalid, "never should", false},
		"short":    {model.ErrInvalid, "the worker died (exit status 0)", false},
		"early":    {model.ErrInvalid, "a message of the kind 1 is not expected", false},
		"malform":  {model.ErrInvalid, "malformed message", false},
		"stranger": {model.ErrInvalid, "there is no tree 7", false},
		"twice":    {model.ErrInvalid, "an object is malformed", false},
		"broken":   {model.ErrInvalid, "an object is malformed", false},
		"much":     {model.ErrInvalid, "much makes more than 1 MiB of objects", false},
	}
	for act, tt := range tests {
		t.Run(act, func(t *testing.T) {
			if underRace && (act == "memory" || act == "recurse") {
				t.Skip("the race detector needs more memory than the limit")
			}
			before := p.Stats()
			out := run(p, act)
			if !errors.Is(out.Err, tt.kind) || !strings.Contains(fmt.Sprint(out.Err), tt.want) {
				t.Errorf("error %v, want %q", out.Err, tt.want)
			}
			if strings.Contains(fmt.Sprint(out.Err), "secret") {
				t.Error("the error tells what the job knew")
			}
			if len(out.Rendered.Objects) > 0 || out.Lasting != errors.Is(out.Err, model.ErrInvalid) {
				t.Errorf("outcome %+v", out)
			}
			after := p.Stats()
			if survived := after.Died == before.Died; survived != tt.survives {
				t.Errorf("the worker survived: %t", survived)
			}
			if tt.survives != (after.Idle == 1) || after.Busy != 0 || after.Tasks != before.Tasks+1 {
				t.Errorf("stats before %+v, after %+v", before, after)
			}
			if out := run(p, "render"); out.Err != nil {
				t.Errorf("the next render: %v", out.Err)
			}
		})
	}
}

func TestManyObjects(t *testing.T) {
	p := newPool(t, Config{})
	in := model.RenderInput{Render: model.Render{Path: "many"}, Tree: newTestTree(nil)}
	out := p.Run(context.Background(), in, Limits{MaxBytes: 1, MaxObjects: 2}, input.Hooks{})
	if !errors.Is(out.Err, model.ErrInvalid) || !strings.Contains(out.Err.Error(), "more than the limit of 2 objects") {
		t.Error(out.Err)
	}
}

func TestBytesAreLimited(t *testing.T) {
	p := newPool(t, Config{})
	in := model.RenderInput{Render: model.Render{Path: "render/app"}, Tree: newTestTree(map[string]string{"app/a.yaml": configMap("a")})}
	got := p.Run(context.Background(), in, Limits{MaxBytes: 20}, input.Hooks{})
	want := testJob(context.Background(), in, Limits{MaxBytes: 20}, input.Hooks{})
	if got.Err == nil || got.Err.Error() != want.Err.Error() || !errors.Is(got.Err, model.ErrInvalid) {
		t.Errorf("error %v, in this process %v", got.Err, want.Err)
	}
}

// TestReadErrorsAreTheSame in a worker as in this process.
func TestReadErrorsAreTheSame(t *testing.T) {
	p := newPool(t, Config{})
	for _, path := range []string{"render/missing", "render/file.yaml"} {
		in := model.RenderInput{Render: model.Render{Path: path}, Tree: newTestTree(map[string]string{"file.yaml": "x"})}
		got := p.Run(context.Background(), in, limits, input.Hooks{})
		want := testJob(context.Background(), in, limits, input.Hooks{})
		if fmt.Sprint(got.Err) != fmt.Sprint(want.Err) || errors.Is(got.Err, fs.ErrNotExist) != errors.Is(want.Err, fs.ErrNotExist) ||
			errors.Is(got.Err, model.ErrTransient) != errors.Is(want.Err, model.ErrTransient) {
			t.Errorf("%s: %v, in this process %v", path, got.Err, want.Err)
		}
	}
}

func TestWarnings(t *testing.T) {
	out := run(newPool(t, Config{}), "warn")
	if out.Err != nil || !out.Rendered.Partial || len(out.Rendered.Warnings) != 1 {
		t.Errorf("%+v", out)
	}
}

func TestWorkerIsBare(t *testing.T) {
	t.Setenv("SECRET", "of this process")
	p := newPool(t, Config{})
	if s := text(t, run(p, "env")); s != "[] 2" {
		t.Errorf("a worker's environment and number of arguments: %s", s)
	}
	if s := text(t, run(p, "zones")); s != "Europe/Berlin" {
		t.Errorf("time zone %q", s)
	}
	if s := text(t, run(p, "talk")); s != "talked" {
		t.Errorf("after writing to standard output: %q", s)
	}
}

func TestWorkerIsConfined(t *testing.T) {
	if !sandbox.Available().Full() {
		t.Skipf("this kernel has %s", sandbox.Available())
	}
	name := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(name, []byte("secret"), 0o644); err != nil {
		t.Fatal(err)
	}
	open, err := os.Open(name) // must not be inherited
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	in := model.RenderInput{Tree: newTestTree(nil), Render: model.Render{
		Path: "attack", Env: map[string]string{"FILE": name, "PID": strconv.Itoa(os.Getpid())},
	}}
	if s := text(t, newPool(t, Config{}).Run(context.Background(), in, limits, input.Hooks{})); s != "" {
		t.Errorf("a worker can: %s", s)
	}
	if text, _ := os.ReadFile(name); string(text) != "secret" {
		t.Error("the file was changed")
	}
}

func TestDeadline(t *testing.T) {
	p := newPool(t, Config{Workers: 1})
	in := model.RenderInput{Render: model.Render{Path: "loop"}, Tree: newTestTree(nil)}
	late := errors.New("took too long")
	ctx, cancel := context.WithCancelCause(context.Background())
	go func() {
		for p.Stats().Busy == 0 {
			time.Sleep(time.Millisecond)
		}
		cancel(late)
	}()
	if out := p.Run(ctx, in, limits, input.Hooks{}); !errors.Is(out.Err, late) || out.Lasting {
		t.Errorf("%+v", out)
	}
	if out := run(p, "render"); out.Err != nil {
		t.Error(out.Err)
	}
	if s := p.Stats(); s.Started != 2 || s.Died != 1 {
		t.Errorf("stats %+v", s)
	}
}

// pids are the workers of this process.
func pids(t testing.TB) []int {
	t.Helper()
	return childrenOf(t, os.Getpid())
}

func childrenOf(t testing.TB, parent int) []int {
	t.Helper()
	all, err := os.ReadDir("/proc")
	if err != nil {
		t.Skip(err)
	}
	var found []int
	for _, e := range all {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		stat, _ := os.ReadFile("/proc/" + e.Name() + "/stat")
		if _, rest, ok := strings.Cut(string(stat), ") "); ok && strings.Fields(rest)[1] == strconv.Itoa(parent) {
			found = append(found, pid)
		}
	}
	return found
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

// TestKilled: a worker that is killed while it renders costs its app an error
// that is not remembered; one that is killed while idle costs nothing.
func TestKilled(t *testing.T) {
	p := newPool(t, Config{Workers: 1})
	tree := newTestTree(map[string]string{"block": "x"})
	tree.block, tree.blocked = make(chan struct{}), make(chan struct{})
	in := model.RenderInput{Render: model.Render{Path: "block"}, Tree: tree}
	done := make(chan Outcome)
	go func() { done <- p.Run(context.Background(), in, limits, input.Hooks{}) }()
	<-tree.blocked
	for _, pid := range pids(t) {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Error(err)
		}
	}
	close(tree.block)
	out := <-done
	if !errors.Is(out.Err, model.ErrTransient) || !strings.Contains(fmt.Sprint(out.Err), "killed from outside") || out.Lasting {
		t.Errorf("%+v", out)
	}
	if out := run(p, "render"); out.Err != nil {
		t.Error(out.Err)
	}
	for _, pid := range pids(t) {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Error(err)
		}
	}
	if out := run(p, "render"); out.Err != nil {
		t.Errorf("after an idle worker was killed: %v", out.Err)
	}
	eventually(t, "both deaths are counted", func() bool { s := p.Stats(); return s.Died == 2 && s.Started == 3 })
}

func TestIdleWorkersEnd(t *testing.T) {
	for _, keep := range []int{0, 1} {
		p := newPool(t, Config{Workers: 3, Idle: time.Millisecond, Keep: keep})
		var all sync.WaitGroup
		for range 9 {
			all.Go(func() { run(p, "render") })
		}
		all.Wait()
		eventually(t, "idle workers have ended", func() bool { return p.Stats().Idle <= keep && len(pids(t)) <= keep })
		if s := p.Stats(); s.Died != 0 {
			t.Errorf("stats %+v", s)
		}
		if out := run(p, "render"); out.Err != nil {
			t.Error(out.Err)
		}
		p.Close()
	}
}

func TestWorkersAreReplaced(t *testing.T) {
	p := newPool(t, Config{Workers: 1, Jobs: 2})
	for range 6 {
		if out := run(p, "render"); out.Err != nil {
			t.Error(out.Err)
		}
	}
	if s := p.Stats(); s.Started != 3 || s.Died != 0 {
		t.Errorf("after 6 renders, 2 for each worker: %+v", s)
	}
	p = newPool(t, Config{Workers: 1, Resident: 48 << 20})
	for _, act := range []string{"render", "keep", "render"} {
		if out := run(p, act); out.Err != nil {
			t.Error(out.Err)
		}
	}
	if s := p.Stats(); s.Started != 2 || s.Died != 0 {
		t.Errorf("after a render that kept memory: %+v", s)
	}
}

// TestParallel: many renders share few workers, nobody mixes them up, and
// nothing is left behind.
func TestParallel(t *testing.T) {
	goroutines, files := runtime.NumGoroutine(), descriptors(t)
	p := NewPool(Config{Workers: 2})
	var all sync.WaitGroup
	for n := range 200 {
		all.Go(func() {
			name := fmt.Sprint("c", n)
			in := model.RenderInput{Render: model.Render{Path: "render/app"}, Tree: newTestTree(map[string]string{"app/a.yaml": configMap(name)})}
			if n%20 == 7 {
				in.Path = "exit"
			}
			out := p.Run(context.Background(), in, limits, input.Hooks{})
			switch {
			case n%20 == 7 && out.Err == nil:
				t.Error("a render that ends its worker succeeds")
			case n%20 != 7 && (out.Err != nil || len(out.Rendered.Objects) != 1 || out.Rendered.Objects[0].Name != name):
				t.Errorf("%s: %+v", name, out)
			}
		})
	}
	all.Wait()
	if s := p.Stats(); s.Tasks != 200 || s.Died != 10 || s.Started > 12 || s.Busy != 0 {
		t.Errorf("stats %+v", s)
	}
	p.Close()
	if left := pids(t); len(left) > 0 {
		t.Errorf("processes left: %v", left)
	}
	eventually(t, "goroutines have ended", func() bool { return runtime.NumGoroutine() <= goroutines })
	eventually(t, "descriptors are closed", func() bool { return descriptors(t) <= files })
}

func descriptors(t *testing.T) int {
	t.Helper()
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip(err)
	}
	return len(open)
}

func TestClose(t *testing.T) {
	p := NewPool(Config{})
	tree := newTestTree(nil)
	started := make(chan struct{})
	hooks := input.Hooks{Plugin: func(ctx context.Context, _ string) ([]byte, error) {
		close(started)
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	in := model.RenderInput{Render: model.Render{Path: "plugin"}, Tree: tree}
	done := make(chan Outcome)
	go func() { done <- p.Run(context.Background(), in, limits, hooks) }()
	<-started
	p.Close()
	if out := <-done; !errors.Is(out.Err, errClosed) {
		t.Errorf("a render that was running: %v", out.Err)
	}
	if out := run(p, "render"); !errors.Is(out.Err, errClosed) {
		t.Errorf("a render afterwards: %v", out.Err)
	}
	p.Close()
	if left := pids(t); len(left) > 0 {
		t.Errorf("processes left: %v", left)
	}
}

func TestStartFails(t *testing.T) {
	for name, c := range map[string]Config{
		"missing": {Program: "/does/not/exist"},
		"another": {Program: "/bin/true"},
	} {
		t.Run(name, func(t *testing.T) {
			if out := run(newPool(t, c), "render"); !errors.Is(out.Err, model.ErrTransient) || !strings.Contains(fmt.Sprint(out.Err), "starting a render worker") || out.Lasting {
				t.Errorf("%+v", out)
			}
		})
	}
}

// TestParentDies: workers don't outlive the process that they work for, even if
// that is killed.
func TestParentDies(t *testing.T) {
	cmd := exec.Command(os.Args[0], "parent")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Fatalf("%q, %v", line, err)
	}
	var workers []int
	eventually(t, "there are two workers", func() bool {
		workers = childrenOf(t, cmd.Process.Pid)
		return len(workers) == 2
	})
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	for _, pid := range workers {
		eventually(t, "the worker is gone", func() bool {
			stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
			return err != nil || strings.Contains(string(stat), ") Z ") // nobody may wait for orphans here
		})
	}
}

func BenchmarkRoundTrip(b *testing.B) {
	p := NewPool(Config{})
	defer p.Close()
	for b.Loop() {
		if out := run(p, "nothing"); out.Err != nil {
			b.Fatal(out.Err)
		}
	}
	b.ReportMetric(float64(resident(b, pids(b)[0])>>10), "MiB/worker")
}

// resident is how much memory a process has of its own, in KiB.
func resident(b *testing.B, pid int) (kib int) {
	b.Helper()
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, rest, _ := strings.Cut(string(status), "RssAnon:")
	if _, err := fmt.Sscan(rest, &kib); err != nil {
		b.Error(err)
	}
	return kib
}

// BenchmarkFiles renders 50 files of which nothing was given in advance, and of
// which all was.
func BenchmarkFiles(b *testing.B) {
	files := map[string]string{}
	for i := range 50 {
		files[fmt.Sprintf("app/%d.yaml", i)] = configMap(fmt.Sprint("c", i))
	}
	for _, act := range []string{"render", "ask", "here"} {
		b.Run(act, func(b *testing.B) {
			p := NewPool(Config{})
			defer p.Close()
			in := model.RenderInput{Render: model.Render{Path: act + "/app"}, Tree: newTestTree(files)}
			for b.Loop() {
				var out Outcome
				if act == "here" {
					in.Path = "render/app"
					out = testJob(context.Background(), in, limits, input.Hooks{})
				} else {
					out = p.Run(context.Background(), in, limits, input.Hooks{})
				}
				if out.Err != nil || len(out.Rendered.Objects) != 50 {
					b.Fatal(out.Err)
				}
			}
		})
	}
}

func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		p := NewPool(Config{})
		if out := run(p, "nothing"); out.Err != nil {
			b.Fatal(out.Err)
		}
		p.Close()
	}
}
