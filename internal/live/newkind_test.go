package live

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/fixpoint-cd/fixpoint/internal/health"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// growing is an API server with a Widget, whose Gadget has a pod; that there are Gadgets it
// says once it is asked to.
type growing struct {
	grown atomic.Bool
	asked atomic.Int32 // for its groups
}

func (g *growing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	list := func(kind, item string) string {
		return fmt.Sprintf(`{"kind":"%sList","metadata":{"resourceVersion":"1"},"items":[%s]}`, kind, item)
	}
	resource := func(name, kind string) string {
		return fmt.Sprintf(`{"name":%q,"kind":%q,"namespaced":true,"verbs":["get","list","watch"]}`, name, kind)
	}
	item := func(name, uid, owner string) string {
		return fmt.Sprintf(`{"metadata":{"name":%q,"namespace":"shop","uid":%q,"resourceVersion":"1"%s}}`, name, uid, owner)
	}
	owned := func(kind, uid string) string {
		return fmt.Sprintf(`,"ownerReferences":[{"apiVersion":"example.com/v1","kind":%q,"name":"one","uid":%q}]`, kind, uid)
	}
	custom := resource("widgets", "Widget")
	if g.grown.Load() {
		custom += "," + resource("gadgets", "Gadget")
	}
	version := `{"groupVersion":"example.com/v1","version":"v1"}`
	answers := map[string]string{
		"/api":                         `{"kind":"APIVersions","versions":["v1"]}`,
		"/apis":                        `{"kind":"APIGroupList","apiVersion":"v1","groups":[{"name":"example.com","versions":[` + version + `],"preferredVersion":` + version + `}]}`,
		"/api/v1":                      `{"kind":"APIResourceList","groupVersion":"v1","resources":[` + resource("pods", "Pod") + `]}`,
		"/apis/example.com/v1":         `{"kind":"APIResourceList","groupVersion":"example.com/v1","resources":[` + custom + `]}`,
		"/api/v1/namespaces/shop/pods": list("Pod", item("one", "p", owned("Gadget", "g"))),
		"/apis/example.com/v1/namespaces/shop/widgets": list("Widget", item("one", "w", "")),
		"/apis/example.com/v1/namespaces/shop/gadgets": list("Gadget", item("one", "g", owned("Widget", "w"))),
	}
	if r.URL.Path == "/apis" {
		g.asked.Add(1)
	}
	answer, ok := answers[r.URL.Path]
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		answer = `{"kind":"Status","apiVersion":"v1","status":"Failure","code":404,"reason":"NotFound"}`
	}
	_, _ = w.Write([]byte(answer))
}

// TestTreeAsksForNewKinds: an owner whose kind is newer than what is remembered of the
// cluster is in the tree, with what it owns; the cluster is not asked for its kinds each
// time where there is no such kind.
func TestTreeAsksForNewKinds(t *testing.T) {
	server := &growing{}
	at := httptest.NewServer(server)
	t.Cleanup(at.Close)
	s := New(Config{Health: health.Of, Patience: time.Hour})
	t.Cleanup(s.Close)
	c, err := s.Cluster("test", &rest.Config{Host: at.URL})
	if err != nil {
		t.Fatal(err)
	}
	roots := []model.ResourceState{{Live: true, Object: model.ObjectRef{
		ObjectKey: model.ObjectKey{Group: "example.com", Kind: "Widget", Namespace: "shop", Name: "one"}, Version: "v1",
	}}}
	kindsOfTree := func() []string {
		t.Helper()
		tree, err := s.Tree(t.Context(), c, roots)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, n := range tree.Nodes {
			out = append(out, n.Ref.Kind)
		}
		slices.Sort(out)
		return out
	}
	remembered := func(age time.Duration) {
		c.kinds.mu.Lock()
		defer c.kinds.mu.Unlock()
		c.kinds.asked = time.Now().Add(-age)
	}
	kindsOfTree()
	before := server.asked.Load()
	for range 5 {
		remembered(-time.Hour)
		if got := kindsOfTree(); !slices.Equal(got, []string{"Widget"}) {
			t.Fatalf("before it says that there are Gadgets: %q", got)
		}
	}
	if n := server.asked.Load() - before; n != 0 {
		t.Errorf("it was asked for its kinds %d times more", n)
	}
	server.grown.Store(true)
	remembered(unknownPause)
	if got := kindsOfTree(); !slices.Equal(got, []string{"Gadget", "Pod", "Widget"}) {
		t.Errorf("afterwards: %q", got)
	}
	remembered(unknownPause)
	if kindsOfTree(); server.asked.Load() != before+1 {
		t.Errorf("it was asked for its kinds %d times more, and knows all", server.asked.Load()-before)
	}
}
