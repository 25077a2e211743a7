package argo

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

const repositories = `
kind: Secret
metadata: {name: mine, namespace: argocd, labels: {argocd.argoproj.io/secret-type: repository}}
stringData: {url: https://git.example/mine, project: mine, password: PW-MINE}
---
kind: Secret
metadata: {name: charts, namespace: argocd, labels: {argocd.argoproj.io/secret-type: repository}}
stringData: {type: helm, name: stable, url: https://charts.example/stable, username: u, password: PW-CHARTS, proxy: 'http://p:PW-PROXY@proxy.example'}
---
kind: Secret
metadata: {name: registry, namespace: argocd, labels: {argocd.argoproj.io/secret-type: repo-creds}}
stringData: {type: helm, url: registry.example/org, username: u, password: PW-REGISTRY, enableOCI: "true"}
---
kind: Secret
metadata: {name: org, namespace: argocd, labels: {argocd.argoproj.io/secret-type: repo-creds}}
stringData: {url: https://git.example/org, password: PW-ORG}
---
kind: Secret
metadata: {name: cloud, namespace: argocd, labels: {argocd.argoproj.io/secret-type: repo-creds}}
stringData: {url: https://cloud.example/, gcpServiceAccountKey: PW-CLOUD}
`

func TestRemote(t *testing.T) {
	s, bad := settings(t, []byte(repositories))
	if len(bad) > 0 {
		t.Fatal(bad)
	}
	for name, tc := range map[string]struct {
		reason   string
		source   model.Source
		password string
		kind     model.SourceKind
		url      string
		err      error
	}{
		"template":       {"a remote base has the credentials of its host and path", model.Source{URL: "https://git.example/org/base"}, "PW-ORG", model.SourceGit, "https://git.example/org/base", nil},
		"other path":     {"no others of the same host", model.Source{URL: "https://git.example/other/base"}, "", model.SourceGit, "https://git.example/other/base", nil},
		"other host":     {"nor those of a host whose name begins so", model.Source{URL: "https://git.example.evil.example/org/base"}, "", model.SourceGit, "https://git.example.evil.example/org/base", nil},
		"another's":      {"a project's repository is its own", model.Source{URL: "https://git.example/mine.git"}, "", "", "", model.ErrDenied},
		"dependency":     {"a chart dependency", model.Source{URL: "https://charts.example/stable/", Chart: "c"}, "PW-CHARTS", model.SourceHelm, "https://charts.example/stable/", nil},
		"named":          {"a repository by its name", model.Source{URL: "@stable", Chart: "c"}, "PW-CHARTS", model.SourceHelm, "https://charts.example/stable", nil},
		"alias":          {"in both forms", model.Source{URL: "alias:stable", Chart: "c"}, "PW-CHARTS", model.SourceHelm, "https://charts.example/stable", nil},
		"unnamed":        {"a name that is none", model.Source{URL: "@other", Chart: "c"}, "", "", "", model.ErrNotFound},
		"registry":       {"a registry that is declared without scheme", model.Source{URL: "oci://registry.example/org/charts", Chart: "c"}, "PW-REGISTRY", model.SourceOCI, "oci://registry.example/org/charts", nil},
		"other registry": {"another path of it", model.Source{URL: "oci://registry.example/else/charts", Chart: "c"}, "", model.SourceOCI, "oci://registry.example/else/charts", nil},
		"unusable":       {"credentials of a kind that can't be used", model.Source{URL: "https://cloud.example/r"}, "", "", "", model.ErrDenied},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := s.Remote("default", tc.source)
			if !errors.Is(err, tc.err) || (tc.err == nil && err != nil) {
				t.Fatalf("%s: %v", tc.reason, err)
			}
			if got.Auth.Password != tc.password || got.Kind != tc.kind || got.URL != tc.url {
				t.Errorf("%s: %s %s with password %q", tc.reason, got.Kind, got.URL, got.Auth.Password)
			}
			if text := fmt.Sprintf("%v %+v %#v", err, got, got); strings.Contains(text, "PW-") {
				t.Errorf("a password is printed: %s", text)
			}
		})
	}
	if got, err := s.Remote("mine", model.Source{URL: "https://git.example/mine"}); err != nil || got.Auth.Password != "PW-MINE" {
		t.Errorf("its own project: %#v, %v", got, err)
	}
	if got, _ := s.Remote("default", model.Source{URL: "@stable", Chart: "c"}); got.Proxy.Password != "PW-PROXY" || got.Proxy.URL != "http://proxy.example" {
		t.Errorf("proxy: %s", got.Proxy.URL)
	}
}

func TestWebhooks(t *testing.T) {
	s, bad := settings(t, []byte(`
kind: Secret
metadata: {name: argocd-secret, namespace: argocd}
stringData:
  webhook.github.secret: "hub\n"
  webhook.gitlab.secret: $hooks:lab
  webhook.gogs.secret: $gogs
  gogs: own
  webhook.bitbucket.uuid: uuid
  webhook.bitbucketserver.secret: $foreign:key
  webhook.azuredevops.username: azure
  webhook.azuredevops.password: $missing:key
---
kind: Secret
metadata: {name: hooks, namespace: argocd, labels: {app.kubernetes.io/part-of: argocd}}
stringData: {lab: laboratory}
---
kind: Secret
metadata: {name: foreign, namespace: argocd}
stringData: {key: not-ours}
---
kind: ConfigMap
metadata: {name: argocd-cm}
data: {webhook.maxPayloadSizeMB: "2"}
`))
	if len(bad) > 0 {
		t.Fatal(bad)
	}
	want := Webhooks{
		GitHub: model.Hidden("hub"), GitLab: model.Hidden("laboratory"), Gogs: model.Hidden("own"),
		BitbucketUUID: model.Hidden("uuid"), AzureUsername: model.Hidden("azure"), MaxPayload: 2 << 20,
	}
	if diff := cmp.Diff(want, s.webhooks); diff != "" {
		t.Error(diff)
	}
	if text := fmt.Sprintf("%v %+v %#v", s.webhooks, s.webhooks, s.webhooks); strings.Contains(text, "laboratory") {
		t.Errorf("a secret is printed: %s", text)
	}
	if _, bad := settings(t, []byte("kind: ConfigMap\nmetadata: {name: argocd-cm}\ndata: {webhook.maxPayloadSizeMB: much}")); len(bad) != 1 {
		t.Errorf("problems: %v", bad)
	}
}

// TestStripSecret: what is no setting of Argo CD is not kept in memory.
func TestStripSecret(t *testing.T) {
	for name, tc := range map[string]struct {
		secret corev1.Secret
		kept   bool
	}{
		"repository": {corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "a", Labels: map[string]string{LabelSecretType: "repository"}}}, true},
		"part of":    {corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "a", Labels: map[string]string{LabelPartOf: PartOf}}}, true},
		"main":       {corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "argocd-secret"}}, true},
		"release":    {corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "sh.helm.release.v1.a", Annotations: map[string]string{"a": "secret"}}}, false},
	} {
		tc.secret.Data = map[string][]byte{"key": []byte("secret")}
		out, err := stripSecret(&tc.secret)
		if got := out.(*corev1.Secret); err != nil || got.Name != tc.secret.Name || (len(got.Data) > 0) != tc.kept || (!tc.kept && got.Annotations != nil) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}
