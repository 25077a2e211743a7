package e2e

import (
	"fmt"
	"testing"
)

// myApp are the files of a small Kustomize app with two overlays.
func myApp(color string) map[string]string {
	return map[string]string{
		"base/kustomization.yaml": "resources: [deployment.yaml, service.yaml, settings.yaml]\n",
		"base/deployment.yaml": `apiVersion: apps/v1
kind: Deployment
metadata: {name: my-app}
spec:
  replicas: 1
  selector: {matchLabels: {app: my-app}}
  template:
    metadata: {labels: {app: my-app}}
    spec:
      containers:
        - {name: web, image: "example.com/web:1", ports: [{containerPort: 80}]}
`,
		"base/service.yaml": `apiVersion: v1
kind: Service
metadata: {name: my-app}
spec:
  selector: {app: my-app}
  ports: [{port: 80}]
`,
		"base/settings.yaml":                     "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {color: " + color + "}\n",
		"overlays/production/kustomization.yaml": "resources: [../../base]\n",
		"overlays/staging/kustomization.yaml":    "resources: [../../base]\n",
	}
}

// The manifests that users bring, unedited.
const (
	issueApplication = `apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: my-app, namespace: argocd}
spec:
  project: default
  source: {repoURL: https://github.com/myorg/my-app-config, targetRevision: main, path: overlays/production}
  destination: {server: https://kubernetes.default.svc, namespace: my-app}
  syncPolicy:
    automated: {prune: true, selfHeal: true}
    syncOptions: [CreateNamespace=true]
`
	issueKustomization = `apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: my-app, namespace: flux-system}
spec:
  interval: 5m
  path: ./overlays/production
  prune: true
  sourceRef: {kind: GitRepository, name: my-app-config}
  healthChecks: [{apiVersion: apps/v1, kind: Deployment, name: my-app, namespace: my-app}]
`
)

// gitRepository is a GitRepository of that repository below org.
func gitRepository(repo string) string {
	return `apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: ` + repo + `, namespace: flux-system}
spec: {interval: 1m, url: "` + org + repo + `", ref: {branch: main}}
`
}

// application is an automated Application of a directory of plain manifests.
func application(name, repo, path, namespace string) string {
	return fmt.Sprintf(`apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: %s, namespace: argocd}
spec:
  project: default
  source: {repoURL: "%s%s", targetRevision: main, path: "%s"}
  destination: {server: https://kubernetes.default.svc, namespace: %s}
  syncPolicy:
    automated: {prune: true, selfHeal: true}
    syncOptions: [CreateNamespace=true]
    retry: {limit: 5, backoff: {duration: 1s, factor: 1}}
`, name, org, repo, path, namespace)
}

// kustomization is a Kustomization of a path of a GitRepository.
func kustomization(name, repo, path, more string) string {
	return fmt.Sprintf(`apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: %s, namespace: flux-system}
spec:
  interval: 5m
  retryInterval: 1s
  path: "%s"
  prune: true
  sourceRef: {kind: GitRepository, name: %s}
%s`, name, path, repo, more)
}

func configMap(name, value string) string {
	return fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {key: %q}\n", name, value)
}

// TestApplication applies the Application that users bring and follows it
// through a push, a deletion, an edit and a prune.
func TestApplication(t *testing.T) {
	e := newEnv(t)
	repo := e.repo("my-app-config", myApp("blue"))
	e.apply(issueApplication)
	e.synced("my-app", "")
	e.holds("my-app", "settings", "color", "blue")

	commit := e.push(repo, "green", myApp("green"))
	e.holds("my-app", "settings", "color", "green")
	e.synced("my-app", commit)

	e.delete(configMapKind, "my-app", "settings")
	e.holds("my-app", "settings", "color", "green")
	e.edit(configMapKind, "my-app", "settings", `{"data":{"color":"red"}}`)
	e.holds("my-app", "settings", "color", "green")
	e.edit(deploymentKind, "my-app", "my-app", `{"spec":{"replicas":3}}`)
	e.eventually("replicas restored", func() error {
		return e.field(deploymentKind, "my-app", "my-app", int64(1), "spec", "replicas")
	})

	e.push(repo, "no service", map[string]string{
		"base/kustomization.yaml": "resources: [deployment.yaml, settings.yaml]\n", "base/service.yaml": "",
	})
	e.eventually("pruned", func() error { return e.absent(serviceKind, "my-app", "my-app") })
	e.synced("my-app", "")
}

// TestKustomization does the same with the Kustomization.
func TestKustomization(t *testing.T) {
	e := newEnv(t)
	files := myApp("blue")
	files["overlays/production/kustomization.yaml"] = "namespace: my-app\nresources: [../../base, namespace.yaml]\n"
	files["overlays/production/namespace.yaml"] = "apiVersion: v1\nkind: Namespace\nmetadata: {name: my-app}\n"
	repo := e.repo("my-app-config", files)
	e.apply(issueKustomization)
	e.eventually("told what is missing", func() error {
		return e.condition(kustomizationKind, "flux-system", "my-app", "Ready", "False", "my-app-config")
	})
	e.apply(gitRepository("my-app-config"))
	e.ready("my-app", "")
	e.holds("my-app", "settings", "color", "blue")

	commit := e.push(repo, "green", map[string]string{"base/settings.yaml": myApp("green")["base/settings.yaml"]})
	e.holds("my-app", "settings", "color", "green")
	e.ready("my-app", commit)

	e.delete(configMapKind, "my-app", "settings")
	e.holds("my-app", "settings", "color", "green")
	e.edit(configMapKind, "my-app", "settings", `{"data":{"color":"red"}}`)
	e.holds("my-app", "settings", "color", "green")

	e.push(repo, "no service", map[string]string{
		"base/kustomization.yaml": "resources: [deployment.yaml, settings.yaml]\n", "base/service.yaml": "",
	})
	e.eventually("pruned", func() error { return e.absent(serviceKind, "my-app", "my-app") })
	e.ready("my-app", "")
}
