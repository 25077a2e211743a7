package plugin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/input"
	"github.com/fixpoint-cd/fixpoint/internal/render/sandbox"
	"github.com/google/go-cmp/cmp"
)

type testHost struct{ model.RenderHost }

func (testHost) Cluster(context.Context) (string, []string, error) {
	return "v1.36.3", []string{"v1", "apps/v1"}, nil
}

func TestRender(t *testing.T) {
	r := newRunner(t, shell("cat cm.yaml; echo ---; sed s/a$/b/ cm.yaml; echo done >&2"))
	in := appInput(manifestFile)
	inputs := input.Open(context.Background(), in, 1<<20)
	inputs.Hooks.Plugin = r.Hook(in)
	objects, err := Render(inputs, "app")
	if err != nil || len(objects) != 2 || objects[0].Name != "a" || objects[1].Name != "b" {
		t.Fatalf("%+v, %v", objects, err)
	}
	reads, _ := inputs.Noted()
	if !input.Unchanged(context.Background(), reads, in) {
		t.Error("the reads don't hold for the same tree")
	}
	for _, name := range []string{"app/cm.yaml", "app/new", "app/sub/new"} {
		changed := appInput(manifestFile)
		changed.Tree = newTree(map[string]string{"app/cm.yaml": manifestFile["app/cm.yaml"], name: "changed"})
		if input.Unchanged(context.Background(), reads, changed) {
			t.Errorf("the reads hold although %s has changed", name)
		}
	}
}

