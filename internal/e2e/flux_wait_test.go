package e2e

import (
	"strconv"
	"strings"
	"testing"
)

// TestWait holds Ready back until pods are healthy, fails with those that can't
// become so, and goes on with the commit that repairs them.
func TestWait(t *testing.T) {
	e := newEnv(t)
	e.namespaces("wait")
	repo := e.repo("wait", map[string]string{"d.yaml": pods("wait-d", never)})
	e.apply(gitRepository(repo))
	e.apply(kustomization("wait", repo, "./", "  targetNamespace: wait\n  wait: true\n  timeout: 10h\n"))
	e.says("wait", "Ready", "Unknown Progressing")
	e.says("wait", "Reconciling", "True Progressing", "health check")
	e.release("wait", "wait-d")
	e.eventually("Ready with its pods and not before", func() error {
		ready := strings.HasPrefix(e.ks("wait", "Ready"), "True")
		available := at(e.get(deploymentKind, "wait", "wait-d"), "status", "availableReplicas")
		if ready && available != "1" {
			t.Fatalf("Ready with %q available replicas", available)
		}
		if !ready {
			return errorf("%s", e.ks("wait", "Ready"))
		}
		return nil
	})
	e.says("wait", "Healthy", "True Succeeded")

	crash := strings.Replace(pods("wait-d", looping), "progressDeadlineSeconds: 600", "progressDeadlineSeconds: 1", 1)
	e.push(repo, "crash", map[string]string{"d.yaml": crash})
	e.says("wait", "Ready", "False HealthCheckFailed", "wait-d")
	e.says("wait", "Healthy", "False HealthCheckFailed")
	e.event("Kustomization", "flux-system", "wait", "Warning", "HealthCheckFailed", "wait-d")
	commit := e.push(repo, "repaired", map[string]string{"d.yaml": pods("wait-d", "")})
	e.ready("wait", commit)

	// While it waits for pods that never come, a commit that repairs them is not
	// kept waiting until the timeout.
	e.push(repo, "never", map[string]string{"d.yaml": pods("wait-d", never)})
	e.says("wait", "Reconciling", "True Progressing", "health check")
	commit = e.push(repo, "again", map[string]string{"d.yaml": pods("wait-d", "")})
	e.ready("wait", commit)
}

// TestHealthChecks waits for what is listed and for nothing else.
func TestHealthChecks(t *testing.T) {
	e := newEnv(t)
	e.namespaces("checks")
	repo := e.repo("checks", map[string]string{"d.yaml": pods("checks-d", never), "other.yaml": pods("checks-other", never)})
	e.apply(gitRepository(repo))
	e.apply(kustomization("checks", repo, "./", `  targetNamespace: checks
  timeout: 10h
  healthChecks: [{apiVersion: apps/v1, kind: Deployment, name: checks-d, namespace: checks}]
`))
	e.says("checks", "Reconciling", "True Progressing", "health check")
	commit := e.push(repo, "well", map[string]string{"d.yaml": pods("checks-d", "")})
	e.ready("checks", commit)
	if got := at(e.get(deploymentKind, "checks", "checks-other"), "status", "availableReplicas"); got != "" {
		t.Errorf("the other Deployment has %s available replicas: this test proves nothing", got)
	}
}

// TestDependsOn applies three Kustomizations in the order of their dependencies.
func TestDependsOn(t *testing.T) {
	e := newEnv(t)
	e.namespaces("depends")
	files := map[string]string{"one/d.yaml": pods("dep-d", never)}
	for _, dir := range []string{"one", "two", "three"} {
		files[dir+"/cm.yaml"] = configMap("dep-"+dir, "1")
	}
	repo := e.repo("depends", files)
	e.apply(gitRepository(repo))
	e.apply(kustomization("dep-three", repo, "./three", "  targetNamespace: depends\n  dependsOn: [{name: dep-two}]\n"))
	e.says("dep-three", "Ready", "False DependencyNotReady", "dep-two", "not found")
	e.apply(kustomization("dep-two", repo, "./two", "  targetNamespace: depends\n  dependsOn: [{name: dep-one, namespace: flux-system}]\n"))
	e.apply(kustomization("dep-one", repo, "./one", "  targetNamespace: depends\n  wait: true\n  timeout: 10h\n"))
	e.says("dep-one", "Reconciling", "True Progressing", "health check")
	e.says("dep-two", "Ready", "False DependencyNotReady", "dep-one")
	e.says("dep-three", "Ready", "False DependencyNotReady", "dep-two")
	for _, name := range []string{"dep-two", "dep-three"} {
		if err := e.absent(configMapKind, "depends", name); err != nil {
			t.Error(err)
		}
	}
	commit := e.push(repo, "well", map[string]string{"one/d.yaml": pods("dep-d", "")})
	for _, name := range []string{"dep-one", "dep-two", "dep-three"} {
		e.ready(name, commit)
	}
	var versions []int
	for _, name := range []string{"dep-one", "dep-two", "dep-three"} {
		v, err := strconv.Atoi(e.get(configMapKind, "depends", name).GetResourceVersion())
		if err != nil {
			t.Fatal(err)
		}
		versions = append(versions, v)
	}
	if versions[0] >= versions[1] || versions[1] >= versions[2] {
		t.Errorf("created in the order %v", versions)
	}

	// A circle is told, and hinders nobody else.
	e.apply(kustomization("dep-a", repo, "./two", "  targetNamespace: depends-a\n  dependsOn: [{name: dep-b}]\n"))
	e.apply(kustomization("dep-b", repo, "./two", "  targetNamespace: depends-b\n  dependsOn: [{name: dep-a}]\n"))
	for _, name := range []string{"dep-a", "dep-b"} {
		e.says(name, "Ready", "False DependencyNotReady")
	}
	next := e.push(repo, "next", map[string]string{"three/cm.yaml": configMap("dep-three", "2")})
	e.holds("depends", "dep-three", "key", "2")
	e.ready("dep-three", next)
}
