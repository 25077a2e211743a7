package worker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/input"
	"github.com/fixpoint-cd/fixpoint/internal/render/manifest"
	"github.com/fixpoint-cd/fixpoint/internal/render/sandbox/child"
)

// The test binary is the workers, too.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == Command {
		fmt.Fprintln(os.Stderr, Main(testJob))
		os.Exit(1)
	}
	if len(os.Args) > 1 && os.Args[1] == "parent" {
		parent()
	}
	os.Exit(m.Run())
}

// parent is a process with two workers, one that is idle and one that renders
// without end and without a question.
func parent() {
	p := NewPool(Config{Workers: 2})
	go run(p, "loop")
	for p.Stats().Busy == 0 {
		time.Sleep(time.Millisecond)
	}
	if out := run(p, "nothing"); out.Err != nil {
		panic(out.Err)
	}
	fmt.Println("ready")
	select {}
}

// testJob does what the first part of the path says; the rest is the directory
// that is read.
func testJob(ctx context.Context, in model.RenderInput, limits Limits, hooks input.Hooks) Outcome {
	if in.Env[useTools] != "" {
		in.Env = nil
		return runTools(ctx, in, limits, hooks)
	}
	act, dir, _ := strings.Cut(in.Path, "/")
	inputs := input.Open(ctx, in, limits.MaxBytes)
	inputs.Hooks, inputs.MaxObjects = hooks, limits.MaxObjects
	j := &testCase{inputs: inputs, dir: path.Clean(dir), in: in}
	do, ok := acts[act]
	if !ok {
		return Outcome{Err: model.Invalidf("there is no act %q", act)}
	}
	objects, err := do(j)
	if inputs.Broken() != nil {
		err = inputs.Broken()
	}
	warnings, partial := inputs.Warnings()
	return Outcome{Err: err, Rendered: model.Rendered{
		Objects: objects, Tool: model.ToolDirectory, Warnings: warnings, Partial: partial,
	}}
}

// testCase is a render of a test.
type testCase struct {
	inputs *input.Inputs
	in     model.RenderInput
	dir    string
}

// says makes an object whose data.text is a text.
func says(text string) ([]model.Object, error) {
	json := fmt.Sprintf(`{"apiVersion":"v1","data":{"text":%q},"kind":"ConfigMap","metadata":{"labels":{"a":"b"},"name":"said"}}`, text)
	return []model.Object{{JSON: []byte(json), Origin: "said.yaml"}}, nil
}

