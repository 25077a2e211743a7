package e2e

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"filippo.io/age"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var helmRepositoryKind = schema.GroupVersionKind{Group: "source.toolkit.fluxcd.io", Version: "v1", Kind: "HelmRepository"}

// The secrets of TestSecretsOfFailures. All begin alike.
const (
	plantedStart = "planted"
	plantedVar   = "planted variable/Rb2m"
	plantedValue = "planted-value-Tc8q"
	plantedLogin = "planted-login-Kd3x"
)

// parrot refuses everything, in the words of who asks.
func parrot(t *testing.T) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if r.Header.Get("Authorization") == "" {
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
		}
		text, _ := json.Marshal(map[string]any{"errors": []any{map[string]any{"code": "DENIED", "message": user + ":" + password + " " + r.Header.Get("Authorization") + " " + r.URL.String()}}})
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write(text)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// failingKustomizations are refused, each with a secret in what is refused.
var failingKustomizations = map[string]struct{ file, says string }{
	"leak-number": {"apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: [{port: \"${secret}\"}]}\n", "Service"},
	"leak-enum":   {"apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {type: \"${secret}\", ports: [{port: 80}]}\n", "spec.type"},
	"leak-label":  {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, labels: {a: \"${secret}\"}}\n", "metadata.labels"},
	"leak-part":   {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, labels: {a: \"x ${secret} y\"}}\n", "metadata.labels"},
	"leak-amount": {"apiVersion: v1\nkind: LimitRange\nmetadata: {name: a}\nspec: {limits: [{type: Pod, max: {cpu: \"${secret}\"}}]}\n", "LimitRange"},
	"leak-unset":  {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: \"${secret} ${other}\"}\n", "other"},
	"leak-syntax": {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: \"${secret/${secret}\"}\n", "${secret}"},
}

// failingReleases are templates that fail with a secret value, or make of it
// what is refused.
var failingReleases = map[string]string{
	"leak-fail":   `{{ fail (print "no: " .Values.secret) }}`,
	"leak-parse":  "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {{ .Values.secret }}: [\n",
	"leak-port":   "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: [{port: {{ .Values.secret | quote }}}]}\n",
	"leak-type":   "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {type: {{ .Values.secret | quote }}, ports: [{port: 80}]}\n",
	"leak-path":   "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {type: {{ .Values.placed | quote }}, ports: [{port: 80}]}\n",
	"leak-schema": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
}

// TestSecretsOfFailures lets everything fail that knows a secret. None is in any
// object, event, log, metric or file afterwards; nor is the place on disk where
// Fixpoint keeps what it fetches.
func TestSecretsOfFailures(t *testing.T) {
	e := newEnv(t)
	e.namespaces("leaks")
	e.secret("flux-system", "leaks", "", map[string]string{"secret": plantedVar, "values.yaml": "secret: " + plantedValue + "\n", "placed": plantedValue})
	e.failingKustomizations()
	e.failingReleases()
	keys := e.failingDecryptions()
	e.failingSources(parrot(t))
	e.hides(append(keys, plantedVar, plantedValue, plantedLogin, plantedStart, "Signature=")...)
	e.homeless()
}

func (e *env) failingKustomizations() {
	e.t.Helper()
	files := map[string]string{}
	for name, c := range failingKustomizations {
		files[name+"/a.yaml"] = c.file
	}
	repo := e.repo("leaks", files)
	e.apply(gitRepository(repo))
	for name := range failingKustomizations {
		e.apply(kustomization(name, repo, "./"+name, "  targetNamespace: leaks\n  postBuild: {substituteFrom: [{kind: Secret, name: leaks-vars}]}\n"))
	}
	e.secret("flux-system", "leaks-vars", "", map[string]string{"secret": plantedVar})
	for name, c := range failingKustomizations {
		e.says(name, "Ready", c.says)
		e.t.Logf("%s: %s", name, e.ks(name, "Ready"))
	}
}

func (e *env) failingReleases() {
	e.t.Helper()
	files := map[string]string{"leak-schema/values.schema.json": `{"properties": {"secret": {"type": "integer"}, "placed": {"maxLength": 2}}}`}
	for name, template := range failingReleases {
		files[name+"/Chart.yaml"] = "apiVersion: v2\nname: web\nversion: 0.1.0\n"
		files[name+"/templates/a.yaml"] = template
	}
	repo := e.repo("leaks-charts", files)
	e.apply(gitRepository(repo))
	for name := range failingReleases {
		e.apply(`apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: ` + name + `, namespace: flux-system}
spec:
  interval: 5m
  targetNamespace: leaks
  chart: {spec: {chart: ` + name + `, sourceRef: {kind: GitRepository, name: ` + repo + `}}}
  valuesFrom: [{kind: Secret, name: leaks}, {kind: Secret, name: leaks, valuesKey: placed, targetPath: placed}]
`)
	}
	for name := range failingReleases {
		e.eventually(name+" says so", func() error { return e.condition(releaseKind, "flux-system", name, "Ready", "False", "a") })
		e.t.Logf("%s: %s", name, at(e.get(releaseKind, "flux-system", name), "status", "conditions"))
	}
}

// failingDecryptions returns the keys that were used.
func (e *env) failingDecryptions() []string {
	e.t.Helper()
	read := func(name string) string {
		data, err := os.ReadFile("testdata/sops/" + name)
		if err != nil {
			e.t.Fatal(err)
		}
		return string(data)
	}
	repo := e.repo("leaks-sealed", map[string]string{"service/a.yaml": read("service.yaml"), "secret/a.yaml": read("secret.yaml")})
	e.apply(gitRepository(repo))
	other, err := age.GenerateX25519Identity()
	if err != nil {
		e.t.Fatal(err)
	}
	for name, key := range map[string]string{"good": read("test.agekey"), "wrong": other.String(), "broken": plantedLogin} {
		e.secret("flux-system", "leaks-"+name, "", map[string]string{"a.agekey": key})
	}
	for name, c := range map[string]struct{ path, key, says string }{
		"leak-refused": {"service", "leaks-good", "spec.type"}, "leak-wrong": {"secret", "leaks-wrong", "age1"}, "leak-broken": {"secret", "leaks-broken", "a.agekey"},
	} {
		e.apply(kustomization(name, repo, "./"+c.path, "  targetNamespace: leaks\n  decryption: {provider: sops, secretRef: {name: "+c.key+"}}\n"))
		e.says(name, "Ready", c.says)
		e.t.Logf("%s: %s", name, e.ks(name, "Ready"))
	}
	_, right, _ := strings.Cut(read("test.agekey"), "AGE-SECRET-KEY-")
	return []string{other.String(), strings.TrimSpace(right)}
}

// failingSources are sources of each kind that a server refuses.
func (e *env) failingSources(url string) {
	e.t.Helper()
	host := strings.TrimPrefix(url, "http://")
	config, _ := json.Marshal(map[string]any{"auths": map[string]any{host: map[string]string{"username": "u", "password": plantedLogin}}})
	e.secret("flux-system", "leaks-login", "", map[string]string{
		"username": "u", "password": plantedLogin, "accesskey": "u", "secretkey": plantedLogin, ".dockerconfigjson": string(config)})
	kinds := map[string]schema.GroupVersionKind{"leak-oci": ociKind, "leak-bucket": bucketKind, "leak-helm": helmRepositoryKind, "leak-git": repositoryKind, "leak-query": helmRepositoryKind}
	for name, spec := range map[string]string{
		"leak-oci":    `url: "oci://` + host + `/team/app", insecure: true`,
		"leak-bucket": `endpoint: ` + host + `, bucketName: leaks, insecure: true`,
		"leak-helm":   `url: "` + url + `/charts"`,
		"leak-query":  `url: "` + url + `/charts?sig=` + "x" + `"`,
		"leak-git":    `url: "` + url + `/app.git"`,
	} {
		e.apply("apiVersion: source.toolkit.fluxcd.io/v1\nkind: " + kinds[name].Kind + "\nmetadata: {name: " + name + ", namespace: flux-system}\nspec: {interval: 1m, secretRef: {name: leaks-login}, " + spec + "}\n")
	}
	e.secret("argocd", "leaks-git", "argocd.argoproj.io/secret-type: repository", map[string]string{"type": "git", "url": url + "/argo.git", "username": "u", "password": plantedLogin})
	e.secret("argocd", "leaks-charts", "argocd.argoproj.io/secret-type: repository", map[string]string{"type": "helm", "url": url + "/argo-charts", "username": "u", "password": plantedLogin})
	e.apply(strings.Replace(application("leak-argo", "x", ".", "leaks"), org+"x", url+"/argo.git", 1))
	e.apply(helmApplication("leak-argo-chart", `  source: {repoURL: "`+url+`/argo-charts", chart: web, targetRevision: "1.*"}`))
	for name, gvk := range kinds {
		e.eventually(name+" says so", func() error { return e.condition(gvk, "flux-system", name, "Ready", "False", "") })
		e.t.Logf("%s: %s", name, at(e.get(gvk, "flux-system", name), "status", "conditions"))
	}
	for _, name := range []string{"leak-argo", "leak-argo-chart"} {
		e.eventually(name+" says so", func() error {
			return e.condition(applicationKind, "argocd", name, "ComparisonError", "", "credentials")
		})
	}
}

// homeless demands that no object tells where files are on this machine.
func (e *env) homeless() {
	e.t.Helper()
	for _, gvk := range e.told() {
		for _, o := range e.all(gvk) {
			raw, err := o.MarshalJSON()
			if err != nil {
				e.t.Fatal(err)
			}
			if strings.Contains(string(raw), e.dataDir) {
				e.t.Errorf("%s %s tells of %s", gvk.Kind, o.GetName(), e.dataDir)
			}
		}
	}
}
