package oracle

import (
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// packages are the stock commands, in the module hack/stock.
var packages = map[string]string{
	"kustomize": "sigs.k8s.io/kustomize/kustomize/v5",
	"helm":      "helm.sh/helm/v4/cmd/helm",
}

var (
	buildLock sync.Mutex
	built     = map[string]string{}
)

// stockCommand is the path of a stock command, which is built once. It stays in
// .cache, so that the next run only links what has changed.
func stockCommand(t *testing.T, name string) string {
	t.Helper()
	buildLock.Lock()
	defer buildLock.Unlock()
	if at := built[name]; at != "" {
		return at
	}
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	at := filepath.Join(root, ".cache", "bin", "stock", name)
	cmd := exec.Command("go", "-C", filepath.Join(root, "hack", "stock"), "build", "-ldflags=-s -w", "-o", at, packages[name])
	cmd.Env = append(cmd.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building the stock %s: %v\n%s", name, err, out)
	}
	built[name] = at
	return at
}
