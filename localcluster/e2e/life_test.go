package e2e

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestRestartKeepsDataPortAndTokens(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), strings.Repeat("long-", 30))
	first := connect(t, start(t, dir))
	first.put(t, "kept")
	pod := first.runPod(t, "default", "server", nil)
	kubeconfig := string(must(os.ReadFile(filepath.Join(dir, "admin.kubeconfig")))(t))
	token := first.token(t, "default", "default")
	first.stop(t)

	second := connect(t, start(t, dir))
	second.has(t, "kept")
	if now := string(must(os.ReadFile(filepath.Join(dir, "admin.kubeconfig")))(t)); now != kubeconfig {
		t.Error("the second start wrote another kubeconfig")
	}
	if name := second.whoami(t, token); name != "system:serviceaccount:default:default" {
		t.Errorf("a token of the first start is now that of %q", name)
	}
	now := must(second.client.CoreV1().Pods("default").Get(t.Context(), "server", metav1.GetOptions{}))(t)
	if now.UID != pod.UID || now.Status.PodIP != pod.Status.PodIP || now.Status.Phase != corev1.PodRunning {
		t.Errorf("the pod is not the same: %s %s %s", now.UID, now.Status.PodIP, now.Status.Phase)
	}
	second.stop(t)
}

func TestRestartAfterKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := connect(t, start(t, dir))
	for i := range 100 {
		first.put(t, fmt.Sprintf("kept-%d", i))
	}
	first.kill(t)

	second := connect(t, start(t, dir))
	for i := range 100 {
		second.has(t, fmt.Sprintf("kept-%d", i))
	}
	second.runPod(t, "default", "after", nil)
	second.stop(t)
}

func TestTwoSideBySide(t *testing.T) {
	t.Parallel()
	one := connect(t, start(t, t.TempDir()))
	two := connect(t, start(t, t.TempDir(), "--nodes", "3"))
	if one.config.Host == two.config.Host {
		t.Errorf("both have %s", one.config.Host)
	}
	one.put(t, "only-in-one")
	if _, err := two.client.CoreV1().ConfigMaps("default").Get(t.Context(), "only-in-one", metav1.GetOptions{}); err == nil {
		t.Error("the clusters share data")
	}
	for c, want := range map[*cluster]int{one: 1, two: 3} {
		nodes := must(c.client.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{}))(t)
		if len(nodes.Items) != want {
			t.Errorf("%d nodes, want %d", len(nodes.Items), want)
		}
		address := must(url.Parse(c.config.Host))(t).Hostname()
		if !net.ParseIP(address).IsLoopback() {
			t.Errorf("the API server listens on %s", address)
		}
	}
	two.stop(t)
	one.has(t, "only-in-one")
	one.stop(t)
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	running := start(t, t.TempDir())
	kubeconfig := connect(t, running).config.Host
	port := must(url.Parse(kubeconfig))(t).Port()
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"no folder":            {nil, "--dir is required"},
		"folder in use":        {[]string{"--dir", running.dir}, "in use by another localcluster"},
		"port in use":          {[]string{"--dir", t.TempDir(), "--port", port}, "port " + port + " is in use"},
		"not a port":           {[]string{"--dir", t.TempDir(), "--port", "70000"}, "--port 70000 is not a port"},
		"no nodes":             {[]string{"--dir", t.TempDir(), "--nodes", "0"}, "--nodes 0"},
		"a word too many":      {[]string{"--dir", t.TempDir(), "up"}, `unexpected argument "up"`},
		"folder cannot be one": {[]string{"--dir", binary(t)}, "making the cluster's folder"},
	} {
		t.Run(name, func(t *testing.T) {
			p := launch(t, tc.args...)
			p.awaitEnd(t)
			if code := p.cmd.ProcessState.ExitCode(); code != 1 {
				t.Errorf("exit code %d, want 1", code)
			}
			if err := contains(p.stderr.String(), tc.want); err != nil {
				t.Error(err)
			}
		})
	}
	running.stop(t)
}

// put makes a ConfigMap.
func (c *cluster) put(t *testing.T, name string) {
	t.Helper()
	object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}, Data: map[string]string{"name": name}}
	must(c.client.CoreV1().ConfigMaps("default").Create(t.Context(), object, metav1.CreateOptions{}))(t)
}

// has checks that what put made is there.
func (c *cluster) has(t *testing.T, name string) {
	t.Helper()
	object := must(c.client.CoreV1().ConfigMaps("default").Get(t.Context(), name, metav1.GetOptions{}))(t)
	if object.Data["name"] != name {
		t.Errorf("ConfigMap %s holds %v", name, object.Data)
	}
}
