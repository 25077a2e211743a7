package oracle

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render"
	"github.com/fixpoint-cd/fixpoint/internal/render/input"
	"github.com/fixpoint-cd/fixpoint/internal/render/job"
	"github.com/fixpoint-cd/fixpoint/internal/render/worker"
	"github.com/fixpoint-cd/fixpoint/internal/source"
	"golang.org/x/sync/errgroup"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == worker.Command {
		err := worker.Main(func(ctx context.Context, in model.RenderInput, l worker.Limits, h input.Hooks) worker.Outcome {
			return worker.Outcome(job.Run(ctx, in, job.Limits(l), h))
		})
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// Sizes of the bench.
const (
	benchOverlays, benchObjects = 100, 50
	benchReleases, benchChart   = 100, 30
	benchApps                   = 500
)

// TestBench measures renders beside the stock commands, on the same files, with
// as many at a time as there are cores, in one run. Only ratios mean anything.
func TestBench(t *testing.T) {
	if os.Getenv("FIXPOINT_BENCH") == "" {
		t.Skip("measures; run it with make bench")
	}
	repo := benchRepository(t)
	tree := repo.open(t)
	t.Run("kustomize", func(t *testing.T) {
		var specs []model.Render
		var stock [][]string
		for i := range benchOverlays {
			dir := fmt.Sprint("overlays/", i)
			specs = append(specs, model.Render{Path: dir})
			stock = append(stock, []string{"kustomize", "build", dir})
		}
		compareRates(t, repo.dir, tree, specs, stock)
	})
	t.Run("helm", func(t *testing.T) {
		var specs []model.Render
		var stock [][]string
		for i := range benchReleases {
			name, value := fmt.Sprint("r", i), fmt.Sprint(i)
			specs = append(specs, model.Render{Path: "chart", Helm: model.Helm{
				Release: name, Namespace: "default", Parameters: []model.HelmParameter{{Name: "value", Value: value}},
			}})
			stock = append(stock, []string{"helm", "template", name, "chart", "--include-crds", "--set", "value=" + value})
		}
		compareRates(t, repo.dir, tree, specs, stock)
	})
	t.Run("monorepo", func(t *testing.T) { benchMonorepo(t, repo) })
}

// compareRates renders everything once with each, and everything again.
func compareRates(t *testing.T, dir string, tree model.Tree, specs []model.Render, stock [][]string) {
	r := newBenchRenderer(t)
	var others []model.Render // after which the workers have started
	for i := range 2 * runtime.GOMAXPROCS(0) {
		others = append(others, model.Render{Path: fmt.Sprint("apps/", i)})
	}
	r.all(t, tree, others)
	used := r.cpu(t)
	ours := r.all(t, tree, specs)
	used = r.cpu(t) - used
	renders := r.Stats().Renders
	again := r.all(t, tree, specs)
	if r.Stats().Renders != renders {
		t.Errorf("rendering unchanged content again did %d renders", r.Stats().Renders-renders)
	}
	theirs, theirUse, memory := runStock(t, dir, stock)
	rate := func(d time.Duration) float64 { return float64(len(specs)) / d.Seconds() }
	each := func(d time.Duration) float64 { return d.Seconds() * 1000 / float64(len(specs)) }
	t.Logf("%d renders: %.0f/s, %.1f ms of CPU each, peak %d MiB in all processes; stock commands %.1f/s, %.1f ms, peak %d MiB each; "+
		"ratios: rate %.1f, CPU %.1f", len(specs), rate(ours), each(used), r.peak()>>20, rate(theirs), each(theirUse), memory>>10,
		theirs.Seconds()/ours.Seconds(), theirUse.Seconds()/used.Seconds())
	t.Logf("unchanged, again: 0 renders, %.0f/s", rate(again))
}

// benchMonorepo renders all apps of a repository, and again after a commit that
// touches one of them.
func benchMonorepo(t *testing.T, repo *benchRepo) {
	r := newBenchRenderer(t)
	var specs []model.Render
	var stock [][]string
	for i := range benchApps {
		specs = append(specs, model.Render{Path: fmt.Sprint("apps/", i)})
		if i%10 == 0 {
			stock = append(stock, []string{"kustomize", "build", fmt.Sprint("apps/", i)})
		}
	}
	first := r.all(t, repo.open(t), specs)
	repo.write(t, "apps/7/a.yaml", configMapText("a", "changed"))
	repo.commit(t)
	tree := repo.open(t)
	before := r.Stats().Renders
	after := r.all(t, tree, specs)
	if n := r.Stats().Renders - before; n != 1 {
		t.Errorf("a commit that touches one of %d apps rendered %d", benchApps, n)
	}
	theirs, _, memory := runStock(t, repo.dir, stock)
	theirs *= 10
	t.Logf("%d apps: %.2f s, peak %d MiB; after a commit that touches one: 1 render, %.3f s; stock commands %.1f s for all "+
		"(measured with every tenth), peak %d MiB each; ratios %.1f and %.0f",
		benchApps, first.Seconds(), r.peak()>>20, after.Seconds(), theirs.Seconds(), memory>>10,
		theirs.Seconds()/first.Seconds(), theirs.Seconds()/after.Seconds())
}

// benchRenderer renders in workers, as the controller does.
type benchRenderer struct {
	*render.Renderer
	pool *worker.Pool

	mu   sync.Mutex
	most int64
}

func newBenchRenderer(t *testing.T) *benchRenderer {
	r := &benchRenderer{pool: worker.NewPool(worker.Config{})}
	t.Cleanup(r.pool.Close)
	r.Renderer = render.New(render.Config{Run: func(ctx context.Context, in model.RenderInput, l job.Limits) job.Outcome {
		return job.Outcome(r.pool.Run(ctx, in, worker.Limits(l), input.Hooks{}))
	}})
	return r
}

// all renders all specs, as many at a time as there are cores.
func (r *benchRenderer) all(t *testing.T, tree model.Tree, specs []model.Render) time.Duration {
	t.Helper()
	start := time.Now()
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for _, spec := range specs {
		g.Go(func() error {
			out, err := r.Render(t.Context(), model.RenderInput{Render: spec, Tree: tree})
			if err == nil && len(out.Objects) == 0 {
				err = fmt.Errorf("%s has no objects", spec.Path)
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	took := time.Since(start)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.most = max(r.most, residentOf(t))
	return took
}

func (r *benchRenderer) peak() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.most
}

// residentOf is the most memory that this process and its children have had,
// in bytes.
func residentOf(t *testing.T) int64 {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/status")
	if err != nil {
		t.Fatal(err)
	}
	self, sum := strconv.Itoa(os.Getpid()), int64(0)
	for _, name := range all {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended
		}
		field := func(name string) string {
			_, rest, _ := bytes.Cut(text, []byte("\n"+name+":"))
			line, _, _ := bytes.Cut(rest, []byte("\n"))
			return strings.TrimSuffix(strings.TrimSpace(string(line)), " kB")
		}
		if field("Pid") == self || field("PPid") == self {
			kib, _ := strconv.ParseInt(field("VmHWM"), 10, 64)
			sum += kib << 10
		}
	}
	return sum
}

// cpu is the processor time that this process and its children have used.
func (r *benchRenderer) cpu(t *testing.T) time.Duration {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	self, sum := strconv.Itoa(os.Getpid()), time.Duration(0)
	for _, name := range all {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended
		}
		_, rest, _ := strings.Cut(string(text), ") ")
		fields := strings.Fields(rest) // from the third field of proc_pid_stat(5)
		if len(fields) > 12 && (fields[1] == self || strings.HasPrefix(string(text), self+" ")) {
			for _, ticks := range fields[11:13] {
				n, _ := strconv.ParseInt(ticks, 10, 64)
				sum += time.Duration(n) * (time.Second / 100)
			}
		}
	}
	return sum
}

// runStock runs commands, as many at a time as there are cores, and returns their
// processor time, and the most memory that one of them had, in KiB.
func runStock(t *testing.T, dir string, commands [][]string) (took, used time.Duration, memory int64) {
	t.Helper()
	program := stockCommand(t, commands[0][0])
	var mu sync.Mutex
	start := time.Now()
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for _, args := range commands {
		g.Go(func() error {
			cmd := exec.CommandContext(t.Context(), program, args[1:]...)
			cmd.Dir = dir
			cmd.Env = []string{"HOME=" + dir, "PATH=" + os.Getenv("PATH")}
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			if err := cmd.Run(); err != nil {
				return fmt.Errorf("%v: %w: %s", args, err, stderr.String())
			}
			if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
				mu.Lock()
				memory = max(memory, usage.Maxrss)
				used += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
				mu.Unlock()
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	return time.Since(start), used, memory
}

// benchRepo is a Git repository with everything that is rendered.
type benchRepo struct {
	dir   string
	store *source.Store
}

func benchRepository(t *testing.T) *benchRepo {
	repo := &benchRepo{dir: t.TempDir()}
	var err error
	if repo.store, err = source.New(source.Config{Dir: t.TempDir(), AllowLocal: true}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = repo.store.Close() })
	repo.git(t, "init", "-q")
	repo.overlays(t)
	repo.chart(t)
	for i := range benchApps {
		dir := fmt.Sprint("apps/", i, "/")
		repo.write(t, dir+"kustomization.yaml", "resources: [a.yaml, b.yaml, c.yaml]\ncommonLabels: {app: a"+strconv.Itoa(i)+"}\n")
		for _, name := range []string{"a", "b", "c"} {
			repo.write(t, dir+name+".yaml", configMapText(name, strconv.Itoa(i)))
		}
	}
	repo.commit(t)
	return repo
}

// overlays are overlays of one base with prefix, images, replicas and patches.
func (repo *benchRepo) overlays(t *testing.T) {
	var resources strings.Builder
	for i := range benchObjects {
		name := fmt.Sprint("o", i)
		resources.WriteString("- " + name + ".yaml\n")
		switch i % 3 {
		case 0:
			repo.write(t, "base/"+name+".yaml", deploymentText(name))
		case 1:
			repo.write(t, "base/"+name+".yaml", "apiVersion: v1\nkind: Service\nmetadata: {name: "+name+"}\nspec: {selector: {app: "+name+"}, ports: [{port: 80}]}\n")
		default:
			repo.write(t, "base/"+name+".yaml", configMapText(name, "1"))
		}
	}
	repo.write(t, "base/kustomization.yaml", "resources:\n"+resources.String())
	for i := range benchOverlays {
		repo.write(t, fmt.Sprintf("overlays/%d/kustomization.yaml", i), fmt.Sprintf(`resources: [../../base]
namePrefix: p%[1]d-
namespace: n%[1]d
images: [{name: example.com/web, newTag: "%[1]d"}]
replicas: [{name: o0, count: %[1]d}]
labels: [{pairs: {env: e%[1]d}, includeSelectors: true}]
patches:
  - target: {kind: Deployment, name: o3}
    patch: '{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "o3"}, "spec": {"template": {"spec": {"containers": [{"name": "web", "env": [{"name": "N", "value": "%[1]d"}]}]}}}}'
`, i))
	}
}

// chart is a chart with helpers, loops and conditions.
func (repo *benchRepo) chart(t *testing.T) {
	repo.write(t, "chart/Chart.yaml", "apiVersion: v2\nname: chart\nversion: 1.0.0\n")
	repo.write(t, "chart/values.yaml", "value: 0\nreplicas: 2\nlabels: {team: a, tier: web}\nenv: {A: \"1\", B: \"2\"}\n")
	repo.write(t, "chart/templates/_helpers.tpl", `{{- define "chart.labels" -}}
app.kubernetes.io/instance: {{ .Release.Name }}
value: {{ .Values.value | quote }}
{{- range $k, $v := .Values.labels }}
{{ $k }}: {{ $v | quote }}
{{- end }}
{{- end -}}
`)
	for i := range benchChart {
		body := fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}-c%d\n  labels:\n    {{- include \"chart.labels\" . | nindent 4 }}\ndata:\n  value: {{ .Values.value | quote }}\n", i)
		if i%3 == 0 {
			body = fmt.Sprintf(`apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}-d%d
  labels:
    {{- include "chart.labels" . | nindent 4 }}
spec:
  replicas: {{ .Values.replicas }}
  selector: {matchLabels: {app: d%[1]d}}
  template:
    metadata: {labels: {app: d%[1]d}}
    spec:
      containers:
        - name: web
          image: "example.com/web:{{ .Values.value }}"
          {{- with .Values.env }}
          env:
            {{- range $k, $v := . }}
            - {name: {{ $k }}, value: {{ $v | quote }}}
            {{- end }}
          {{- end }}
`, i)
		}
		repo.write(t, fmt.Sprintf("chart/templates/t%d.yaml", i), body)
	}
}

func configMapText(name, value string) string {
	return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " + name + "}\ndata: {value: \"" + value + "\"}\n"
}

func deploymentText(name string) string {
	return `apiVersion: apps/v1
kind: Deployment
metadata: {name: ` + name + `}
spec:
  replicas: 1
  selector: {matchLabels: {app: ` + name + `}}
  template:
    metadata: {labels: {app: ` + name + `}}
    spec:
      containers:
        - name: web
          image: example.com/web:1
          ports: [{containerPort: 80}]
          env: [{name: A, value: "1"}]
          volumeMounts: [{name: settings, mountPath: /etc/web}]
      volumes: [{name: settings, configMap: {name: o2}}]
`
}

func (repo *benchRepo) write(t *testing.T, name, text string) {
	t.Helper()
	at := filepath.Join(repo.dir, name)
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (repo *benchRepo) git(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "user.name=a", "-c", "user.email=a@example.com"}, args...)...)
	cmd.Dir = repo.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git %v: %v: %s", args, err, out)
	}
}

func (repo *benchRepo) commit(t *testing.T) {
	t.Helper()
	repo.git(t, "add", "-A")
	repo.git(t, "commit", "-q", "-m", "bench")
}

// open is the tree of the newest commit, read from Git objects.
func (repo *benchRepo) open(t *testing.T) model.Tree {
	t.Helper()
	snap, err := repo.store.Base(t.Context(), repo.dir, "HEAD")
	if err != nil {
		t.Fatal(err)
	}
	return snap.Tree
}
