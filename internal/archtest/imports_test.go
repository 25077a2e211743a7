package archtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// ban says that some folders, or all but some, don't import some packages.
type ban struct {
	// what are import paths; those below them are meant too.
	what []string
	// in are the folders that it holds for; empty is all.
	in []string
	// except are the folders that it does not hold for.
	except []string
	// tests: it holds for test files too.
	tests bool
	// instead says what to do.
	instead string
}

var bans = []ban{
	{
		what: []string{"os/exec"},
		except: []string{"internal/source", "internal/gitserver", "internal/render/sandbox/child", "internal/render/plugin",
			"internal/s3test", "internal/demo", "internal/app", "internal/e2e", "localcluster"},
		instead: "processes are started in one of the listed folders only, where arguments and environment are looked after",
	},
	{
		what: []string{"net", "os", "log/slog", "k8s.io/client-go", "sigs.k8s.io/controller-runtime"},
		in:   []string{"internal/model", "internal/decide", "internal/health", "internal/policy"},
		// net/url is values only.
		instead: "this package is pure: values in, values out; do the input and output in the caller",
	},
	{
		// The model declares what a render may ask for, which takes time.
		what:    []string{"context"},
		in:      []string{"internal/decide", "internal/health", "internal/policy"},
		instead: "this package is pure: values in, values out; do the input and output in the caller",
	},
	{
		what:    []string{"k8s.io/kubernetes", "k8s.io/apiserver", "go.etcd.io/etcd"},
		except:  []string{"localcluster"},
		tests:   true,
		instead: "the control plane is a program of its own: run bin/localcluster",
	},
	{
		what:    []string{"github.com/stretchr/testify", "github.com/onsi", "github.com/golang/mock", "go.uber.org/mock"},
		tests:   true,
		instead: "tests use the standard library and go-cmp",
	},
}

func TestBans(t *testing.T) {
	for _, f := range goFiles(t) {
		for _, b := range bans {
			if f.isTest() && !b.tests || len(b.in) > 0 && !withinAny(f.dir(), b.in) || withinAny(f.dir(), b.except) {
				continue
			}
			for _, i := range f.imports {
				if withinAny(i, b.what) && i != "net/url" {
					t.Errorf("%s imports %s: %s", f.name, i, b.instead)
				}
			}
		}
	}
}

// TestModuleStaysSmall keeps the control plane's modules out of the product's
// go.mod, even as indirect requirements.
func TestModuleStaysSmall(t *testing.T) {
	mod, err := os.ReadFile(filepath.Join(root(t), "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	for _, banned := range []string{"k8s.io/kubernetes ", "go.etcd.io/etcd/server", module + "/localcluster"} {
		if strings.Contains(string(mod), banned) {
			t.Errorf("go.mod names %s: it belongs in localcluster/go.mod only", strings.TrimSpace(banned))
		}
	}
}
