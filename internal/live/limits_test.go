package live_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/live"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

func TestTreeOfManyPodsIsReadInPages(t *testing.T) {
	for all, left := range map[int]int{1200: 0, 12_000: 2001, 30_000: 10_001} {
		s, c, counts := newFake(t, live.Config{}, func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/replicasets") {
				_, _ = io.WriteString(w, replicaSet)
				return
			}
			podPages(w, r, all)
		})
		tree, err := s.Tree(t.Context(), c, webRoots)
		if err != nil {
			t.Fatal(err)
		}
		if got := all - pods(tree) - max(0, all-20_000); left != got {
			t.Errorf("%d pods: %d are left out of the tree, want %d: %v", all, got, left, tree.Incomplete)
		}
		if told := strings.Join(tree.Incomplete, " "); (left > 0) != strings.Contains(told, "left out") ||
			(all > 20_000) != strings.Contains(told, "more than 20000") {
			t.Errorf("%d pods: the tree says %q", all, told)
		}
		if n, want := counts.of("/pods?"), (min(all, 20_000)+499)/500; n != want {
			t.Errorf("%d pods: %d pages, want %d", all, n, want)
		}
		if counts.of("/pods?", "resourceVersion=0") != 1 || counts.of("/pods?", "limit=500") != counts.of("/pods?") {
			t.Error("a list is not asked of what the server has at hand, in pages")
		}
	}
}

func TestPagesThatExpireAreReadAnew(t *testing.T) {
	var expired atomic.Int32
	s, c, _ := newFake(t, live.Config{}, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/replicasets"):
			_, _ = io.WriteString(w, replicaSet)
		case r.URL.Query().Get("continue") != "":
			expired.Add(1)
			failure(w, http.StatusGone, "Expired", "the provided continue parameter is too old")
		default:
			podPages(w, r, 900)
		}
	})
	tree, err := s.Tree(t.Context(), c, webRoots)
	if err != nil || pods(tree) != 900 || len(tree.Incomplete) > 0 || expired.Load() != 1 {
		t.Errorf("%d pods, %v, %v after %d expired pages", pods(tree), tree.Incomplete, err, expired.Load())
	}
}

func TestTreeSaysWhatCanNotBeRead(t *testing.T) {
	tests := map[string]struct {
		serve http.HandlerFunc
		want  string
	}{
		"forbidden": {func(w http.ResponseWriter, _ *http.Request) {
			failure(w, http.StatusForbidden, "Forbidden", "pods is forbidden")
		}, "does not let Fixpoint"},
		"failing": {func(w http.ResponseWriter, _ *http.Request) {
			failure(w, http.StatusInternalServerError, "InternalError", "etcd is gone")
		}, "etcd is gone"},
		"no list": {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "[1, 2]") }, "no list"},
		"cut off": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"metadata":{},"items":[{"metadata":`)
		}, "unexpected EOF"},
		"an endless object": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"items":[{"metadata":{"name":"`)
			for { // until the reader goes away
				if _, err := io.WriteString(w, strings.Repeat("x", 1<<20)); err != nil {
					return
				}
			}
		}, "more than 16 MiB"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s, c, _ := newFake(t, live.Config{}, func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.URL.Path, "/replicasets") {
					_, _ = io.WriteString(w, replicaSet)
					return
				}
				tt.serve(w, r)
			})
			tree, err := s.Tree(t.Context(), c, webRoots)
			if err != nil {
				t.Fatal(err)
			}
			if len(tree.Nodes) != 1 || tree.Nodes[0].UID != "rs" {
				t.Errorf("the nodes are %+v", tree.Nodes)
			}
			if told := strings.Join(tree.Incomplete, "\n"); !strings.Contains(told, tt.want) || !strings.Contains(told, "Pod objects in namespace shop") {
				t.Errorf("the tree says %q", told)
			}
		})
	}
}

func TestTreeOfAClusterThatIsGone(t *testing.T) {
	s, c, _ := newFake(t, live.Config{}, nil)
	gone, err := s.Cluster("gone", deaf(t))
	if err != nil {
		t.Fatal(err)
	}
	_ = c
	tree, err := s.Tree(t.Context(), gone, webRoots)
	if err != nil {
		t.Fatal(err)
	}
	if len(tree.Nodes) != 1 || tree.Nodes[0].Health != model.Healthy || len(tree.Incomplete) != 1 ||
		!strings.Contains(tree.Incomplete[0], "The cluster can't be read") {
		t.Errorf("the tree is %+v", tree)
	}
	if _, _, _, err := s.Object(t.Context(), gone, webRoots[0].Object, "", model.Mask{}); !errors.Is(err, model.ErrTransient) {
		t.Errorf("an object of it: %v", err)
	}
	if _, err := logOf(t, s, gone, view.LogQuery{Object: webRoots[0].Object.ObjectKey}); !errors.Is(err, model.ErrTransient) {
		t.Errorf("a log of it: %v", err)
	}
	changed := s.Watch(t.Context(), gone, webRoots)
	<-changed // it is told, once
	s.Drop("gone")
	for range changed {
	}
}

