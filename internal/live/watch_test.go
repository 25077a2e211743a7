package live_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/fixpoint-cd/fixpoint/internal/live"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// settled takes signals until the tree's text has what is wanted.
func settled(t *testing.T, w *world, s *live.Service, c *live.Cluster, changed <-chan struct{}, roots []model.ResourceState, want func(view.Tree) bool) view.Tree {
	t.Helper()
	for {
		tree, err := s.Tree(w.Context(), c, roots)
		if err != nil {
			t.Fatal(err)
		}
		if want(tree) {
			return tree
		}
		select {
		case _, ok := <-changed:
			if !ok {
				t.Fatal("the watch has ended")
			}
		case <-time.After(10 * time.Minute):
			t.Fatalf("no signal came, and the tree is\n%s", text(tree))
		}
	}
}

func pods(tree view.Tree) (n int) {
	for _, node := range tree.Nodes {
		if node.Ref.Kind == "Pod" {
			n++
		}
	}
	return n
}

func TestWatchIsSharedAndEndsWithItsViewers(t *testing.T) {
	w := newWorld(t)
	w.apply(talkers)
	before := runtime.NumGoroutine()
	s, c, counts := w.service(live.Config{Linger: 1})
	roots := []model.ResourceState{w.root("apps/v1", "Deployment", "talk")}
	ctx, leave := context.WithCancel(t.Context())
	var viewers []<-chan struct{}
	for range 5 {
		viewers = append(viewers, s.Watch(ctx, c, roots))
	}
	for _, changed := range viewers {
		settled(t, w, s, c, changed, roots, func(tree view.Tree) bool { return pods(tree) == 2 })
	}
	w.apply(strings.Replace(talkers, "replicas: 2", "replicas: 3", 1))
	for _, changed := range viewers {
		settled(t, w, s, c, changed, roots, func(tree view.Tree) bool { return pods(tree) == 3 })
	}
	for _, kind := range []string{"pods", "replicasets", "deployments"} {
		if lists, watches := counts.of("/"+kind)-counts.of("/"+kind, "watch=true"), counts.of("/"+kind, "watch=true"); watches != 1 || lists > 2 {
			t.Errorf("five viewers cost %d lists and %d watches of %s", lists, watches, kind)
		}
	}
	// A tree costs nothing while it is watched.
	reads := counts.of("")
	for range 10 {
		if _, err := s.Tree(t.Context(), c, roots); err != nil {
			t.Fatal(err)
		}
	}
	if n := counts.of("") - reads; n != 0 {
		t.Errorf("trees that are watched cost %d requests", n)
	}
	leave()
	for _, changed := range viewers {
		for range changed {
		}
	}
	eventually(t, func() string {
		if n := counts.open("watch=true"); n > 0 {
			return fmt.Sprintf("%d watches go on without a viewer", n)
		}
		return ""
	})
	s.Close()
	eventually(t, func() string {
		if n := runtime.NumGoroutine(); n > before {
			buf := make([]byte, 1<<20)
			return fmt.Sprintf("%d goroutines, %d before\n%s", n, before, buf[:runtime.Stack(buf, true)])
		}
		return ""
	})
}

func TestWatchLingersForWhoComesBack(t *testing.T) {
	w := newWorld(t)
	w.apply(talkers)
	s, c, counts := w.service(live.Config{Linger: time.Hour})
	roots := []model.ResourceState{w.root("apps/v1", "Deployment", "talk")}
	for range 3 {
		ctx, leave := context.WithCancel(t.Context())
		changed := s.Watch(ctx, c, roots)
		settled(t, w, s, c, changed, roots, func(tree view.Tree) bool { return pods(tree) == 2 })
		leave()
		for range changed {
		}
	}
	if n := counts.of("/pods", "watch=true"); n != 1 {
		t.Errorf("%d watches of pods", n)
	}
	s.Close()
	eventually(t, func() string { return open(counts) })
}

func TestWatchGoesOnFromTheTreeThatWasRead(t *testing.T) {
	w := newWorld(t)
	w.apply(talkers)
	s, c, counts := w.service(live.Config{Fresh: time.Hour})
	roots := []model.ResourceState{w.root("apps/v1", "Deployment", "talk")}
	if _, err := s.Tree(t.Context(), c, roots); err != nil {
		t.Fatal(err)
	}
	changed := s.Watch(t.Context(), c, roots)
	settled(t, w, s, c, changed, roots, func(tree view.Tree) bool { return pods(tree) == 2 })
	w.apply(strings.Replace(talkers, "replicas: 2", "replicas: 3", 1))
	settled(t, w, s, c, changed, roots, func(tree view.Tree) bool { return pods(tree) == 3 })
	for _, kind := range []string{"pods", "replicasets", "deployments"} {
		if n := counts.of("/"+kind) - counts.of("/"+kind, "watch=true"); n != 1 {
			t.Errorf("%d lists of %s", n, kind)
		}
	}
}

func open(counts *tally) string {
	if n := counts.open("watch=true"); n > 0 {
		return fmt.Sprintf("%d watches go on", n)
	}
	return ""
}

