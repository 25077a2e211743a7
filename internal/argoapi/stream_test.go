package argoapi_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
	"github.com/fixpoint-cd/fixpoint/internal/view/viewtest"
)

var (
	frontend = viewtest.Key(view.KindApplication, "argocd", "shop-frontend")
	cart     = viewtest.Key(view.KindApplication, "argocd", "shop-cart")
	index    = viewtest.Key(view.KindApplication, "argocd", "search-index")
	payment  = viewtest.Key(view.KindApplication, "argocd", "payments-api")
)

// follow opens a stream on a real server.
func follow(t *testing.T, w *world, address, accept string) *http.Response {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(w.serve))
	t.Cleanup(server.Close)
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+address, nil)
	if err != nil {
		t.Fatal(err)
	}
	if accept != "" {
		r.Header.Set("Accept", accept)
	}
	answer, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = answer.Body.Close() })
	return answer
}

// message is one of a stream.
type message struct {
	Result struct {
		Type        string
		Application struct {
			Metadata struct{ Name, Namespace, ResourceVersion string }
			Status   *struct{ Health struct{ Status string } }
		}
		Nodes   []struct{ Kind, Name string }
		Content string
		PodName string
		Last    bool
	}
	Error *struct {
		GRPC int    `json:"grpc_code"`
		HTTP int    `json:"http_code"`
		Text string `json:"message"`
	}
}

// messages reads them one by one; ok is false at the end.
func messages(t *testing.T, body io.Reader) func() (message, bool) {
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, 1<<24)
	return func() (m message, ok bool) {
		t.Helper()
		for lines.Scan() {
			line := strings.TrimPrefix(lines.Text(), "data: ")
			if line == "" || strings.HasPrefix(line, ":") {
				continue
			}
			if err := json.Unmarshal([]byte(line), &m); err != nil {
				t.Fatalf("%v: %s", err, line)
			}
			return m, true
		}
		return m, false
	}
}

// renew gives an app's object another resource version, as a write does.
func renew(w *world, app model.AppKey, version string) {
	w.Edit(app, func(d *view.Detail) {
		old, _ := d.Raw["metadata"].(map[string]any)
		meta := maps.Clone(old)
		meta["resourceVersion"] = version
		d.Raw = map[string]any{"apiVersion": d.Raw["apiVersion"], "kind": d.Raw["kind"], "metadata": meta, "spec": d.Raw["spec"], "status": d.Raw["status"]}
		d.Health = map[model.HealthStatus]model.HealthStatus{model.Healthy: model.Progressing}[d.Health]
	})
}

// TestWatch: a stream tells of what there is, what changes and what goes.
func TestWatch(t *testing.T) {
	w := newWorld()
	answer := follow(t, w, "/api/v1/stream/applications?project=shop", "")
	if kind := answer.Header.Get("Content-Type"); kind != "application/json" {
		t.Errorf("its type is %s", kind)
	}
	next := messages(t, answer.Body)
	var got []string
	take := func() {
		m, _ := next()
		got = append(got, m.Result.Type+" "+m.Result.Application.Metadata.Name)
	}
	for range 4 {
		take()
	}
	renew(w, cart, "4712")
	take()
	renew(w, payment, "4713") // of another project
	w.Remove(index)
	take()
	want := []string{"ADDED preview-42", "ADDED search-index", "ADDED shop-cart", "ADDED shop-frontend", "MODIFIED shop-cart", "DELETED search-index"}
	if diff := cmp.Diff(want, sortedFirst(got, 4)); diff != "" {
		t.Error(diff)
	}
}

// TestWatchTellsOfRights: an app that the reader may see from now on, and one that it may not
// any more, are told with the next signal, even where nothing has changed of any app that
// the reader may see, nor how many they are.
func TestWatchTellsOfRights(t *testing.T) {
	w := newWorld()
	renew(w, frontend, "4712") // the newest change, which stays to be seen
	var swapped atomic.Bool
	w.options = viewtest.Options{Hidden: true, May: func(v view.Verb, a view.App) bool {
		return a.Key == frontend || a.Key == cart && !swapped.Load() || a.Key == index && swapped.Load()
	}}
	answer := follow(t, w, "/api/v1/stream/applications", "")
	next := messages(t, answer.Body)
	var got []string
	take := func() {
		m, _ := next()
		got = append(got, m.Result.Type+" "+m.Result.Application.Metadata.Name)
	}
	take()
	take()
	swapped.Store(true)
	renew(w, payment, "4713") // which the reader never sees
	take()
	take()
	want := []string{"ADDED shop-cart", "ADDED shop-frontend", "ADDED search-index", "DELETED shop-cart"}
	if diff := cmp.Diff(want, sortedFirst(got, 2)); diff != "" {
		t.Error(diff)
	}
}

// sortedFirst sorts the first n.
func sortedFirst(all []string, n int) []string {
	first := all[:n]
	for i := range first {
		for j := range i {
			if first[i] < first[j] {
				first[i], first[j] = first[j], first[i]
			}
		}
	}
	return all
}

// TestWatchEvents: whoever accepts events gets them, with the fields that it asks for,
// and with a resource version only what is newer.
func TestWatchEvents(t *testing.T) {
	w := newWorld()
	renew(w, cart, "4712")
	answer := follow(t, w, "/api/v1/stream/applications?resourceVersion=4711&fields=result.type,result.application.metadata.name", "text/event-stream")
	if kind := answer.Header.Get("Content-Type"); kind != "text/event-stream" {
		t.Errorf("its type is %s", kind)
	}
	line, err := bufio.NewReader(answer.Body).ReadString('\n')
	want := `data: {"result":{"application":{"metadata":{"name":"shop-cart"}},"type":"ADDED"}}` + "\n"
	if line != want || err != nil {
		t.Errorf("%q, want %q (%v)", line, want, err)
	}
}

