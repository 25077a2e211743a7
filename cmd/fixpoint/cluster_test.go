package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
)

// patience bounds every wait; it only ends tests that fail.
const patience = 10 * time.Minute

// TestClusterScript runs the scripts of testdata/cluster, each on a control
// plane of its own. They need bin/localcluster and FIXPOINT_E2E=1.
func TestClusterScript(t *testing.T) {
	if os.Getenv("FIXPOINT_E2E") == "" {
		t.Skip("FIXPOINT_E2E is not set: no control plane is started")
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/cluster",
		RequireExplicitExec: true,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"apply": applyFile},
		Setup: func(env *testscript.Env) error {
			kubeconfig, err := startCluster(env)
			env.Setenv("KUBECONFIG", kubeconfig)
			return err
		},
	})
}

// startCluster starts a control plane and returns its kubeconfig. It ends with
// the script.
func startCluster(env *testscript.Env) (string, error) {
	program, err := filepath.Abs("../../bin/localcluster")
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "fp") // short: it holds a socket
	if err != nil {
		return "", err
	}
	cmd := exec.Command(program, "--dir", dir)
	if err := cmd.Start(); err != nil {
		return "", fmt.Errorf("%w: run make build first", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	env.Defer(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		<-ended
		_ = os.RemoveAll(dir)
	})
	deadline := time.After(patience)
	for {
		if _, err := os.Stat(filepath.Join(dir, "ready")); err == nil {
			return filepath.Join(dir, "admin.kubeconfig"), nil
		}
		select {
		case err := <-ended:
			ended <- err
			return "", fmt.Errorf("the control plane ended: %w", err)
		case <-deadline:
			return "", errors.New("the control plane is not ready")
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// applyFile is the command "apply FILE": it server-side applies the documents,
// with variables of the script in them replaced.
func applyFile(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: apply FILE")
	}
	text := strings.ReplaceAll(ts.ReadFile(args[0]), "$WORK", ts.Getenv("WORK"))
	config, err := clientcmd.BuildConfigFromFlags("", ts.Getenv("KUBECONFIG"))
	ts.Check(err)
	client, err := dynamic.NewForConfig(config)
	ts.Check(err)
	disco, err := discovery.NewDiscoveryClientForConfig(config)
	ts.Check(err)
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(disco))
	docs := utilyaml.NewYAMLOrJSONDecoder(strings.NewReader(text), 4096)
	for {
		o := &unstructured.Unstructured{}
		err := docs.Decode(&o.Object)
		if errors.Is(err, io.EOF) {
			return
		}
		ts.Check(err)
		if len(o.Object) == 0 {
			continue
		}
		gvk := o.GroupVersionKind()
		m, err := mapper.RESTMapping(schema.GroupKind{Group: gvk.Group, Kind: gvk.Kind}, gvk.Version)
		ts.Check(err)
		var to dynamic.ResourceInterface = client.Resource(m.Resource)
		if o.GetNamespace() != "" {
			to = client.Resource(m.Resource).Namespace(o.GetNamespace())
		}
		_, err = to.Apply(context.Background(), o.GetName(), o, metav1.ApplyOptions{FieldManager: "test", Force: true})
		ts.Check(err)
	}
}
