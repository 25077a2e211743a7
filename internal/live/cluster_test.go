package live_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"

	"github.com/fixpoint-cd/fixpoint/internal/health"
	"github.com/fixpoint-cd/fixpoint/internal/live"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// control is the control plane of all tests of the package, started by the first that
// needs it.
var control struct {
	once sync.Once
	rest *rest.Config
	err  error
	stop func()
}

// worlds counts, so that each has a namespace of its own.
var worlds atomic.Int64

func TestMain(m *testing.M) {
	code := m.Run()
	if control.stop != nil {
		control.stop()
	}
	os.Exit(code)
}

// world is a namespace of the control plane, and the way there.
type world struct {
	*testing.T

	namespace string
	rest      *rest.Config
	dynamic   dynamic.Interface
	mapper    meta.RESTMapper
}

// newWorld makes a namespace, in a control plane that is started if there is none.
func newWorld(t *testing.T) *world {
	if testing.Short() {
		t.Skip("starts a control plane")
	}
	control.once.Do(func() { control.rest, control.stop, control.err = startControl() })
	if os.IsNotExist(control.err) {
		t.Skipf("SKIPPED for want of a control plane: %v; make build makes it", control.err)
	}
	if control.err != nil {
		t.Fatal(control.err)
	}
	w := &world{T: t, rest: control.rest}
	var err error
	if w.dynamic, err = dynamic.NewForConfig(w.rest); err != nil {
		t.Fatal(err)
	}
	disco, err := discovery.NewDiscoveryClientForConfig(w.rest)
	if err != nil {
		t.Fatal(err)
	}
	w.mapper = restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(disco))
	w.namespace = fmt.Sprintf("%s-%d", strings.ToLower(t.Name()), worlds.Add(1))
	w.apply("apiVersion: v1\nkind: Namespace\nmetadata: {name: " + w.namespace + "}")
	return w
}

func startControl() (*rest.Config, func(), error) {
	bin := os.Getenv("LOCALCLUSTER_BIN")
	if bin == "" {
		bin = filepath.Join("..", "..", "bin", "localcluster")
	}
	if _, err := os.Stat(bin); err != nil {
		return nil, nil, err
	}
	dir, err := os.MkdirTemp("", "live")
	if err != nil {
		return nil, nil, err
	}
	var out bytes.Buffer
	cmd := exec.Command(bin, "--dir", dir)
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, nil, err
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	stop := func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		<-exited
		_ = os.RemoveAll(dir)
	}
	deadline := time.After(10 * time.Minute)
	for {
		if _, err := os.Stat(filepath.Join(dir, "ready")); err == nil {
			break
		}
		select {
		case err := <-exited:
			return nil, nil, fmt.Errorf("the control plane ended: %w\n%s", err, out.String())
		case <-deadline:
			return nil, stop, fmt.Errorf("the control plane did not become ready\n%s", out.String())
		case <-time.After(50 * time.Millisecond):
		}
	}
	config, err := clientcmd.BuildConfigFromFlags("", filepath.Join(dir, "admin.kubeconfig"))
	if err == nil {
		config.QPS = -1
	}
	return config, stop, err
}

// apply creates or changes objects; those that name no namespace go to the world's.
func (w *world) apply(manifests string) []*unstructured.Unstructured {
	w.Helper()
	var out []*unstructured.Unstructured
	for text := range strings.SplitSeq(manifests, "\n---\n") {
		u := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(text), &u.Object); err != nil {
			w.Fatal(err)
		}
		got, err := w.at(u).Apply(w.Context(), u.GetName(), u, metav1.ApplyOptions{FieldManager: "tests", Force: true})
		if err != nil {
			w.Fatalf("applying %s %s: %v", u.GetKind(), u.GetName(), err)
		}
		out = append(out, got)
	}
	return out
}

func (w *world) at(u *unstructured.Unstructured) dynamic.ResourceInterface {
	w.Helper()
	gvk := u.GroupVersionKind()
	m, err := w.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	if err != nil {
		w.Fatal(err)
	}
	if m.Scope.Name() == meta.RESTScopeNameRoot {
		return w.dynamic.Resource(m.Resource)
	}
	return w.dynamic.Resource(m.Resource).Namespace(w.namespace)
}

// serves reports whether the cluster serves an API version.
func (w *world) serves(groupVersion string) bool {
	disco, err := discovery.NewDiscoveryClientForConfig(w.rest)
	if err != nil {
		w.Fatal(err)
	}
	// The list of all groups, which is what is asked in earnest, is later than each of them.
	_, lists, err := disco.ServerGroupsAndResources()
	return err == nil && slices.ContainsFunc(lists, func(l *metav1.APIResourceList) bool {
		return l.GroupVersion == groupVersion && len(l.APIResources) > 0
	})
}

// root is an object of the world as the engine reports it.
func (w *world) root(apiVersion, kind, name string) model.ResourceState {
	group, version, ok := strings.Cut(apiVersion, "/")
	if !ok {
		group, version = "", apiVersion
	}
	return model.ResourceState{
		Object: model.ObjectRef{
			ObjectKey: model.ObjectKey{Group: group, Kind: kind, Namespace: w.namespace, Name: name}, Version: version,
		},
		Sync: model.Synced, Live: true,
	}
}

// service reads the world's cluster, and counts what it asks.
func (w *world) service(cfg live.Config) (*live.Service, *live.Cluster, *tally) {
	w.Helper()
	return serve(w.T, cfg, w.rest)
}

// serve is a service that is connected to config, with a count of its requests.
func serve(t *testing.T, cfg live.Config, config *rest.Config) (*live.Service, *live.Cluster, *tally) {
	t.Helper()
	counts := &tally{}
	config = rest.CopyConfig(config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { counts.next = next; return counts })
	if cfg.Health == nil {
		cfg.Health = health.Of
	}
	if cfg.Patience == 0 {
		cfg.Patience = time.Hour // a machine that has other work takes its time
	}
	s := live.New(cfg)
	t.Cleanup(s.Close)
	c, err := s.Cluster("test", config)
	if err != nil {
		t.Fatal(err)
	}
	return s, c, counts
}

// tally counts requests and notes them.
type tally struct {
	next http.RoundTripper

	mu       sync.Mutex
	requests []*http.Request
}

// RoundTrip implements http.RoundTripper.
func (c *tally) RoundTrip(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	c.requests = append(c.requests, r)
	c.mu.Unlock()
	return c.next.RoundTrip(r)
}

// of counts the requests that have all of the texts in their URL.
func (c *tally) of(texts ...string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, r := range c.requests {
		has := true
		for _, text := range texts {
			has = has && strings.Contains(r.URL.String(), text)
		}
		if has {
			n++
		}
	}
	return n
}

// open counts the requests whose context has not ended, with text in their URL.
func (c *tally) open(text string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, r := range c.requests {
		if strings.Contains(r.URL.String(), text) && r.Context().Err() == nil {
			n++
		}
	}
	return n
}

// eventually waits until got says nothing more.
func eventually(t *testing.T, got func() string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	for {
		text := got()
		if text == "" {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatal(text)
		case <-time.After(30 * time.Millisecond):
		}
	}
}