// TestWatchTree: the tree comes at once, and when it changes.
func TestWatchTree(t *testing.T) {
	w := newWorld()
	next := messages(t, follow(t, w, "/api/v1/stream/applications/search-index/resource-tree", "").Body)
	first, _ := next()
	w.SetTree(index, viewtest.Big(7))
	second, ok := next()
	if len(first.Result.Nodes) != 3 || len(second.Result.Nodes) != 7 || !ok {
		t.Errorf("%d nodes, then %d", len(first.Result.Nodes), len(second.Result.Nodes))
	}
}

// TestLogs: lines of one pod, of an object's, and of all; the last entry says so.
func TestLogs(t *testing.T) {
	w := newWorld()
	const logs = "/api/v1/applications/shop-frontend/logs"
	const deployment = logs + "?kind=Deployment&group=apps&resourceName=frontend&namespace=shop"
	for address, want := range map[string]int{ // each pod of the Deployment has 10 lines, that of the hook 30
		deployment:                                     30,
		deployment + "&tailLines=4":                    4,
		deployment + "&filter=slow":                    6,
		deployment + "&filter=SLOW&matchCase=true":     0,
		deployment + "&filter=!slow&matchCase=true":    24,
		deployment + "&untilTime=2026-11-20T09:29:00Z": 6,
		deployment + "&sinceTime=2026-11-20T09:29:00Z": 24,
		deployment + "&sinceTime.seconds=1795166940":   24,
		logs:                           60,
		logs + "?resourceName=nothing": 0,
		"/api/v1/applications/shop-frontend/pods/" + podOf(t, w, "shop-frontend") + "/logs?namespace=shop": 10,
	} {
		next := messages(t, w.ask(http.MethodGet, address, "").Body)
		n, last := 0, false
		for m, ok := next(); ok; m, ok = next() {
			if last = m.Result.Last; !last {
				n++
			}
			if m.Error != nil {
				t.Errorf("%s: %v", address, m.Error)
			}
		}
		if n != want || last != !strings.Contains(address, "nothing") {
			t.Errorf("%s: %d lines, last %v; want %d", address, n, last, want)
		}
	}
}

// podOf is the name of an app's first pod.
func podOf(t *testing.T, w *world, app string) string {
	t.Helper()
	tree, err := w.Tree(t.Context(), viewtest.Key(view.KindApplication, "argocd", app))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range tree.Nodes {
		if n.Ref.Kind == "Pod" {
			return n.Ref.Name
		}
	}
	t.Fatal("no pod")
	return ""
}

// TestLogsFollowed: lines come as they are written, of several objects at once; and as a
// file where that is asked for.
func TestLogsFollowed(t *testing.T) {
	w := newWorld()
	next := messages(t, follow(t, w, "/api/v1/applications/shop-frontend/logs?follow=true&tailLines=1", "").Body)
	for range 2 { // one of each of the two objects with pods
		if m, ok := next(); !ok || m.Result.Content == "" {
			t.Fatalf("%+v", m)
		}
	}
	pod := podOf(t, w, "shop-frontend")
	w.Say(viewtest.Key(view.KindApplication, "argocd", "shop-frontend"), view.LogLine{Pod: pod, Container: "frontend", At: viewtest.Now, Text: "hello"})
	if m, ok := next(); !ok || m.Result.Content != "hello" || m.Result.PodName != pod {
		t.Errorf("%+v", m)
	}
	file := w.ask(http.MethodGet, "/api/v1/applications/shop-frontend/logs?download=true&tailLines=2&container=frontend&namespace=shop&podName="+pod, "")
	if got := file.Header().Get("Content-Disposition"); got != `attachment; filename="shop-`+pod+`-frontend.log"` || strings.Count(file.Body.String(), "\n") != 2 {
		t.Errorf("%s: %s", got, file.Body)
	}
}

// TestStreamsRecheckRights: what a reader may no longer see it is no longer told of, and
// the stream of a session that has ended ends with the reason.
func TestStreamsRecheckRights(t *testing.T) {
	w := newWorld()
	var blind atomic.Bool
	w.options.May = func(_ view.Verb, a view.App) bool { return a.Key != payment || !blind.Load() }
	next := messages(t, follow(t, w, "/api/v1/stream/applications?projects=payments", "").Body)
	seen := map[string]bool{}
	for len(seen) < 4 {
		m, ok := next()
		if !ok {
			t.Fatal("it is over")
		}
		seen[m.Result.Application.Metadata.Name] = true
	}
	blind.Store(true)
	renew(w, payment, "4800")
	if m, _ := next(); m.Result.Type != "DELETED" || m.Result.Application.Metadata.ResourceVersion != "4711" {
		t.Errorf("after the right was lost: %+v", m.Result)
	}
	w.Fail("Manifests", view.ErrUnauthenticated)
	renew(w, viewtest.Key(view.KindApplication, "argocd", "reports"), "4801")
	m, _ := next()
	if m.Error == nil || m.Error.GRPC != 16 || m.Error.HTTP != 401 {
		t.Errorf("after the session has ended: %+v", m)
	}
	if m, ok := next(); ok {
		t.Errorf("it goes on: %+v", m)
	}
}
