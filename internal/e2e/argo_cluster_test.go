package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"k8s.io/client-go/rest"
)

// clusterSecret declares a cluster the way Argo CD does.
func clusterSecret(t *testing.T, name string, to *rest.Config) string {
	t.Helper()
	// The API server's own names and keys, in the JSON that Argo CD reads.
	if err := rest.LoadTLSFiles(to); err != nil {
		t.Fatal(err)
	}
	config, err := json.Marshal(map[string]any{"tlsClientConfig": map[string]any{
		"caData": to.CAData, "certData": to.CertData, "keyData": to.KeyData,
	}})
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf(`apiVersion: v1
kind: Secret
metadata: {name: cluster-%s, namespace: argocd, labels: {argocd.argoproj.io/secret-type: cluster}}
stringData:
  name: %s
  server: %q
  config: '%s'
`, name, name, to.Host, config)
}

// on moves an Application to another cluster.
func on(app, destination string) string {
	return strings.Replace(app, "server: https://kubernetes.default.svc", destination, 1)
}

// TestOtherCluster applies apps to a second cluster, named by its server and by
// its name, repairs there, and lets go of what is gone.
func TestOtherCluster(t *testing.T) {
	e := newEnv(t)
	second := ownCluster(t)
	there := &env{t: t, cluster: second}
	repo := e.repo("remote", map[string]string{"a.yaml": configMap("remote-a", "1")})

	// Nobody has declared the cluster yet: that is said, and heals by itself.
	e.apply(on(application("remote-name", repo, ".", "remote-name"), "name: second"))
	e.apply(on(application("remote-server", repo, ".", "remote-server"), fmt.Sprintf("server: %q", second.rest.Host)))
	e.apply(on(application("remote-wrong", repo, ".", "remote-wrong"), "name: nowhere"))
	for app, text := range map[string]string{"remote-name": "second", "remote-server": second.rest.Host, "remote-wrong": "nowhere"} {
		e.eventually(app+" says so", func() error {
			return e.condition(applicationKind, "argocd", app, "InvalidSpecError", "", "there is no cluster")
		})
		if err := e.condition(applicationKind, "argocd", app, "InvalidSpecError", "", text); err != nil {
			t.Error(err)
		}
	}
	e.apply(clusterSecret(t, "second", second.rest))
	e.t.Cleanup(func() { e.delete(secretKind, "argocd", "cluster-second") })
	for _, app := range []string{"remote-name", "remote-server"} {
		e.synced(app, "")
		there.holds(app, "remote-a", "key", "1")
		if err := e.absent(configMapKind, app, "remote-a"); err != nil {
			t.Error(err)
		}
		there.edit(configMapKind, app, "remote-a", `{"data":{"key":"edited"}}`)
		there.holds(app, "remote-a", "key", "1")
		there.delete(configMapKind, app, "remote-a")
		there.holds(app, "remote-a", "key", "1")
	}
	commit := e.push(repo, "two", map[string]string{"a.yaml": configMap("remote-a", "2")})
	for _, app := range []string{"remote-name", "remote-server"} {
		e.synced(app, commit)
		there.holds(app, "remote-a", "key", "2")
	}
	if err := e.condition(applicationKind, "argocd", "remote-wrong", "InvalidSpecError", "", "nowhere"); err != nil {
		t.Error(err)
	}

	// With its objects, while the cluster is there.
	finalizer := `{"metadata":{"finalizers":["resources-finalizer.argocd.argoproj.io"]}}`
	e.edit(applicationKind, "argocd", "remote-name", finalizer)
	e.delete(applicationKind, "argocd", "remote-name")
	e.eventually("deleted", func() error { return e.absent(applicationKind, "argocd", "remote-name") })
	if err := there.absent(configMapKind, "remote-name", "remote-a"); err != nil {
		t.Error(err)
	}

	// The Secret goes first: the app can be deleted still, its objects stay.
	e.delete(secretKind, "argocd", "cluster-second")
	e.eventually("says that the cluster is gone", func() error {
		return e.condition(applicationKind, "argocd", "remote-server", "InvalidSpecError", "", "there is no cluster")
	})
	e.edit(applicationKind, "argocd", "remote-server", finalizer)
	e.delete(applicationKind, "argocd", "remote-server")
	e.eventually("deleted", func() error { return e.absent(applicationKind, "argocd", "remote-server") })
	there.holds("remote-server", "remote-a", "key", "2")
}
