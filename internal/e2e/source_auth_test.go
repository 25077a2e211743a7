package e2e

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/fixpoint-cd/fixpoint/internal/dialect/flux"
	"github.com/fixpoint-cd/fixpoint/internal/gitserver"
)

// private starts a Git server of its own with one repository, myorg/private.
func (e *env) private(configure func(*gitserver.Server), files map[string]string) *gitserver.Server {
	e.t.Helper()
	g := gitserver.New(e.t.TempDir())
	configure(g)
	if err := g.Start(); err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(g.Close)
	if err := g.Create(e.t.Context(), "myorg/private"); err != nil {
		e.t.Fatal(err)
	}
	change := map[string]*string{}
	for name, content := range files {
		change[name] = &content
	}
	if _, err := g.Commit(e.t.Context(), "myorg/private", "main", "first", change); err != nil {
		e.t.Fatal(err)
	}
	return g
}

// secret applies a Secret, which goes when the test ends.
func (e *env) secret(namespace, name, labels string, data map[string]string) {
	e.t.Helper()
	text, err := json.Marshal(data)
	if err != nil {
		e.t.Fatal(err)
	}
	e.apply(fmt.Sprintf("apiVersion: v1\nkind: Secret\nmetadata: {name: %s, namespace: %s, labels: {%s}}\nstringData: %s\n", name, namespace, labels, text))
	e.t.Cleanup(func() { e.delete(secretKind, namespace, name) })
}

// hides looks for texts everywhere that people or other systems can see: the
// objects of both dialects, events, the log, metrics, and files on disk.
// An error tells where a text was found and never repeats it.
func (e *env) hides(texts ...string) {
	e.t.Helper()
	look := func(where string, content []byte) {
		for i, text := range texts {
			for _, form := range []string{text, base64.StdEncoding.EncodeToString([]byte(text))} {
				if bytes.Contains(content, []byte(form)) {
					e.t.Errorf("secret %d is in %s", i, where)
				}
			}
		}
	}
	for _, gvk := range e.told() {
		for _, o := range e.all(gvk) {
			raw, err := o.MarshalJSON()
			if err != nil {
				e.t.Fatal(err)
			}
			look(gvk.Kind+" "+o.GetName(), raw)
		}
	}
	look("the log", []byte(e.logs.String()))
	look("the libraries' log", []byte(libraries.String()))
	look("the metrics", []byte(e.metrics()))
	err := filepath.WalkDir(e.dataDir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil // files come and go
		}
		if data, err := os.ReadFile(path); err == nil {
			look(path, data)
		}
		return nil
	})
	if err != nil {
		e.t.Fatal(err)
	}
}

// told are the kinds in which people and other systems read what Fixpoint says.
func (e *env) told() []schema.GroupVersionKind {
	return append(flux.Kinds(), applicationKind, eventKind)
}

func (e *env) all(gvk schema.GroupVersionKind) []unstructured.Unstructured {
	e.t.Helper()
	r, err := e.cluster.kind(gvk, metav1.NamespaceAll)
	if err != nil {
		e.t.Fatal(err)
	}
	found, err := r.List(context.Background(), metav1.ListOptions{})
	if err != nil {
		e.t.Fatal(err)
	}
	return found.Items
}

// privateApps are an Application and a Kustomization of one URL.
func (e *env) privateApps(name, url string) {
	e.t.Helper()
	e.namespaces(name + "-flux")
	e.apply(strings.Replace(application(name, "x", ".", name+"-argo"), org+"x", url, 1))
	e.apply(strings.Replace(gitRepository(name), org+name, url+`", secretRef: {name: `+name+`}, timeout: "60s`, 1))
	e.apply(kustomization(name, name, "./", "  targetNamespace: "+name+"-flux\n"))
}

// denied waits until both say why they get nothing.
func (e *env) denied(name, text string) {
	e.t.Helper()
	e.eventually("Application says so", func() error {
		return e.condition(applicationKind, "argocd", name, "ComparisonError", "", text)
	})
	e.eventually("GitRepository says so", func() error {
		return e.condition(repositoryKind, "flux-system", name, "Ready", "False", text)
	})
}

