package main

import (
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"fixpoint": main})
}

// TestScript runs the scripts of testdata/script. They need no cluster.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			// No cluster of the machine that the test runs on.
			env.Setenv("KUBECONFIG", env.WorkDir+"/no-such-kubeconfig")
			env.Setenv("KUBERNETES_SERVICE_HOST", "")
			for _, role := range []string{"AUTHOR", "COMMITTER"} {
				env.Setenv("GIT_"+role+"_NAME", "A User")
				env.Setenv("GIT_"+role+"_EMAIL", "user@example.com")
			}
			sops, err := filepath.Abs("../../internal/e2e/testdata/sops")
			env.Setenv("SOPS_FILES", sops)
			return err
		},
	})
}