func TestAListEndsWithItsReaders(t *testing.T) {
	arrived, ended := make(chan struct{}), make(chan struct{})
	s, c, _ := newFake(t, live.Config{}, func(_ http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/pods") {
			close(arrived)
			<-r.Context().Done()
			close(ended)
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 2)
	for range 2 {
		go func() { _, err := s.Tree(ctx, c, webRoots); done <- err }()
	}
	<-arrived // once: a second would panic
	cancel()
	for range 2 {
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("the tree of a reader who has left: %v", err)
		}
	}
	<-ended
}

func TestNamesThatLeadElsewhere(t *testing.T) {
	s, c, counts := newFake(t, live.Config{}, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, emptyList) })
	ref := model.ObjectRef{ObjectKey: model.ObjectKey{Kind: "ConfigMap", Namespace: "../../../apis/apps", Name: "x"}, Version: "v1"}
	if _, err := s.Tree(t.Context(), c, []model.ResourceState{{Object: ref}}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Events(t.Context(), c, []live.Subject{{Ref: ref}}); !errors.Is(err, model.ErrInvalid) {
		t.Errorf("events: %v", err)
	}
	if _, _, _, err := s.Object(t.Context(), c, ref, "", model.Mask{}); err == nil {
		t.Error("an object is read")
	}
	if err := s.Delete(t.Context(), c, ref, ""); err == nil {
		t.Error("an object is deleted")
	}
	if n := counts.of("limit") + counts.of("/x"); n > 0 {
		t.Errorf("%d requests were led elsewhere", n)
	}
}

func TestEventsAreBounded(t *testing.T) {
	s, c, counts := newFake(t, live.Config{}, func(w http.ResponseWriter, r *http.Request) {
		page := len(r.URL.Query().Get("continue"))
		fmt.Fprintf(w, `{"metadata":{"continue":%q},"items":[`, strings.Repeat("x", page+1))
		for n := range 500 {
			if n > 0 {
				_, _ = io.WriteString(w, ",")
			}
			fmt.Fprintf(w, `{"type":"Warning","reason":"BackOff","message":%q,"lastTimestamp":"2026-07-21T10:%02d:%02dZ","count":3,
"involvedObject":{"apiVersion":"v1","kind":"Pod","name":"web","namespace":"shop","uid":%q}}`,
				strings.Repeat("ü", map[bool]int{true: 1500, false: 1}[n%60 == 58]), page, n%60, []string{"u1", "other"}[n%2])
		}
		_, _ = io.WriteString(w, "]}")
	})
	pod := model.ObjectRef{ObjectKey: model.ObjectKey{Kind: "Pod", Namespace: "shop", Name: "web"}, Version: "v1"}
	events, err := s.Events(t.Context(), c, []live.Subject{{Ref: pod, UID: "u1"}, {Ref: pod, UID: "u2"}})
	if err != nil || len(events) != live.MaxEvents {
		t.Fatal(len(events), err)
	}
	if got := events[0].Last.Format("15:04:05"); got != "10:39:58" || events[0].Count != 3 || len(events[0].Message) > 2100 {
		t.Errorf("the newest event is %+v", events[0])
	}
	if n := counts.of("/events"); n != 40 {
		t.Errorf("%d pages", n)
	}
}

// TestSecurityOwnersOfOtherNamespaces: who may write in a namespace that an app spans
// can't put an object into the tree below one of another namespace.
func TestSecurityOwnersOfOtherNamespaces(t *testing.T) {
	const pod = `{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"1"},"items":[{"metadata":{"name":%q,"namespace":%q,"uid":%q,
"ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"web","uid":"rs"}]},"spec":{"containers":[{"name":"main"}]}}]}`
	s, c, _ := newFake(t, live.Config{}, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/apis/apps/v1/namespaces/shop/replicasets":
			_, _ = io.WriteString(w, replicaSet)
		case "/api/v1/namespaces/shop/pods":
			fmt.Fprintf(w, pod, "web-1", "shop", "p1")
		case "/api/v1/namespaces/other/pods":
			fmt.Fprintf(w, pod, "forged", "other", "p2")
		default:
			_, _ = io.WriteString(w, emptyList)
		}
	})
	other := webRoots[0]
	other.Object.Namespace = "other"
	tree, err := s.Tree(t.Context(), c, []model.ResourceState{webRoots[0], other})
	if err != nil || pods(tree) != 1 || len(tree.Incomplete) > 0 {
		t.Errorf("the tree has %d pods, want that of the owner's namespace alone: %v, %v, %v", pods(tree), tree.Nodes, tree.Incomplete, err)
	}
}