// arrived waits until both have applied the ConfigMap of their name, after the
// GitRepository has been asked to look again.
func (e *env) arrived(name string) {
	e.t.Helper()
	e.edit(repositoryKind, "flux-system", name, `{"metadata":{"annotations":{"reconcile.fluxcd.io/requestedAt":"now"}}}`)
	e.synced(name, "")
	e.ready(name, "")
	e.holds(name+"-argo", name, "key", "1")
	e.holds(name+"-flux", name, "key", "1")
}

// TestPassword reads a repository that wants a password: with none, with a
// wrong one, and with the right one. No password is ever seen.
func TestPassword(t *testing.T) {
	const right, wrong = "planted-right-Kq7w", "planted-wrong-Zx3v"
	e := newEnv(t)
	g := e.private(func(g *gitserver.Server) {
		g.Allow = func(_, user, password string) bool { return user == "robot" && password == right }
	}, map[string]string{"a.yaml": configMap("password", "1")})
	e.privateApps("password", g.URL("myorg/private"))
	e.eventually("Application says so", func() error {
		return e.condition(applicationKind, "argocd", "password", "ComparisonError", "", "credentials")
	})
	e.eventually("GitRepository names the Secret", func() error {
		return e.condition(repositoryKind, "flux-system", "password", "Ready", "False", "flux-system/password not found")
	})
	give := func(password string) {
		e.secret("argocd", "password", "argocd.argoproj.io/secret-type: repository",
			map[string]string{"type": "git", "url": g.URL("myorg/private"), "username": "robot", "password": password})
		e.secret("flux-system", "password", "", map[string]string{"username": "robot", "password": password})
	}
	give(wrong)
	e.edit(repositoryKind, "flux-system", "password", `{"metadata":{"annotations":{"reconcile.fluxcd.io/requestedAt":"wrong"}}}`)
	e.denied("password", "the server refused the credentials")
	e.hides(right, wrong)
	give(right)
	e.arrived("password")
	e.hides(right, wrong)
}

// TestSSH reads a repository over SSH: with an unknown host key, with a wrong
// key, and with the right ones.
func TestSSH(t *testing.T) {
	e := newEnv(t)
	key, public := sshKey(t)
	other, _ := sshKey(t)
	g := e.private(func(g *gitserver.Server) {
		if err := g.StartSSH(public); err != nil {
			t.Fatal(err)
		}
	}, map[string]string{"a.yaml": configMap("sshapp", "1")})
	url := g.SSHURL("myorg/private")
	give := func(key, hosts string) {
		e.secret("argocd", "sshapp", "argocd.argoproj.io/secret-type: repository",
			map[string]string{"type": "git", "url": url, "sshPrivateKey": key})
		known, err := json.Marshal(map[string]string{"ssh_known_hosts": hosts})
		if err != nil {
			t.Fatal(err)
		}
		e.apply("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: argocd-ssh-known-hosts-cm, namespace: argocd, labels: {app.kubernetes.io/part-of: argocd}}\ndata: " + string(known) + "\n")
		e.secret("flux-system", "sshapp", "", map[string]string{"identity": key, "known_hosts": hosts})
	}
	t.Cleanup(func() { e.delete(configMapKind, "argocd", "argocd-ssh-known-hosts-cm") })
	_, stranger := sshKey(t)
	address := strings.Fields(g.KnownHosts())[0]
	give(key, address+" "+strings.TrimSpace(string(ssh.MarshalAuthorizedKey(stranger))))
	e.privateApps("sshapp", url)
	e.denied("sshapp", "host key")

	give(other, g.KnownHosts())
	e.edit(repositoryKind, "flux-system", "sshapp", `{"metadata":{"annotations":{"reconcile.fluxcd.io/requestedAt":"other"}}}`)
	e.denied("sshapp", "refused the SSH key")

	give(key, g.KnownHosts())
	e.arrived("sshapp")
	// A line from the middle of the key.
	lines := strings.Split(key, "\n")
	e.hides(lines[len(lines)/2])
}

// sshKey is a private key in PEM form, and its public half.
func sshKey(t *testing.T) (string, ssh.PublicKey) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	signed, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(block)), signed
}
