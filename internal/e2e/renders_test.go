package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/fixpoint-cd/fixpoint/internal/ocitest"
)

var receiverKind = schema.GroupVersionKind{Group: "notification.toolkit.fluxcd.io", Version: "v1", Kind: "Receiver"}

// TestArtifact follows a tag of an OCI artifact, as flux push artifact makes
// them, with a Receiver for the registry's calls.
func TestArtifact(t *testing.T) {
	e := newEnv(t)
	hub, err := ocitest.Start(ocitest.Options{Username: "reader", Password: "planted-password", Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(hub.Close)
	push := func(value string) string {
		t.Helper()
		digest, err := hub.PushFiles(t.Context(), "team/manifests", "latest", map[string]string{
			"deploy/a.yaml": configMap("artifact", value), "README.md": "not a manifest",
		}, map[string]string{"org.opencontainers.image.revision": "main@sha1:0123"})
		if err != nil {
			t.Fatal(err)
		}
		return digest
	}
	first := push("1")
	e.namespaces("artifact")
	e.secret("flux-system", "hub-calls", "", map[string]string{"token": "planted-token"})
	config, _ := json.Marshal(map[string]any{"auths": map[string]any{hub.Host: map[string]string{"username": "reader", "password": "planted-password"}}})
	e.secret("flux-system", "hub", "", map[string]string{".dockerconfigjson": string(config)})
	e.apply(`apiVersion: source.toolkit.fluxcd.io/v1
kind: OCIRepository
metadata: {name: artifact, namespace: flux-system}
spec: {interval: 10m, url: "` + hub.URL("team/manifests") + `", insecure: true, secretRef: {name: hub}}`)
	e.apply(strings.Replace(kustomization("artifact", "artifact", "./deploy", "  targetNamespace: artifact\n"), "kind: GitRepository", "kind: OCIRepository", 1))
	e.apply(`apiVersion: notification.toolkit.fluxcd.io/v1
kind: Receiver
metadata: {name: artifact, namespace: flux-system}
spec: {type: harbor, secretRef: {name: hub-calls}, resources: [{kind: OCIRepository, name: artifact}]}`)
	e.ready("artifact", "")
	e.holds("artifact", "artifact", "key", "1")
	e.status(ociKind, "flux-system", "artifact", map[string]string{"artifact.revision": "latest@" + first})

	var path string
	e.eventually("the Receiver has a path", func() error {
		if path = at(e.get(receiverKind, "flux-system", "artifact"), "status", "webhookPath"); path == "" {
			return fmt.Errorf("it has none")
		}
		return nil
	})
	second := push("2")
	if status := e.hook(call{path: path, body: []byte("{}")}); status != 401 {
		t.Errorf("an unsigned call was answered with %d", status)
	}
	if status := e.hook(call{path: path, body: []byte("{}"), header: map[string]string{"Authorization": "planted-token"}}); status != 202 {
		t.Errorf("a call was answered with %d", status)
	}
	e.holds("artifact", "artifact", "key", "2")
	e.status(ociKind, "flux-system", "artifact", map[string]string{"artifact.revision": "latest@" + second})
	e.hides("planted-password", "planted-token")
}

// TestSubstitution replaces variables, and again when what they come from
// changes; nothing of it is polled for.
func TestSubstitution(t *testing.T) {
	e := newEnv(t)
	e.namespaces("substitution")
	repo := e.repo("substitution", map[string]string{
		"app/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: vars}\ndata: {color: \"${color}\", size: \"${size:=small}\", kept: \"$${color}\"}\n",
	})
	e.apply(gitRepository(repo))
	e.apply("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: substitution, namespace: flux-system}\ndata: {color: blue}")
	e.apply(kustomization("substitution", repo, "./app", `  targetNamespace: substitution
  postBuild:
    substitute: {size: large}
    substituteFrom: [{kind: ConfigMap, name: substitution}, {kind: Secret, name: none, optional: true}]
`))
	e.ready("substitution", "")
	e.holds("substitution", "vars", "color", "blue")
	e.holds("substitution", "vars", "size", "large")
	e.holds("substitution", "vars", "kept", "${color}")
	e.edit(configMapKind, "flux-system", "substitution", `{"data":{"color":"green"}}`)
	e.holds("substitution", "vars", "color", "green")
	e.edit(configMapKind, "flux-system", "substitution", `{"data":{"color":null,"other":"x"}}`)
	e.says("substitution", "Ready", "app/a.yaml, line 4", "${color}")
	e.holds("substitution", "vars", "color", "green")
}

// TestDecryption applies what SOPS has encrypted: an object, a file for a
// generator, and refuses one that somebody has tampered with.
func TestDecryption(t *testing.T) {
	e := newEnv(t)
	read := func(name string) string {
		t.Helper()
		data, err := os.ReadFile("testdata/sops/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	e.namespaces("sealed")
	repo := e.repo("sealed", map[string]string{
		"app/kustomization.yaml": "resources: [secret.yaml]\nsecretGenerator: [{name: generated, envs: [app.env], options: {disableNameSuffixHash: true}}]\n",
		"app/secret.yaml":        read("secret.yaml"), "app/app.env": read("app.env"),
	})
	e.apply(gitRepository(repo))
	more := "  targetNamespace: sealed\n"
	e.apply(kustomization("sealed", repo, "./app", more))
	e.says("sealed", "Ready", "SOPS")
	e.secret("flux-system", "sops-keys", "", map[string]string{"test.agekey": read("test.agekey")})
	e.apply(kustomization("sealed", repo, "./app", more+"  decryption: {provider: sops, secretRef: {name: sops-keys}}\n"))
	e.ready("sealed", "")
	for name, field := range map[string]string{"sealed": "password", "generated": "TOKEN"} {
		e.eventually("Secret "+name, func() error {
			if at(e.get(secretKind, "sealed", name), "data", field) == "" {
				return fmt.Errorf("it has no %s", field)
			}
			return nil
		})
	}
	e.push(repo, "tampered", map[string]string{"app/secret.yaml": strings.Replace(read("secret.yaml"), "name: sealed", "name: sealed-other", 1)})
	e.says("sealed", "Ready", "secret.yaml", "MAC")
	if o := e.get(secretKind, "sealed", "sealed-other"); o != nil {
		t.Error("a tampered Secret was applied")
	}
	e.hides("planted-sealed", "planted-token", "AGE-SECRET-KEY-1")
}

// TestRemoteBase uses a base of another repository, as far as that is allowed.
func TestRemoteBase(t *testing.T) {
	e := newEnv(t)
	base := e.repo("remote-base", map[string]string{"web/kustomization.yaml": "resources: [a.yaml]\n", "web/a.yaml": configMap("remote", "1")})
	repo := e.repo("remote-user", map[string]string{
		"app/kustomization.yaml": "resources: [\"" + org + base + "//web?ref=main\"]\n",
		"bad/kustomization.yaml": "resources: [\"https://git.example.com/other//web?ref=main\"]\n",
	})
	e.apply(application("remote", repo, "app", "remote"))
	e.apply(application("remote-bad", repo, "bad", "remote-bad"))
	e.synced("remote", "")
	e.holds("remote", "remote", "key", "1")
	e.eventually("refused", func() error {
		return e.condition(applicationKind, "argocd", "remote-bad", "ComparisonError", "", "git.example.com")
	})
	e.push(base, "two", map[string]string{"web/a.yaml": configMap("remote", "2")})
	e.edit(applicationKind, "argocd", "remote", `{"metadata":{"annotations":{"argocd.argoproj.io/refresh":"normal"}}}`)
	e.holds("remote", "remote", "key", "2")
}

// TestOtherLanguages renders Jsonnet and CUE.
func TestOtherLanguages(t *testing.T) {
	e := newEnv(t)
	repo := e.repo("languages", map[string]string{
		"jsonnet/a.jsonnet":      "local lib = import 'lib.libsonnet'; [lib.cm(std.extVar('name'), 'jsonnet')]",
		"vendor/lib.libsonnet":   "{ cm(name, value):: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: name }, data: { key: value } } }",
		"cue/cue.mod/module.cue": "module: \"example.com/app\"\nlanguage: version: \"v0.9.0\"\n",
		"cue/a.cue":              "package app\n\n#name: \"cue\"\nobjects: [{apiVersion: \"v1\", kind: \"ConfigMap\", metadata: name: #name, data: key: #name}]\n",
	})
	e.apply(helmApplication("jsonnet", `  source:
    repoURL: `+org+repo+`
    path: jsonnet
    directory: {jsonnet: {extVars: [{name: name, value: made}], libs: [vendor]}}`))
	e.apply(application("cue", repo, "cue", "cue"))
	e.synced("jsonnet", "")
	e.holds("jsonnet", "made", "key", "jsonnet")
	e.synced("cue", "")
	e.holds("cue", "cue", "key", "cue")
}

// TestMonorepo: a commit that touches one directory of many renders one app.
func TestMonorepo(t *testing.T) {
	e := newEnv(t)
	const apps = 25
	files := map[string]string{}
	for i := range apps {
		files[fmt.Sprintf("apps/%d/a.yaml", i)] = configMap(fmt.Sprint("mono-", i), "1")
	}
	repo := e.repo("monorepo", files)
	for i := range apps {
		e.apply(application(fmt.Sprint("mono-", i), repo, fmt.Sprint("apps/", i), "monorepo"))
	}
	for i := range apps {
		e.synced(fmt.Sprint("mono-", i), "")
	}
	before := e.count("fixpoint_renders_total")
	commit := e.push(repo, "one", map[string]string{"apps/7/a.yaml": configMap("mono-7", "2")})
	for i := range apps {
		e.synced(fmt.Sprint("mono-", i), commit)
	}
	e.holds("monorepo", "mono-7", "key", "2")
	if n := e.count("fixpoint_renders_total") - before; n != 1 {
		t.Errorf("the commit rendered %v apps", n)
	}
}

// TestHostileRender: content that eats memory or time costs its own app a clear
// error, and nobody else anything.
func TestHostileRender(t *testing.T) {
	e := newEnv(t)
	bomb := map[string]string{
		"memory/Chart.yaml":       "apiVersion: v2\nname: memory\nversion: 0.1.0\n",
		"memory/templates/a.yaml": "{{- $x := \"0123456789abcdef\" }}{{- range until 40 }}{{- $x = cat $x $x }}{{- end }}{{ $x }}",
		"memory2/a.jsonnet":       "local f(n) = if n == 0 then [0] else f(n - 1) + f(n - 1); { a: std.length(f(60)) }",
		"recursion/a.jsonnet":     "local f(x) = f(x + 1) + 1; f(0)",
		"good/a.yaml":             configMap("good", "1"),
	}
	repo := e.repo("hostile", bomb)
	for _, name := range []string{"memory", "memory2", "recursion"} {
		e.apply(application("hostile-"+name, repo, name, "hostile"))
	}
	e.apply(application("hostile-good", repo, "good", "hostile"))
	e.synced("hostile-good", "")
	e.push(repo, "again", map[string]string{"good/a.yaml": configMap("good", "2")})
	e.holds("hostile", "good", "key", "2")
	for _, name := range []string{"memory", "memory2", "recursion"} {
		e.eventually(name+" has an error", func() error {
			return e.condition(applicationKind, "argocd", "hostile-"+name, "ComparisonError", "", "")
		})
	}
}
