package e2e

import (
	"os"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/fixpoint-cd/fixpoint/internal/app"
	"github.com/fixpoint-cd/fixpoint/internal/s3test"
)

var bucketKind = schema.GroupVersionKind{Group: "source.toolkit.fluxcd.io", Version: "v1", Kind: "Bucket"}

// TestBucket applies what is in a bucket, and what comes and goes in it; when the
// server is gone, what there was stays.
func TestBucket(t *testing.T) {
	e := newEnv(t)
	s3, err := s3test.Start(t.Context(), s3test.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s3.Close)
	put := func(key, text string) {
		t.Helper()
		if err := s3.Put(t.Context(), "manifests", key, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s3.Bucket(t.Context(), "manifests", false); err != nil {
		t.Fatal(err)
	}
	put("prod/a.yaml", configMap("bucket-a", "1"))
	put("prod/b.yaml", configMap("bucket-b", "1"))
	put("test/c.yaml", configMap("bucket-c", "1"))
	e.namespaces("bucket")
	e.secret("flux-system", "s3", "", map[string]string{"accesskey": s3test.AccessKey, "secretkey": s3test.SecretKey})
	e.apply(`apiVersion: source.toolkit.fluxcd.io/v1
kind: Bucket
metadata: {name: bucket, namespace: flux-system}
spec: {interval: 1s, endpoint: "` + s3.Host + `", bucketName: manifests, prefix: prod/, insecure: true, secretRef: {name: s3}}`)
	e.apply(strings.Replace(kustomization("bucket", "bucket", "./prod", "  targetNamespace: bucket\n"), "kind: GitRepository", "kind: Bucket", 1))
	e.ready("bucket", "")
	e.holds("bucket", "bucket-a", "key", "1")
	put("prod/a.yaml", configMap("bucket-a", "2"))
	e.holds("bucket", "bucket-a", "key", "2")
	if err := s3.Delete(t.Context(), "manifests", "prod/b.yaml"); err != nil {
		t.Fatal(err)
	}
	e.eventually("pruned", func() error { return e.absent(configMapKind, "bucket", "bucket-b") })
	if err := e.absent(configMapKind, "bucket", "bucket-c"); err != nil {
		t.Error(err)
	}
	s3.Close()
	e.eventually("told that the server is gone", func() error {
		return e.condition(bucketKind, "flux-system", "bucket", "Ready", "False", "")
	})
	e.delete(configMapKind, "bucket", "bucket-a")
	e.holds("bucket", "bucket-a", "key", "2")
	e.hides(s3test.SecretKey)
}

// TestInclude puts files of one repository into another's, and leaves out what
// rules ignore.
func TestInclude(t *testing.T) {
	e := newEnv(t)
	e.namespaces("include")
	shared := e.repo("include-shared", map[string]string{"lib/shared.yaml": configMap("shared", "1")})
	main := e.repo("include-main", map[string]string{
		"app/kustomization.yaml": "resources: [own.yaml, vendored/shared.yaml]\n",
		"app/own.yaml":           configMap("own", "1"), "app/draft.yaml": "not: [yaml", ".sourceignore": "draft.yaml\n",
	})
	e.apply(gitRepository(shared))
	e.apply(strings.Replace(gitRepository(main), "ref: {branch: main}", "ref: {branch: main}, include: [{repository: {name: include-shared}, fromPath: lib, toPath: app/vendored}]", 1))
	e.apply(kustomization("include", main, "./app", "  targetNamespace: include\n"))
	e.ready("include", "")
	e.holds("include", "own", "key", "1")
	e.holds("include", "shared", "key", "1")
	e.push(shared, "two", map[string]string{"lib/shared.yaml": configMap("shared", "2")})
	e.holds("include", "shared", "key", "2")
}

// TestUnverified: a commit without a good signature is not applied.
func TestUnverified(t *testing.T) {
	e := newEnv(t)
	e.namespaces("unverified")
	repo := e.repo("unverified", map[string]string{"a.yaml": configMap("unverified", "1")})
	e.secret("flux-system", "trust", "", map[string]string{"ann.sshpub": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGtQsj0rEFQxNXdEOCVyHsOyh2yqLH7j5cwxYHoSVvqz ann"})
	e.apply(strings.Replace(gitRepository(repo), "ref: {branch: main}", "ref: {branch: main}, verify: {mode: HEAD, secretRef: {name: trust}}", 1))
	e.apply(kustomization("unverified", repo, "./", "  targetNamespace: unverified\n"))
	e.eventually("refused", func() error {
		return e.condition(repositoryKind, "flux-system", repo, "SourceVerified", "False", "")
	})
	e.eventually("told", func() error {
		return e.condition(kustomizationKind, "flux-system", "unverified", "Ready", "False", "")
	})
	if err := e.absent(configMapKind, "unverified", "unverified"); err != nil {
		t.Error(err)
	}
}

// TestPlugin renders by a command that the operator has configured, on a copy of
// the app's directory and with its parameters.
func TestPlugin(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/plugin.yaml", `apiVersion: argoproj.io/v1alpha1
kind: ConfigManagementPlugin
metadata: {name: shout}
spec:
  discover: {fileName: shout.txt}
  generate:
    command: [sh, -c]
    args: ['printf "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shouted}\ndata: {key: \"%s %s %s\"}\n" "$(cat shout.txt)" "$ARGOCD_ENV_TONE" "$ARGOCD_APP_NAME"']
`)
	e := newEnv(t, withPlugins(dir))
	repo := e.repo("plugin", map[string]string{"app/shout.txt": "hello"})
	e.apply(helmApplication("plugin", `  source:
    repoURL: `+org+repo+`
    path: app
    plugin: {env: [{name: TONE, value: loud}]}`))
	e.synced("plugin", "")
	e.holds("plugin", "shouted", "key", "hello loud plugin")
	e.push(repo, "bye", map[string]string{"app/shout.txt": "bye"})
	e.holds("plugin", "shouted", "key", "bye loud plugin")
	if got := at(e.app("plugin"), "status", "sourceType"); got != "Plugin" {
		t.Errorf("sourceType is %s", got)
	}
}

func withPlugins(dir string) func(*app.Options) {
	return func(o *app.Options) { o.Plugins = dir }
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
