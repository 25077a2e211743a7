package demo

import (
	"encoding/hex"
	"strings"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/apis/meta"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/fixpoint-cd/fixpoint/api/argoproj/v1alpha1"
)

// view is what the status of an app says, whatever its dialect.
type view struct {
	// Applied is the commit that the cluster is at; "" if none.
	Applied string
	// State is the status in the dialect's own words, for people.
	State string
	// Good: Synced and Healthy, or Ready.
	Good bool
	// Error is what is wrong, "" if nothing.
	Error string
	// Objects is how many the app has.
	Objects int
}

// viewOf reads an Application or a Kustomization. A status that can't be read
// is as none.
func viewOf(u *unstructured.Unstructured) view {
	if u == nil {
		return view{State: "does not exist"}
	}
	if u.GetKind() == "Application" {
		var app v1alpha1.Application
		if runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, &app) != nil {
			return view{State: "unreadable status"}
		}
		return applicationView(app)
	}
	var k kustomizev1.Kustomization
	if runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, &k) != nil {
		return view{State: "unreadable status"}
	}
	return kustomizationView(k)
}

func applicationView(app v1alpha1.Application) view {
	s := app.Status
	v := view{Objects: len(s.Resources), State: s.Sync.Status + ", " + s.Health.Status}
	if s.Sync.Status == "" {
		v.State = "no status yet"
	}
	for _, c := range s.Conditions {
		if strings.HasSuffix(c.Type, "Error") {
			v.Error = c.Type + ": " + c.Message
			break
		}
	}
	if n := len(s.History); n > 0 {
		v.Applied = s.History[n-1].Revision
	}
	if s.Sync.Status == "Synced" {
		v.Applied = s.Sync.Revision
	}
	v.Good = s.Sync.Status == "Synced" && s.Health.Status == "Healthy" && v.Error == ""
	return v
}

func kustomizationView(k kustomizev1.Kustomization) view {
	v := view{Applied: commitOf(k.Status.LastAppliedRevision), State: "no status yet"}
	if k.Status.Inventory != nil {
		v.Objects = len(k.Status.Inventory.Entries)
	}
	ready := apimeta.FindStatusCondition(k.Status.Conditions, meta.ReadyCondition)
	if ready == nil {
		return v
	}
	switch ready.Status {
	case metav1.ConditionTrue:
		v.State = "Ready"
		v.Good = k.Status.ObservedGeneration == k.Generation
	case metav1.ConditionFalse:
		v.State = "not ready"
		v.Error = ready.Reason + ": " + ready.Message
	default:
		v.State = "in progress"
	}
	return v
}

// repositoryView is the commit that a GitRepository is at, and what is wrong
// with it, "" if nothing.
func repositoryView(u *unstructured.Unstructured) (commit, problem string) {
	var r sourcev1.GitRepository
	if u == nil || runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, &r) != nil {
		return "", ""
	}
	if r.Status.Artifact != nil {
		commit = commitOf(r.Status.Artifact.Revision)
	}
	ready := apimeta.FindStatusCondition(r.Status.Conditions, meta.ReadyCondition)
	if ready != nil && ready.Status == metav1.ConditionFalse {
		problem = ready.Reason + ": " + ready.Message
	}
	return commit, problem
}

// commitOf takes the commit out of a Flux revision such as "main@sha1:4fb8…";
// "" if it holds none.
func commitOf(revision string) string {
	id := revision[strings.LastIndexAny(revision, ":/@")+1:]
	if _, err := hex.DecodeString(id); err != nil {
		return ""
	}
	return id
}

// short is the beginning of a commit id.
func short(commit string) string { return commit[:min(7, len(commit))] }
