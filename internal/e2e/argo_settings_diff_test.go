package e2e

import (
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

const replicasIgnored = "jsonPointers: [/spec/replicas]\n"

// TestSettingsIgnoreDifferences lets an autoscaler have the replicas of all
// Deployments, by a rule that comes and goes while an app is deployed. While it is
// there they are no drift and not repaired; when it is gone they are repaired.
func TestSettingsIgnoreDifferences(t *testing.T) {
	e := newEnv(t)
	e.forgetSettings()
	e.settings(map[string]string{"resource.customizations.ignoreDifferences.apps_Deployment": replicasIgnored})
	repo := e.repo("scaled", map[string]string{
		"web.yaml": workload("scaled-web", "1"), "other.yaml": workload("scaled-other", "1"),
		"tail.yaml": workload("scaled-tail", "1"), "c.yaml": labelled("scaled-c", "1"), "d.yaml": labelled("scaled-d", "1"),
	})
	e.apply(application("scaled", repo, ".", "scaled"))
	e.synced("scaled", "")

	e.scale("scaled", "scaled-web", 3)
	e.repaired(deploymentKind, "scaled", "scaled-other")
	e.still("scaled", "scaled-web", 3)
	e.synced("scaled", "")

	// So it is after a restart.
	e.stopController()
	n := e.counted(func() {
		e.startController()
		e.repaired(deploymentKind, "scaled", "scaled-tail")
		e.synced("scaled", "")
	})
	if n["APPLY deployments"] != 1 {
		t.Errorf("a restart, and one repair: %v", n)
	}
	e.still("scaled", "scaled-web", 3)

	// Without the rule it is drift, and repaired; what is as declared is not written.
	n = e.counted(func() {
		e.settings(map[string]string{})
		e.replicas("scaled", "scaled-web", 1)
		e.synced("scaled", "")
	})
	if n["APPLY deployments"] != 1 {
		t.Errorf("a rule that goes away: %v", n)
	}
	// Also if it goes while nobody looks.
	e.settings(map[string]string{"resource.customizations.ignoreDifferences.apps_Deployment": replicasIgnored})
	e.eventually("the rule holds", func() error {
		e.scale("scaled", "scaled-web", 3)
		e.repaired(deploymentKind, "scaled", "scaled-other")
		return e.field(deploymentKind, "scaled", "scaled-web", int64(3), "spec", "replicas")
	})
	e.synced("scaled", "")
	e.stopController()
	e.settings(map[string]string{})
	e.startController()
	e.replicas("scaled", "scaled-web", 1)
	e.synced("scaled", "")

	// A rule that comes makes drift none at all: with it what is repaired stays changed.
	all := "jqPathExpressions: [.metadata.labels.team]\n"
	e.settings(map[string]string{"resource.customizations.ignoreDifferences.all": all})
	kinds := map[string]schema.GroupVersionKind{"scaled-tail": deploymentKind, "scaled-c": configMapKind}
	for name, kind := range kinds {
		e.eventually(name+" keeps what somebody has set", func() error {
			e.edit(kind, "scaled", name, `{"metadata":{"labels":{"team":"b"}}}`)
			e.repaired(kind, "scaled", map[string]string{"scaled-tail": "scaled-other", "scaled-c": "scaled-d"}[name])
			return e.field(kind, "scaled", name, "b", "metadata", "labels", "team")
		})
	}
	e.synced("scaled", "")
	e.settings(map[string]string{})
	for name, kind := range kinds {
		e.eventually(name+" is repaired", func() error {
			return e.field(kind, "scaled", name, "a", "metadata", "labels", "team")
		})
	}
	e.synced("scaled", "")
}

// TestSettingsShownDrift does the same with an app that is not repaired: the rule
// decides what is shown, and changes nothing.
func TestSettingsShownDrift(t *testing.T) {
	e := newEnv(t)
	e.forgetSettings()
	repo := e.repo("shown", map[string]string{"web.yaml": workload("shown-web", "1")})
	e.apply(strings.Replace(application("shown", repo, ".", "shown"), ", selfHeal: true", "", 1))
	e.synced("shown", "")
	e.scale("shown", "shown-web", 3)
	e.shows("shown", map[string]string{"sync.status": "OutOfSync"})
	n := e.counted(func() {
		for range 2 {
			e.settings(map[string]string{"resource.customizations.ignoreDifferences.apps_Deployment": replicasIgnored})
			e.shows("shown", map[string]string{"sync.status": "Synced"})
			e.settings(map[string]string{})
			e.shows("shown", map[string]string{"sync.status": "OutOfSync"})
		}
	})
	if n["APPLY deployments"] != 0 {
		t.Errorf("it was written: %v", n)
	}
	e.still("shown", "shown-web", 3)

	// The app's own rule does so, too.
	own := strings.Replace(application("shown", repo, ".", "shown"), ", selfHeal: true", "", 1) +
		"  ignoreDifferences: [{group: apps, kind: Deployment, jsonPointers: [/spec/replicas]}]\n"
	e.apply(own)
	e.shows("shown", map[string]string{"sync.status": "Synced"})
	e.apply(strings.Replace(application("shown", repo, ".", "shown"), ", selfHeal: true", "", 1))
	e.shows("shown", map[string]string{"sync.status": "OutOfSync"})
}

// TestSettingsRespected ignores replicas in an app's own words, each way that there
// is. A sync of another field sets them as declared, unless they are to be respected.
func TestSettingsRespected(t *testing.T) {
	e := newEnv(t)
	for name, rule := range map[string]string{
		"pointers": "jsonPointers: [/spec/replicas]",
		"jq":       `jqPathExpressions: [".spec.replicas"]`,
		"managers": "managedFieldsManagers: [autoscaler]",
	} {
		for _, respect := range []bool{true, false} {
			name := fmt.Sprintf("resp-%s-%v", name, respect)
			t.Run(name, func(t *testing.T) {
				repo := e.repo(name, map[string]string{"web.yaml": workload("web", "1"), "other.yaml": workload("other", "1")})
				app := application(name, repo, ".", name) +
					"  ignoreDifferences: [{group: apps, kind: Deployment, name: web, " + rule + "}]\n"
				if respect {
					app = strings.Replace(app, "syncOptions: [", "syncOptions: [RespectIgnoreDifferences=true, ", 1)
				}
				e.apply(app)
				e.synced(name, "")
				e.scale(name, "web", 3)
				e.repaired(deploymentKind, name, "other")
				e.still(name, "web", 3)
				e.synced(name, "")

				commit := e.push(repo, "two", map[string]string{"web.yaml": workload("web", "2")})
				e.synced(name, commit)
				want := int64(1)
				if respect {
					want = 3
				}
				e.still(name, "web", want)
				if image := fmt.Sprint(list(e.get(deploymentKind, name, "web"), "spec", "template", "spec", "containers")[0]["image"]); image != "example.com/main:2" {
					t.Errorf("image: %s", image)
				}
				// Drift in what is not ignored is repaired, and leaves the rest as well.
				e.scale(name, "web", 2)
				e.repaired(deploymentKind, name, "web")
				if respect {
					e.still(name, "web", 2)
				}
				e.synced(name, "")
			})
		}
	}
}
