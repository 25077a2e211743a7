package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-logr/logr"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	"sigs.k8s.io/yaml"

	"github.com/fixpoint-cd/fixpoint/deploy"
	"github.com/fixpoint-cd/fixpoint/internal/app"
)

// cluster is a running bin/localcluster.
type cluster struct {
	dir        string
	kubeconfig string
	cmd        *exec.Cmd
	rest       *rest.Config
	dynamic    dynamic.Interface
	mapper     apimeta.ResettableRESTMapper
	http       *http.Client
}

// libraries is the log of client-go, which all controllers of a process share.
var libraries lockedBuffer

// shared is the cluster of the tests that need none of their own.
var shared *cluster

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && slices.Contains([]string{"render-worker", "sandbox-exec", "script-worker"}, os.Args[1]) {
		os.Exit(app.Run(context.Background(), os.Args[1:], app.Stdio{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
	}
	klog.SetLogger(logr.FromSlogHandler(slog.NewTextHandler(&libraries, nil)))
	dir, err := os.MkdirTemp("", "fp")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	shared, err = startCluster(dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, "starting the cluster:", err)
		os.Exit(1)
	}
	code := m.Run()
	if err := shared.stop(); err != nil {
		fmt.Fprintln(os.Stderr, "stopping the cluster:", err)
		code = max(code, 1)
	}
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// binary is the path of a program under test.
func binary(env, name string) (string, error) {
	path := os.Getenv(env)
	if path == "" {
		path = filepath.Join("..", "..", "bin", name)
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(abs); err != nil {
		return "", fmt.Errorf("%s is not built: run make build", abs)
	}
	return abs, nil
}

// startCluster starts a control plane in dir, anew or with what dir holds, and
// installs the CRDs.
func startCluster(dir string, args ...string) (*cluster, error) {
	bin, err := binary("LOCALCLUSTER_BIN", "localcluster")
	if err != nil {
		return nil, err
	}
	c := &cluster{dir: dir, kubeconfig: filepath.Join(dir, "admin.kubeconfig")}
	if err := c.start(bin, args...); err != nil {
		return nil, err
	}
	c.rest, err = clientcmd.BuildConfigFromFlags("", c.kubeconfig)
	if err != nil {
		return nil, err
	}
	c.rest.QPS = -1
	if c.dynamic, err = dynamic.NewForConfig(c.rest); err != nil {
		return nil, err
	}
	disco, err := discovery.NewDiscoveryClientForConfig(c.rest)
	if err != nil {
		return nil, err
	}
	c.mapper = restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(disco))
	if c.http, err = rest.HTTPClientFor(c.rest); err != nil {
		return nil, err
	}
	return c, c.installCRDs()
}

func (c *cluster) start(bin string, args ...string) error {
	var out bytes.Buffer
	c.cmd = exec.Command(bin, append([]string{"--dir", c.dir}, args...)...)
	c.cmd.Stdout, c.cmd.Stderr = &out, &out
	exited, err := startChild(c.cmd)
	if err != nil {
		return err
	}
	deadline := time.After(2 * patience)
	for {
		if _, err := os.Stat(filepath.Join(c.dir, "ready")); err == nil {
			return nil
		}
		select {
		case err := <-exited:
			return fmt.Errorf("localcluster ended: %w\n%s", err, out.String())
		case <-deadline:
			return fmt.Errorf("localcluster did not become ready\n%s", out.String())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// startChild starts a process that does not outlive the tests, however they end, and tells
// of its end. To the kernel its parent is the thread that has started it, and controllers of
// the tests end threads: so it has one that stays.
func startChild(cmd *exec.Cmd) (exited <-chan error, err error) {
	started, ended := make(chan error, 1), make(chan error, 1)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			ended <- cmd.Wait()
		}
	}()
	return ended, <-started
}

// stop ends the control plane and waits until it is gone.
func (c *cluster) stop() error {
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	for range 1200 {
		if c.cmd.Process.Signal(syscall.Signal(0)) != nil {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return errors.New("localcluster did not stop")
}

func (c *cluster) installCRDs() error {
	ctx := context.Background()
	for _, doc := range deploy.CRDs() {
		u, err := parse(doc)
		if err != nil {
			return err
		}
		if err := c.apply(ctx, u); err != nil {
			return err
		}
		gvr := schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
		err = within(patience, func() error {
			o, err := c.dynamic.Resource(gvr).Get(ctx, u.GetName(), metav1.GetOptions{})
			if err != nil {
				return err
			}
			return hasCondition(o, "Established", "True")
		})
		if err != nil {
			return err
		}
	}
	c.mapper.Reset()
	return nil
}

func parse(doc []byte) (*unstructured.Unstructured, error) {
	u := &unstructured.Unstructured{}
	raw, err := yaml.YAMLToJSON(doc)
	if err != nil {
		return nil, err
	}
	return u, u.UnmarshalJSON(raw)
}

// resource is the client for an object's kind and namespace.
func (c *cluster) resource(u *unstructured.Unstructured) (dynamic.ResourceInterface, error) {
	return c.kind(u.GroupVersionKind(), u.GetNamespace())
}

func (c *cluster) kind(gvk schema.GroupVersionKind, namespace string) (dynamic.ResourceInterface, error) {
	m, err := c.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	if err != nil {
		c.mapper.Reset()
		if m, err = c.mapper.RESTMapping(gvk.GroupKind(), gvk.Version); err != nil {
			return nil, err
		}
	}
	if m.Scope.Name() == apimeta.RESTScopeNameRoot {
		return c.dynamic.Resource(m.Resource), nil
	}
	return c.dynamic.Resource(m.Resource).Namespace(namespace), nil
}

// apply writes an object as a user would.
func (c *cluster) apply(ctx context.Context, u *unstructured.Unstructured) error {
	r, err := c.resource(u)
	if err != nil {
		return err
	}
	_, err = r.Apply(ctx, u.GetName(), u, metav1.ApplyOptions{FieldManager: "user", Force: true})
	return err
}

// within repeats check until it returns nil, for at most d. The bound is only
// there so that a failing test ends.
func within(d time.Duration, check func() error) error {
	deadline := time.Now().Add(d)
	for {
		err := check()
		if err == nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// hasCondition says why an object lacks a condition; nil if it has it.
func hasCondition(o *unstructured.Unstructured, kind, status string) error {
	conditions, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	for _, c := range conditions {
		if m, ok := c.(map[string]any); ok && m["type"] == kind {
			if m["status"] == status {
				return nil
			}
			return fmt.Errorf("%s %s: condition %s is %v: %v: %v", o.GetKind(), o.GetName(), kind, m["status"], m["reason"], m["message"])
		}
	}
	return fmt.Errorf("%s %s has no condition %s", o.GetKind(), o.GetName(), kind)
}

// counts are apiserver_request_total by "VERB resource"; dry runs count apart,
// as "VERB resource dry".
type counts map[string]float64

var sample = regexp.MustCompile(`^apiserver_request_total\{([^}]*)\} (\S+)`)

// requests reads the API server's own counters.
func (c *cluster) requests() (counts, error) {
	resp, err := c.http.Get(c.rest.Host + "/metrics")
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	out := counts{}
	for line := range strings.Lines(string(body)) {
		m := sample.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			continue
		}
		labels := map[string]string{}
		for _, kv := range regexp.MustCompile(`(\w+)="([^"]*)"`).FindAllStringSubmatch(m[1], -1) {
			labels[kv[1]] = kv[2]
		}
		n, err := strconv.ParseFloat(m[2], 64)
		if err != nil {
			return nil, err
		}
		key := labels["verb"] + " " + labels["resource"]
		if labels["dry_run"] != "" {
			key += " dry"
		}
		out[key] += n
	}
	return out, nil
}

// since is what was counted after before.
func (n counts) since(before counts) counts {
	out := counts{}
	for k, v := range n {
		if d := v - before[k]; d != 0 {
			out[k] = d
		}
	}
	return out
}

// writes are the requests that change a resource, dry runs among them.
func (n counts) writes(resource string) float64 {
	sum := 0.0
	for _, verb := range []string{"APPLY", "PATCH", "POST", "PUT", "DELETE", "DELETECOLLECTION"} {
		sum += n[verb+" "+resource] + n[verb+" "+resource+" dry"]
	}
	return sum
}

// reads are the requests that read a resource; watches don't count.
func (n counts) reads(resource string) float64 {
	return n["GET "+resource] + n["LIST "+resource]
}
