package live_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fixpoint-cd/fixpoint/internal/live"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

func TestObjectMasksASecret(t *testing.T) {
	w := newWorld(t)
	w.apply(`apiVersion: v1
kind: Secret
metadata:
  name: login
  annotations: {kubectl.kubernetes.io/last-applied-configuration: '{"stringData":{"password":"hunter2"}}'}
stringData: {password: hunter2, again: hunter2, other: swordfish}`)
	s, c, _ := w.service(live.Config{})
	content, owners, pods, err := s.Object(t.Context(), c, w.root("v1", "Secret", "login").Object, "tests", model.Mask{})
	if err != nil || len(pods) > 0 {
		t.Fatal(pods, err)
	}
	if text := fmt.Sprint(content); strings.Contains(text, "hunter2") || strings.Contains(text, "aHVudGVyMg") {
		t.Errorf("a Secret's values are shown: %s", text)
	}
	data, _ := content["data"].(map[string]any)
	if data["password"] != data["again"] || data["password"] == data["other"] {
		t.Errorf("equal values don't look equal, or others do: %v", data)
	}
	if text := fmt.Sprint(content); strings.Contains(text, "managedFields") {
		t.Error("managed fields are shown in the content")
	}
	if len(owners) != 1 || !owners[0].Ours || owners[0].Operation != "Apply" || owners[0].Time.IsZero() {
		t.Errorf("owners are %+v", owners)
	}
}

func TestObjectSaysWhoOwnsWhichField(t *testing.T) {
	w := newWorld(t)
	w.apply(talkers)
	s, c, _ := w.service(live.Config{Fresh: 1})
	ref := w.root("apps/v1", "Deployment", "talk").Object
	eventually(t, func() string {
		content, owners, pods, err := s.Object(t.Context(), c, ref, "tests", model.Mask{})
		if err != nil {
			t.Fatal(err)
		}
		if len(owners) != 2 || len(pods) != 2 || content["status"] == nil {
			return fmt.Sprintf("%d owners, %d pods", len(owners), len(pods))
		}
		ours, theirs := owners[0], owners[1]
		if !ours.Ours || theirs.Ours || theirs.Manager != "kube-controller-manager" || theirs.Subresource != "status" {
			return fmt.Sprintf("owners are %+v", owners)
		}
		for _, path := range []string{".spec.replicas", `.spec.template.spec.containers[name="main"].image`} {
			if !slices.Contains(ours.Fields, path) {
				return path + " is not among " + strings.Join(ours.Fields, " ")
			}
		}
		if !slices.Contains(theirs.Fields, ".status.readyReplicas") {
			return "the status is not its controller's: " + strings.Join(theirs.Fields, " ")
		}
		want := []view.Container{
			{Name: "prepare", Init: true, State: "Completed"}, {Name: "main", State: "Running"}, {Name: "side", State: "Running"},
		}
		return cmp.Diff(want, pods[0].Containers)
	})
}

func TestObjectThatIsNotThere(t *testing.T) {
	w := newWorld(t)
	s, c, _ := w.service(live.Config{})
	for _, ref := range []model.ObjectRef{
		w.root("v1", "ConfigMap", "nowhere").Object, w.root("example.org/v1", "Unheard", "of").Object,
	} {
		if _, _, _, err := s.Object(t.Context(), c, ref, "", model.Mask{}); !errors.Is(err, model.ErrNotFound) {
			t.Errorf("%s: %v", ref, err)
		}
		if err := s.Delete(t.Context(), c, ref, ""); !errors.Is(err, model.ErrNotFound) {
			t.Errorf("deleting %s: %v", ref, err)
		}
	}
}

func TestDeleteOnlyTheObjectThatWasSeen(t *testing.T) {
	w := newWorld(t)
	made := w.apply("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: some}")[0]
	s, c, _ := w.service(live.Config{})
	ref := w.root("v1", "ConfigMap", "some").Object
	if err := s.Delete(t.Context(), c, ref, "another"); !errors.Is(err, model.ErrNotFound) {
		t.Errorf("deleting one that was replaced: %v", err)
	}
	if err := s.Delete(t.Context(), c, ref, string(made.GetUID())); err != nil {
		t.Error(err)
	}
	if err := s.Delete(t.Context(), c, ref, ""); !errors.Is(err, model.ErrNotFound) {
		t.Errorf("deleting what is gone: %v", err)
	}
}

func TestEventsOfAnAppInOneList(t *testing.T) {
	w := newWorld(t)
	w.apply(talkers)
	s, c, counts := w.service(live.Config{Fresh: 1})
	roots := []model.ResourceState{w.root("apps/v1", "Deployment", "talk")}
	eventually(t, func() string {
		tree, err := s.Tree(t.Context(), c, roots)
		if err != nil {
			t.Fatal(err)
		}
		var subjects []live.Subject
		for _, n := range tree.Nodes {
			subjects = append(subjects, live.Subject{Ref: n.Ref, UID: n.UID})
		}
		before := counts.of("/events")
		events, err := s.Events(t.Context(), c, subjects)
		if err != nil {
			t.Fatal(err)
		}
		if n := counts.of("/events") - before; n != 1 {
			t.Errorf("%d lists", n)
		}
		reasons := map[string]int{}
		for n, e := range events {
			reasons[e.Ref.Kind+" "+e.Reason]++
			if n > 0 && e.Last.After(events[n-1].Last) {
				t.Error("the events are out of order")
			}
		}
		return cmp.Diff(map[string]int{
			"Deployment ScalingReplicaSet": 1, "ReplicaSet SuccessfulCreate": 2, "Pod Scheduled": 2,
		}, reasons)
	})
	events, err := s.Events(t.Context(), c, []live.Subject{{Ref: roots[0].Object}})
	if err != nil || len(events) != 1 || events[0].Message == "" || events[0].Source != "deployment-controller" {
		t.Errorf("events of the Deployment alone: %+v, %v", events, err)
	}
	if counts.of("/events", "involvedObject.kind") != 1 {
		t.Error("the events of one object are not selected by the server")
	}
}

func TestVersion(t *testing.T) {
	w := newWorld(t)
	s, c, _ := w.service(live.Config{})
	if v, err := c.Version(t.Context()); err != nil || !strings.HasPrefix(v, "v1.") {
		t.Errorf("%q, %v", v, err)
	}
	s.Close()
	if _, err := c.Version(t.Context()); err == nil {
		t.Error("a connection that has ended answers")
	}
}
