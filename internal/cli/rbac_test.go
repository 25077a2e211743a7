package cli

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// rbacServer is an API server that answers these paths; any other is not found.
type rbacServer map[string]string

func (s rbacServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	body, ok := s[r.URL.Path]
	switch {
	case !ok:
		status(w, http.StatusNotFound, "NotFound")
	case body == "":
		status(w, http.StatusForbidden, "Forbidden")
	default:
		_, _ = w.Write([]byte(body))
	}
}

const (
	rightsPath   = "/api/v1/namespaces/control/configmaps/argocd-rbac-cm"
	mainPath     = "/api/v1/namespaces/control/configmaps/argocd-cm"
	projectsPath = "/apis/argoproj.io/v1alpha1/namespaces/control/appprojects"
)

// TestRbacOfCluster reads what there is of the policy in a cluster.
func TestRbacOfCluster(t *testing.T) {
	full := rbacServer{
		rightsPath: `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"argocd-rbac-cm"},"data":{"policy.csv":"g, ann, role:admin","policy.default":"role:a"}}`,
		mainPath:   `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"argocd-cm"},"data":{"accounts.ci":"apiKey"}}`,
		projectsPath: `{"apiVersion":"argoproj.io/v1alpha1","kind":"AppProjectList","items":[{"metadata":{"name":"team"},
			"spec":{"roles":[{"name":"ci","policies":["p, x"],"groups":["g"]},{"name":"empty"}]}},{"metadata":{"name":"plain"}}]}`,
	}
	tests := map[string]struct {
		server rbacServer
		args   []string
		want   RbacPolicy
		fails  bool
	}{
		"all": {full, []string{"--default-role", "role:b"}, RbacPolicy{
			Rights:   map[string]string{"policy.csv": "g, ann, role:admin", "policy.default": "role:b"},
			Main:     map[string]string{"accounts.ci": "apiKey"},
			Projects: []RbacProject{{"team", []RbacRole{{"ci", []string{"p, x"}, []string{"g"}}, {Name: "empty"}}}, {Name: "plain"}},
		}, false},
		"nothing":   {rbacServer{}, nil, RbacPolicy{Rights: map[string]string{}, Main: map[string]string{}}, false},
		"forbidden": {rbacServer{rightsPath: ""}, nil, RbacPolicy{}, true},
		"projects":  {rbacServer{projectsPath: ""}, nil, RbacPolicy{}, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(tt.server)
			defer server.Close()
			config := filepath.Join(t.TempDir(), "kubeconfig")
			text := fmt.Sprintf(`{apiVersion: v1, kind: Config, current-context: a, clusters: [{name: a, cluster: {server: %q}}],
contexts: [{name: a, context: {cluster: a, user: a}}], users: [{name: a, user: {}}]}`, server.URL)
			if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			var got RbacPolicy
			var out bytes.Buffer
			cmd := New(Deps{Out: &out, Err: &out, Rbac: func(p RbacPolicy) Rbac { got = p; return Rbac{} }})
			cmd.SetArgs(append([]string{"rbac", "validate", "-n", "control", "--kubeconfig", config}, tt.args...))
			err := cmd.ExecuteContext(t.Context())
			if (err != nil) != tt.fails {
				t.Fatalf("%v\n%s", err, out.String())
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("policy (-want +got):\n%s", diff)
			}
		})
	}
}

// TestIsCSV tells lines of a policy from manifests.
func TestIsCSV(t *testing.T) {
	for text, want := range map[string]bool{
		"":                             true,
		"# nothing\n\n":                true,
		"p, a, b, c, d, allow":         true,
		"# x\n  g, a, role:b":          true,
		"nonsense, role:b":             true,
		"apiVersion: v1, kind: x":      false,
		"apiVersion: v1\nkind: x":      false,
		"# x\n---\napiVersion: v1":     false,
		`{"apiVersion": "v1", "a": 1}`: false,
	} {
		if got := isCSV(text); got != want {
			t.Errorf("isCSV(%q) = %t", text, got)
		}
	}
}