func TestAnotherConfigReplacesTheConnection(t *testing.T) {
	w := newWorld(t)
	s := live.New(live.Config{})
	t.Cleanup(s.Close)
	first, err := s.Cluster("a", w.rest)
	if err != nil {
		t.Fatal(err)
	}
	if same, _ := s.Cluster("a", rest.CopyConfig(w.rest)); same != first {
		t.Error("the same config has made another connection")
	}
	changed := s.Watch(t.Context(), first, []model.ResourceState{w.root("v1", "ConfigMap", "some")})
	<-changed
	other := rest.CopyConfig(w.rest)
	other.UserAgent = "another"
	second, err := s.Cluster("a", other)
	if err != nil || second == first {
		t.Fatal("another config has made no other connection", err)
	}
	for range changed {
	}
	tree, err := s.Tree(t.Context(), first, []model.ResourceState{w.root("v1", "ConfigMap", "some")})
	if err != nil || len(tree.Nodes) != 1 || len(tree.Incomplete) == 0 {
		t.Errorf("a connection that has ended reads %+v, %v", tree, err)
	}
	s.Drop("a")
	if _, _, _, err := s.Object(t.Context(), second, w.root("v1", "ConfigMap", "some").Object, "", model.Mask{}); err == nil {
		t.Error("a connection that was dropped reads")
	}
}

// versions tells two states of a tree apart.
func versions(tree view.Tree) string {
	var out strings.Builder
	for _, n := range tree.Nodes {
		out.WriteString(n.Ref.String() + "@" + n.ResourceVersion + "\n")
	}
	return out.String()
}

func TestWatchSaysNothingOfOthersObjects(t *testing.T) {
	w := newWorld(t)
	w.apply(talkers)
	s, c, _ := w.service(live.Config{Pause: 1})
	roots := []model.ResourceState{w.root("apps/v1", "Deployment", "talk")}
	changed := s.Watch(t.Context(), c, roots)
	tree := settled(t, w, s, c, changed, roots, func(tree view.Tree) bool {
		for _, n := range tree.Nodes {
			if n.Health != model.Healthy && n.Ref.Kind != "ControllerRevision" {
				return false
			}
		}
		return pods(tree) == 2
	})
	// Of a change of one's own that the tree has already one may be told a moment later,
	// but once; who is told of others' objects is told of each of their changes.
	others := strings.ReplaceAll(talkers, "talk", "stranger")
	strangers := []model.ResourceState{w.root("apps/v1", "Deployment", "stranger")}
	stranger := s.Watch(t.Context(), c, strangers)
	told := true
	for replicas := 2; told && replicas < 6; replicas++ {
		mine := versions(tree)
		for len(changed) > 0 {
			<-changed
		}
		w.apply(strings.Replace(others, "replicas: 2", fmt.Sprint("replicas: ", replicas), 1))
		settled(t, w, s, c, stranger, strangers, func(tree view.Tree) bool { return pods(tree) == replicas })
		var err error
		if tree, err = s.Tree(t.Context(), c, roots); err != nil {
			t.Fatal(err)
		}
		told = versions(tree) == mine && len(changed) > 0
	}
	if told {
		t.Error("a viewer is told of the objects of others")
	}
}

const operator = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: %[1]ss.%[2]s}
spec:
  group: %[2]s
  names: {kind: %[3]s, plural: %[1]ss, singular: %[1]s}
  scope: Namespaced
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]`

const owned = `apiVersion: %s
kind: %s
metadata:
  name: %s
  ownerReferences: [{apiVersion: %s, kind: %s, name: %s, uid: %s}]`

func TestTreeBelowAnOperatorsKinds(t *testing.T) {
	w := newWorld(t)
	w.apply(fmt.Sprintf(operator, "cert", "shop.example", "Cert"))
	w.apply(fmt.Sprintf(operator, "order", "acme.shop.example", "Order"))
	w.apply(fmt.Sprintf(operator, "proof", "elsewhere.example", "Proof"))
	var cert string
	eventually(t, func() string { // a kind is served some time after its definition is there
		for _, list := range []string{"shop.example/v1", "acme.shop.example/v1", "elsewhere.example/v1"} {
			if !w.serves(list) {
				return list + " is not served"
			}
		}
		return ""
	})
	w.mapper.(interface{ Reset() }).Reset()
	cert = string(w.apply("apiVersion: shop.example/v1\nkind: Cert\nmetadata: {name: front}")[0].GetUID())
	order := w.apply(fmt.Sprintf(owned, "acme.shop.example/v1", "Order", "front-1", "shop.example/v1", "Cert", "front", cert))[0]
	proof := w.apply(fmt.Sprintf(owned, "elsewhere.example/v1", "Proof", "front-1-p", "acme.shop.example/v1", "Order", "front-1", order.GetUID()))[0]
	w.apply(fmt.Sprintf(owned, "v1", "Secret", "front-key", "elsewhere.example/v1", "Proof", "front-1-p", proof.GetUID()) +
		"\nstringData: {key: hunter2}")
	s, c, _ := w.service(live.Config{Fresh: 1})
	eventually(t, func() string { // lists come from what the server has at hand, which may be behind
		tree, err := s.Tree(t.Context(), c, []model.ResourceState{w.root("shop.example/v1", "Cert", "front")})
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]bool{}
		for _, n := range tree.Nodes {
			got[n.Ref.Kind] = true
		}
		for _, kind := range []string{"Cert", "Order", "Proof", "Secret"} {
			if !got[kind] {
				return fmt.Sprintf("no %s in\n%s", kind, text(tree))
			}
		}
		return ""
	})
}