var acts = map[string]func(*testCase) ([]model.Object, error){
	"render":  (*testCase).render,
	"ask":     (*testCase).walk,
	"nothing": func(*testCase) ([]model.Object, error) { return nil, nil },
	"fail": func(*testCase) ([]model.Object, error) {
		return nil, model.As(model.ErrDenied, errors.New("not for you"))
	},
	"warn":    func(j *testCase) ([]model.Object, error) { j.inputs.Malformed("x", "YAML"); return nil, nil },
	"panic":   func(*testCase) ([]model.Object, error) { panic("secret value") },
	"crash":   func(*testCase) ([]model.Object, error) { go crashing("secret value"); select {} },
	"exit":    func(*testCase) ([]model.Object, error) { os.Exit(0); return nil, nil },
	"loop":    func(*testCase) ([]model.Object, error) { return says(fmt.Sprint(spin())) },
	"recurse": func(*testCase) ([]model.Object, error) { return says(fmt.Sprint(recurse(1))) },
	"memory":  func(*testCase) ([]model.Object, error) { return says(fmt.Sprint(len(bomb()))) },
	"block":   func(j *testCase) ([]model.Object, error) { _, err := j.inputs.Files.Read("block"); return nil, err },
	"garbage": func(j *testCase) ([]model.Object, error) { raw(j, []byte("this is no frame at all")); select {} },
	"giant": func(j *testCase) ([]model.Object, error) {
		raw(j, []byte{255, 255, 255, 255, byte(kindAsk)})
		select {}
	},
	"short": func(j *testCase) ([]model.Object, error) {
		raw(j, []byte{0, 0, 0, 9, byte(kindAsk), 1})
		os.Exit(0)
		return nil, nil
	},
	"early":   func(j *testCase) ([]model.Object, error) { raw(j, appendFrame(kindHello, child.Hello{})); select {} },
	"malform": func(j *testCase) ([]model.Object, error) { raw(j, appendFrame(kindAsk, []byte("x"))); select {} },
	"stranger": func(j *testCase) ([]model.Object, error) {
		raw(j, appendFrame(kindAsk, question{About: askRead, Tree: 7, Name: "a"}))
		select {}
	},
	"twice": func(*testCase) ([]model.Object, error) {
		return []model.Object{{JSON: []byte(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","name":"b"}}`)}}, nil
	},
	"broken": func(*testCase) ([]model.Object, error) { return []model.Object{{JSON: []byte(`{"kind":`)}}, nil },
	"many":   func(*testCase) ([]model.Object, error) { o, _ := says("x"); return append(append(o, o...), o...), nil },
	"much":   func(*testCase) ([]model.Object, error) { return says(strings.Repeat("x", 3<<20)) },
	"keep":   func(*testCase) ([]model.Object, error) { keeps = touched(64 << 20); return nil, nil },
	"plugin": func(j *testCase) ([]model.Object, error) {
		return texts(j.inputs.Hooks.Plugin(context.Background(), j.in.Path))
	},
	"other": func(j *testCase) ([]model.Object, error) {
		return texts(j.inputs.Hooks.Plugin(context.Background(), "elsewhere"))
	},
	"unwrap": func(j *testCase) ([]model.Object, error) {
		return texts(j.inputs.Hooks.Unwrap(context.Background(), []byte("key")))
	},
	"world":  (*testCase).world,
	"more":   (*testCase).more,
	"attack": (*testCase).attack,
	"keys": func(j *testCase) ([]model.Object, error) {
		return says(fmt.Sprintf("%q %q", j.in.Decrypt.Keys, j.in.Decrypt.Disabled))
	},
	"env": func(*testCase) ([]model.Object, error) { return says(fmt.Sprint(os.Environ(), len(os.Args))) },
	"zones": func(*testCase) ([]model.Object, error) {
		z, err := time.LoadLocation("Europe/Berlin")
		return texts([]byte(z.String()), err)
	},
	"talk": func(*testCase) ([]model.Object, error) { fmt.Println("to standard output"); return says("talked") },
}

var keeps []byte

func texts(b []byte, err error) ([]model.Object, error) {
	if err != nil {
		return nil, err
	}
	return says(string(b))
}

func crashing(value string) { panic(value) }

// endless is never changed; only the compiler doesn't know it.
var endless = true

func spin() (turns int) {
	for endless {
		turns++
	}
	return turns
}

//go:noinline
func recurse(n int) int {
	if !endless {
		return n
	}
	return recurse(n+1) + 1
}

func bomb() (all [][]byte) {
	for endless {
		all = append(all, touched(1<<20))
	}
	return all
}

func touched(n int) []byte {
	b := make([]byte, n)
	for i := 0; i < len(b); i += 4096 {
		b[i] = 1
	}
	return b
}

// raw writes past the protocol.
func raw(j *testCase, b []byte) {
	if _, err := j.in.Tree.(*tree).client.out.Write(b); err != nil {
		panic(err)
	}
}

// render reads all manifests in and below the directory, as tools do.
func (j *testCase) render() ([]model.Object, error) {
	if err := j.inputs.Files.Prefetch(j.dir); err != nil {
		return nil, err
	}
	return j.walk()
}

func (j *testCase) walk() (all []model.Object, err error) {
	w := &input.Walk{Files: j.inputs.Files, Recurse: true, Warnf: j.inputs.Warnf, Visit: func(name string) error {
		if path.Ext(name) != ".yaml" {
			return nil
		}
		data, err := j.inputs.Files.Read(name)
		if err != nil {
			return err
		}
		d := manifest.Decoder{File: name, Warnf: j.inputs.Warnf, Malformed: j.inputs.Malformed}
		objects, err := d.Objects(data)
		all = append(all, objects...)
		return err
	}}
	return all, w.Dir(j.dir)
}

// world asks the host for everything.
func (j *testCase) world() ([]model.Object, error) {
	version, err1 := j.inputs.KubeVersion()
	apis, err2 := j.inputs.APIVersions()
	ref, err3 := j.inputs.Ref("values")
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	value, err1 := ref.Read("v.yaml")
	remote, snap, err2 := j.inputs.Remote(model.Source{URL: "https://git.example.com/base", Auth: model.Auth{Password: "mine"}})
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	again, _, _ := j.inputs.Remote(model.Source{URL: "https://git.example.com/base", Auth: model.Auth{Password: "mine"}})
	base, err1 := remote.Read("base.yaml")
	page, err2 := j.inputs.Download("https://example.com/page")
	live, err3 := j.inputs.Lookup(model.ObjectRef{ObjectKey: model.ObjectKey{Kind: "ConfigMap", Name: "live"}, Version: "v1"})
	none, err4 := j.inputs.Lookup(model.ObjectRef{ObjectKey: model.ObjectKey{Kind: "ConfigMap", Name: "none"}, Version: "v1"})
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return nil, err
	}
	return says(fmt.Sprint(version, apis, string(value), string(base), snap.Revision, again == remote, string(page), string(live), none == nil))
}

// attack tries to get out, on several threads; what works is in the object.
// more asks for what the task does not offer.
func (j *testCase) more() ([]model.Object, error) {
	greedy := model.Source{
		Kind: model.SourceGit, URL: "https://git.example.com/base", Chart: "c", Auth: model.Auth{PassCredentials: true, Username: "me"},
		Proxy: model.Proxy{URL: "http://evil.example.com"}, Verify: &model.Verify{},
		Git:    model.Git{Submodules: true, Include: []model.Include{{Source: "argo/other/app", From: ".", To: "stolen"}}},
		Bucket: model.Bucket{Name: "x", Provider: "aws"}, OCI: model.OCI{Insecure: true},
	}
	if _, _, err := j.inputs.Remote(greedy); err != nil {
		return nil, err
	}
	c := j.in.Tree.(*tree).client
	_, lookup := c.question(question{About: askLookup, Object: &model.ObjectRef{ObjectKey: model.ObjectKey{Kind: "Secret", Name: "live"}, Version: "v1"}})
	_, unwrap := c.question(question{About: askUnwrap, Data: []byte("key")})
	_, plugin := c.question(question{About: askPlugin, Name: j.in.Path})
	return says(fmt.Sprintf("lookup %t, unwrap %t, plugin %t", lookup == nil, unwrap == nil, plugin == nil))
}

func (j *testCase) attack() ([]model.Object, error) {
	var mu sync.Mutex
	var worked []string
	var all sync.WaitGroup
	for name, try := range attacks {
		all.Go(func() {
			runtime.LockOSThread()
			if err := try(j.in.Env); err == nil {
				mu.Lock()
				defer mu.Unlock()
				worked = append(worked, name)
			}
		})
	}
	all.Wait()
	return says(strings.Join(worked, ","))
}

var attacks = map[string]func(env map[string]string) error{
	"read a file":   func(env map[string]string) error { _, err := os.ReadFile(env["FILE"]); return err },
	"read passwd":   func(map[string]string) error { _, err := os.ReadFile("/etc/passwd"); return err },
	"read environ":  func(map[string]string) error { _, err := os.ReadFile("/proc/self/environ"); return err },
	"read a pipe":   func(map[string]string) error { _, err := os.ReadFile("/proc/self/fd/3"); return err },
	"write a file":  func(env map[string]string) error { return os.WriteFile(env["FILE"], nil, 0o600) },
	"start process": func(map[string]string) error { return exec.Command("/bin/true").Run() },
	"signal parent": func(env map[string]string) error {
		var pid int
		fmt.Sscan(env["PID"], &pid)
		return syscall.Kill(pid, 0)
	},
	"other files": func(map[string]string) error { return otherDescriptors() },
}

// otherDescriptors succeeds if there are descriptors that a worker has no use for.
func otherDescriptors() error {
	const first = 5 // below are three streams and two pipes
	for fd := first; fd < 100; fd++ {
		var st syscall.Stat_t
		if syscall.Fstat(fd, &st) == nil && st.Mode&syscall.S_IFMT == syscall.S_IFREG && st.Size > 0 {
			return nil
		}
	}
	return fs.ErrNotExist
}