func TestRenderErrors(t *testing.T) {
	in := appInput(manifestFile)
	for name, tt := range map[string]struct {
		output string
		hook   bool
		want   string
	}{
		"no hook":     {"", false, "no plugins can be run here"},
		"no manifest": {"hello", true, "neither a manifest"},
		"broken":      {"a: [", true, "neither a manifest"},
		"incomplete":  {"kind: ConfigMap\nmetadata:\n  name: a\n", true, `no "apiVersion"`},
	} {
		t.Run(name, func(t *testing.T) {
			inputs := input.Open(context.Background(), in, 1<<20)
			if tt.hook {
				inputs.Hooks.Plugin = func(context.Context, string) ([]byte, error) { return []byte(tt.output), nil }
			}
			if _, err := Render(inputs, "app"); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

func TestEnvironment(t *testing.T) {
	in := appInput(manifestFile)
	one, empty := "x y", ""
	in.Host = testHost{}
	in.Env = map[string]string{"ARGOCD_APP_NAME": "shop", "ARGOCD_APP_REVISION": "abc"}
	in.Plugin.Env = []model.NameValue{{Name: "COLOUR", Value: "blue"}, {Name: "EMPTY"}}
	in.Plugin.Parameters = []model.PluginParameter{
		{Name: "a-text", String: &one}, {Name: "none", String: &empty},
		{Name: "list", Array: []string{"p", "q"}}, {Name: "no-list", Array: []string{}},
		{Name: "map", Map: map[string]string{"k.e-y": "v"}}, {Name: "no-map", Map: map[string]string{}},
	}
	t.Setenv("SECRET", "of this process")
	r := newRunner(t, shell("env | grep -v ^PWD= | grep -v ^_= | grep -v ^SHLVL= | sort"))
	out, err := generate(r, in)
	if err != nil {
		t.Fatal(err)
	}
	home, _, _ := strings.Cut(out[strings.Index(out, "\nHOME=")+len("\nHOME="):], "\n")
	want := strings.Join([]string{
		"ARGOCD_APP_NAME=shop",
		`ARGOCD_APP_PARAMETERS=[{"name":"a-text","string":"x y"},{"name":"none","string":""},{"array":["p","q"],"name":"list"},` +
			`{"array":[],"name":"no-list"},{"map":{"k.e-y":"v"},"name":"map"},{"map":{},"name":"no-map"}]`,
		"ARGOCD_APP_REVISION=abc", "ARGOCD_ENV_COLOUR=blue", "ARGOCD_ENV_EMPTY=",
		"HOME=" + home, "KUBE_API_VERSIONS=v1,apps/v1", "KUBE_VERSION=1.36.3",
		"PARAM_A_TEXT=x y", "PARAM_LIST_0=p", "PARAM_LIST_1=q", "PARAM_MAP_K_E_Y=v", "PARAM_NONE=",
		"PATH=" + searched, "TMPDIR=" + home, "",
	}, "\n")
	if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(out, "\n")); diff != "" {
		t.Errorf("environment (-want +got):\n%s", diff)
	}
	if !strings.HasPrefix(home, r.Dir) {
		t.Errorf("HOME is %s", home)
	}
}

func TestCopy(t *testing.T) {
	files := map[string]string{
		"app/cm.yaml": "x", "app/sub/deep/f": "y", "app/run.sh": "#!/bin/sh\necho ran\n", "other/secret": "z",
		"app/to-file": "-> sub/deep/f", "app/to-dir": "-> sub", "app/dangling": "-> nothing", "app/up": "-> ../other",
		"app/-rf": "a", "app/two words": "b",
	}
	list := "find . -mindepth 1 ! -type d | sort; stat -c %a . run.sh cm.yaml sub; cat to-dir/deep/f to-file up/secret; ls -A ..; "
	wantFiles := "./-rf\n./cm.yaml\n./run.sh\n./sub/deep/f\n./to-dir/deep/f\n./to-file\n./two words\n./up/secret\n"
	for name, tt := range map[string]struct {
		modes bool
		want  string
	}{
		"modes dropped": {false, wantFiles + "700\n600\n600\n700\nyyzhome\nsource\n"},
		"modes kept":    {true, wantFiles + "700\n700\n600\n700\nyyzhome\nsource\n"},
	} {
		t.Run(name, func(t *testing.T) {
			p := shell(list)
			p.KeepModes = tt.modes
			r := newRunner(t, p)
			out, err := generate(r, appInput(files))
			if out != tt.want {
				t.Errorf("got  %q\nwant %q (%v)", out, tt.want, err)
			}
			assertEmpty(t, r.Dir)
		})
	}
}

func assertEmpty(t *testing.T, dir string) {
	t.Helper()
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left in the folder of copies: %v, %v", left, err)
	}
}

func TestCopyErrors(t *testing.T) {
	for name, tt := range map[string]struct {
		files map[string]string
		want  string
	}{
		"out of the source": {map[string]string{"app/a": "-> !/etc/passwd"}, "a symbolic link leads out of the source"},
		"too big":           {map[string]string{"app/a": strings.Repeat("x", 3000)}, "more than the limit of 2000 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRunner(t, shell("true"))
			r.MaxBytes = 2000
			if _, err := generate(r, appInput(tt.files)); !errors.Is(err, model.ErrInvalid) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
			assertEmpty(t, r.Dir)
		})
	}
	for _, name := range []string{"", ".", "..", "a/b", `a\b`, "a\x00"} {
		if isName(name) {
			t.Errorf("%q is taken for the name of a file", name)
		}
	}
}

// TestLinksInCircles: a link to its own directory makes a copy that is finite.
func TestLinksInCircles(t *testing.T) {
	r := newRunner(t, shell("find . -name f | wc -l"))
	out, err := generate(r, appInput(map[string]string{"app/f": "x", "app/again": "-> ."}))
	if err != nil || strings.TrimSpace(out) != fmt.Sprint(maxLinks+1) {
		t.Errorf("%q, %v", out, err)
	}
}

func TestInitRunsFirst(t *testing.T) {
	p := shell("cat made")
	p.Init = []string{"sh", "-c", "echo by init >made; echo not output"}
	if out, err := generate(newRunner(t, p), appInput(manifestFile)); out != "by init\n" || err != nil {
		t.Errorf("%q, %v", out, err)
	}
	p.Init = []string{"false"}
	if _, err := generate(newRunner(t, p), appInput(manifestFile)); err == nil || !strings.Contains(err.Error(), "the plugin test: init failed (exit status 1) and said nothing") {
		t.Error(err)
	}
}

func TestErrorsTellNoValues(t *testing.T) {
	in := appInput(manifestFile)
	secret, short := "s3cr3t-value\nsecond line", "7"
	in.Plugin.Env = []model.NameValue{{Name: "TOKEN", Value: secret}, {Name: "N", Value: short}}
	in.Plugin.Parameters = []model.PluginParameter{{Name: "p", String: &secret}}
	r := newRunner(t, shell(`echo "line 17 of $PWD/cm.yaml: $ARGOCD_ENV_TOKEN, $PARAM_P, $ARGOCD_ENV_N" >&2; echo "$ARGOCD_ENV_TOKEN" | tail -n1 >&2; exit 3`))
	_, err := generate(r, in)
	want := "the plugin test: generate failed (exit status 3): line 17 of cm.yaml: (hidden), (hidden), (hidden)\n(hidden)"
	if fmt.Sprint(err) != want || !errors.Is(err, model.ErrInvalid) {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func needConfinement(t *testing.T) {
	t.Helper()
	if !sandbox.Available().Full() {
		t.Skipf("this kernel has %s", sandbox.Available())
	}
}

// TestPluginIsConfined runs scripts that end well only if they get out.
func TestPluginIsConfined(t *testing.T) {
	needConfinement(t)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := strings.Cut(l.Addr().String(), ":")
	connect := "exec bash -c 'exec 3<>/dev/tcp/127.0.0.1/" + port + "'"
	for name, script := range map[string]string{
		"file":          "cat " + secret,
		"write":         "echo x >" + secret,
		"other copies":  "ls ../..",
		"environment":   "cat /proc/$PPID/environ",
		"service token": "cat /etc/passwd",
		"network":       connect,
		"signal":        "kill -0 $PPID",
		"leave group":   "setsid true",
	} {
		t.Run(name, func(t *testing.T) {
			if out, err := generate(newRunner(t, shell(script)), appInput(manifestFile)); err == nil {
				t.Errorf("it worked: %s", out)
			}
		})
	}
	p := shell(connect)
	p.Network = true
	if _, err := generate(newRunner(t, p), appInput(manifestFile)); err != nil {
		t.Errorf("network that is allowed: %v", err)
	}
	p = shell("cat " + secret)
	p.Read = []string{filepath.Dir(secret)}
	if out, err := generate(newRunner(t, p), appInput(manifestFile)); err != nil || out != "x" {
		t.Errorf("a folder that is allowed: %q, %v", out, err)
	}
}

// TestLimits: what takes too much is ended, with all that it started.
func TestLimits(t *testing.T) {
	for name, tt := range map[string]struct {
		script string
		change func(*Runner)
		want   string
	}{
		"time":             {"sleep 600", func(r *Runner) { r.Timeout = 300 * time.Millisecond }, "generate took longer than the limit of 300ms"},
		"processor":        {"while :; do :; done", func(r *Runner) { r.Timeout = 300 * time.Millisecond }, "took longer"},
		"output":           {"cat /dev/zero", func(r *Runner) { r.MaxOutput = 1 << 20 }, "generate wrote more than 1 MiB"},
		"processes":        {"while :; do sleep 600 & done", func(r *Runner) { r.Processes = 20 }, "more than 20 processes"},
		"memory, together": {"for i in 1 2 3 4 5 6 7 8; do (x=$(head -c 40000000 /dev/zero | tr '\\0' x); sleep 600; echo $x) & done; wait", func(r *Runner) { r.Memory = 200 << 20 }, "more than 200 MiB of memory"},
		"memory, of one":   {"head -c 200000000 /dev/zero | tail -n 1", func(r *Runner) { r.Memory = 100 << 20 }, "the plugin test"},
		"disk":             {"while :; do head -c 1000000 /dev/zero >>f; done", func(r *Runner) { r.Disk = 10 << 20 }, "the plugin test"},
		"files":            {"i=0; while :; do : >f$i; i=$((i+1)); done", func(r *Runner) { r.Disk = 10 << 20 }, "has written more than 10 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRunner(t, shell(tt.script))
			tt.change(r)
			_, err := generate(r, appInput(manifestFile))
			if !errors.Is(err, model.ErrInvalid) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
			assertEmpty(t, r.Dir)
			assertNoneLeft(t, r.Dir)
		})
	}
}

// assertNoneLeft fails if a process of a runner's plugins is alive: they all have a home in
// its folder.
func assertNoneLeft(t *testing.T, dir string) {
	t.Helper()
	environs, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, name := range environs {
		if text, _ := os.ReadFile(name); strings.Contains(string(text), "HOME="+dir) {
			t.Errorf("%s is that of a plugin's process", name)
		}
	}
}

func TestNothingIsLeft(t *testing.T) {
	r := newRunner(t, shell("(sleep 600 &) ; sleep 600 & mkdir -p x/y && chmod 0 x/y x; echo out"))
	if out, err := generate(r, appInput(manifestFile)); out != "out\n" || err != nil {
		t.Errorf("%q, %v", out, err)
	}
	assertEmpty(t, r.Dir)
	assertNoneLeft(t, r.Dir)
}

func TestCallerGivesUp(t *testing.T) {
	r := newRunner(t, shell("touch started; sleep 600"))
	ctx, cancel := context.WithCancelCause(context.Background())
	enough := errors.New("enough")
	go func() {
		for len(globbed(r.Dir+"/*/source/started")) == 0 {
			time.Sleep(time.Millisecond)
		}
		cancel(enough)
	}()
	if _, err := r.Hook(appInput(manifestFile))(ctx, "app"); !errors.Is(err, enough) {
		t.Error(err)
	}
	assertEmpty(t, r.Dir)
	assertNoneLeft(t, r.Dir)
}

func globbed(pattern string) []string {
	found, _ := filepath.Glob(pattern)
	return found
}

func TestStartFails(t *testing.T) {
	r := newRunner(t, Plugin{Name: "test", Generate: []string{"no-such-command"}})
	if _, err := generate(r, appInput(manifestFile)); !errors.Is(err, model.ErrInvalid) || !strings.Contains(err.Error(), `"no-such-command" is in none of the folders of PATH`) {
		t.Error(err)
	}
	r.Program = "/does/not/exist"
	if _, err := generate(r, appInput(manifestFile)); !errors.Is(err, model.ErrTransient) {
		t.Error(err)
	}
	if _, err := exec.LookPath("sh"); err != nil {
		t.Fatal(err)
	}
}
