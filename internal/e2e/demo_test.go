package e2e

import (
	"os/exec"
	"testing"
)

// TestDemoOnCluster runs the demo on a cluster that is there already: it comes to
// its end by itself, and takes away what it has made.
func TestDemoOnCluster(t *testing.T) {
	bin, err := binary("FIXPOINT_BIN", "fixpoint")
	if err != nil {
		t.Fatal(err)
	}
	e := &env{t: t, cluster: ownCluster(t)}
	out, err := exec.Command(bin, "demo", "--once", "--kubeconfig", e.cluster.kubeconfig).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, ns := range []string{"demo-argo", "demo-flux", "my-app", "my-app-staging"} {
		e.eventually("cleaned up", func() error { return e.absent(namespaceKind, "", ns) })
	}
}
