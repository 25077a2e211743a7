package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// patience is the deadline of everything that is awaited. It is generous, since
// tests run on busy machines; nothing waits as long when all is well.
const patience = 3 * time.Minute

// process is a localcluster that a test has started.
type process struct {
	cmd    *exec.Cmd
	dir    string
	ended  chan struct{} // closed after the process has ended
	stdout output
	stderr output
}

// output collects what a process prints while it runs.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// binary is the built localcluster.
func binary(t *testing.T) string {
	t.Helper()
	path := os.Getenv("LOCALCLUSTER_BIN")
	if path == "" {
		path = filepath.Join("..", "..", "bin", "localcluster")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%v: run `make build` first, or name the binary in LOCALCLUSTER_BIN", err)
	}
	return path
}

// launch starts the binary and returns at once. The process ends with the test.
func launch(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(binary(t), args...), ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		<-p.ended
	})
	return p
}

// start runs a cluster on dir and waits until it is ready.
func start(t *testing.T, dir string, args ...string) *process {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, "ready")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	p := launch(t, append([]string{"--dir", dir}, args...)...)
	p.dir = dir
	eventually(t, "the file ready", func() error {
		select {
		case <-p.ended:
			t.Fatalf("localcluster ended: %s%s", p.stdout.String(), p.stderr.String())
		default:
		}
		_, err := os.Stat(filepath.Join(dir, "ready"))
		return err
	})
	return p
}

// stop sends SIGTERM and checks that the process ends well and silently.
func (p *process) stop(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.awaitEnd(t)
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d after SIGTERM, want 0", code)
	}
	if text := p.stderr.String(); text != "" {
		t.Errorf("stderr is not empty: %s", text)
	}
	if _, err := os.Stat(filepath.Join(p.dir, "ready")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file ready is still there after the stop: %v", err)
	}
}

// kill is kill -9.
func (p *process) kill(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	p.awaitEnd(t)
}

func (p *process) awaitEnd(t *testing.T) {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		t.Fatal("the process does not end")
	}
}

// cluster is how a test talks to a running cluster.
type cluster struct {
	*process
	config  *rest.Config
	client  kubernetes.Interface
	dynamic dynamic.Interface
}

// connect reads the administrator's kubeconfig.
func connect(t *testing.T, p *process) *cluster {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", filepath.Join(p.dir, "admin.kubeconfig"))
	if err != nil {
		t.Fatal(err)
	}
	config.QPS = -1
	return &cluster{
		process: p, config: config,
		client: kubernetes.NewForConfigOrDie(config), dynamic: dynamic.NewForConfigOrDie(config),
	}
}

// namespace makes a namespace for a test. It goes with the cluster.
func (c *cluster) namespace(t *testing.T, name string) string {
	t.Helper()
	object := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	must(c.client.CoreV1().Namespaces().Create(t.Context(), object, metav1.CreateOptions{}))(t)
	eventually(t, "the default ServiceAccount", func() error {
		_, err := c.client.CoreV1().ServiceAccounts(name).Get(t.Context(), "default", metav1.GetOptions{})
		return err
	})
	return name
}

// must fails the test for an error: must(f())(t).
func must[T any](value T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// eventually polls until check returns nil, and fails with its last error.
func eventually(t *testing.T, what string, check func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		err := check()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("waited in vain for %s: %v", what, err)
		case <-time.After(30 * time.Millisecond):
		}
	}
}

// contains is an error unless text has the part.
func contains(text, part string) error {
	if !strings.Contains(text, part) {
		return fmt.Errorf("no %q in %q", part, text)
	}
	return nil
}
