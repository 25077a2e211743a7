package archtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// budget is how many packages bin/fixpoint may link, the standard library's
// included: what it had when it was last looked at, and some headroom.
const budget = 1640

// TestBudget makes a new dependency a decision. Kubernetes' client, kustomize
// and controller-runtime are most of what there is.
func TestBudget(t *testing.T) {
	top := root(t)
	if _, err := os.Stat(filepath.Join(top, "cmd", "fixpoint")); err != nil {
		t.Skipf("nothing to count yet: %v", err)
	}
	cmd := exec.Command("go", "list", "-deps", "./cmd/fixpoint")
	cmd.Dir = top
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0") // as it ships
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("counting packages: %v", err)
	}
	n := len(strings.Fields(string(out)))
	t.Logf("cmd/fixpoint links %d of %d packages", n, budget)
	if n > budget {
		t.Errorf("cmd/fixpoint links %d packages, %d more than its budget. Compare `go list -deps ./cmd/fixpoint` "+
			"with the commit before to see what brought them. If they are worth it, say why in "+
			"docs/dependencies.md and raise the budget; if not, import a smaller package", n, n-budget)
	}
}
