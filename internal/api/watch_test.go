package api

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
	"github.com/fixpoint-cd/fixpoint/internal/view/viewtest"
)

// reading is a stream that is read.
type reading struct {
	in     *bufio.Reader
	cancel context.CancelFunc
	// id is that of the last event that had one.
	id string
}

func (o *office) watch(t *testing.T, path, lastID string) *reading {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	got := o.open(t, ctx, "GET "+path, "Accept: text/event-stream", "Last-Event-ID: "+lastID)
	if got.StatusCode != http.StatusOK || got.Header.Get("Content-Type") != eventStream {
		t.Fatalf("%s: %d %s", path, got.StatusCode, got.Header.Get("Content-Type"))
	}
	return &reading{in: bufio.NewReader(got.Body), cancel: cancel}
}

// next is the next event, and its data.
func (r *reading) next(t *testing.T) (name, data string) {
	t.Helper()
	for {
		line, err := r.in.ReadString('\n')
		if err != nil {
			return "end", ""
		}
		field, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch {
		case field == "id":
			r.id = value
		case field == "event":
			name = value
		case field == "data":
			data = value
		case line == "\n" && name != "":
			return name, data
		}
	}
}

// change is the events up to the next "current", as "name app".
func (r *reading) change(t *testing.T) []string {
	t.Helper()
	var out []string
	for {
		name, data := r.next(t)
		switch name {
		case "current", "end", "problem":
			return append(out, name)
		case "reset":
			out = append(out, name)
		default:
			out = append(out, name+" "+parse[App](t, data).Name)
		}
	}
}

var (
	cartKey     = viewtest.Key(view.KindApplication, "argocd", "shop-cart")
	frontendKey = viewtest.Key(view.KindApplication, "argocd", "shop-frontend")
)

// TestWatchApps: a stream tells of what enters, changes in, and leaves what is asked
// for.
func TestWatchApps(t *testing.T) {
	o := open(t, viewtest.Options{})
	s := o.watch(t, "/apps/watch?project=shop&fields=name,health", "")
	first := s.change(t)
	if first[0] != "reset" || !slices.Contains(first, "added shop-cart") || first[len(first)-1] != "current" || len(first) < 4 {
		t.Fatalf("at first: %q", first)
	}
	steps := []struct {
		do   func()
		want string
	}{
		{func() {
			o.backend.Edit(cartKey, func(d *view.Detail) { d.Health = model.Degraded; d.Message = "broken" })
		}, "changed shop-cart, current"},
		{func() { o.backend.Edit(cartKey, func(d *view.Detail) { d.Project = "other" }) }, "removed shop-cart, current"},
		{func() { o.backend.Edit(cartKey, func(d *view.Detail) { d.Project = "shop" }) }, "added shop-cart, current"},
		{func() { o.backend.Remove(frontendKey) }, "removed shop-frontend, current"},
	}
	for i, step := range steps {
		step.do()
		if got := strings.Join(s.change(t), ", "); got != step.want {
			t.Errorf("step %d: %s, want %s", i, got, step.want)
		}
	}
}

// TestWatchIsResumed: who was away gets what has changed, or all where that can't be
// told; never nothing that it does not know.
func TestWatchIsResumed(t *testing.T) {
	o := open(t, viewtest.Options{})
	s := o.watch(t, "/apps/watch", "")
	s.change(t)
	s.cancel()
	if got := o.watch(t, "/apps/watch", s.id).change(t); strings.Join(got, ", ") != "current" {
		t.Errorf("nothing has changed: %q", got)
	}
	o.backend.Edit(cartKey, func(d *view.Detail) { d.Health = model.Degraded })
	again := o.watch(t, "/apps/watch", s.id)
	if got := again.change(t); strings.Join(got, ", ") != "changed shop-cart, current" {
		t.Errorf("one has changed: %q", got)
	}
	if again.id == s.id {
		t.Error("the id is that of before")
	}
	for _, id := range []string{"x", "00000000-1-2", strings.Repeat("z", 500), s.id + "0", "--------", again.id[:9]} {
		if got := o.watch(t, "/apps/watch", id).change(t); got[0] != "reset" {
			t.Errorf("with the id %.40q: %q", id, got[0])
		}
	}
	if got := o.watch(t, "/apps/watch?project=shop", again.id).change(t); got[0] != "reset" {
		t.Errorf("with another query: %q", got[0])
	}
	o.backend.Remove(cartKey)
	if got := o.watch(t, "/apps/watch", again.id).change(t); got[0] != "reset" {
		t.Errorf("one is gone: %q", got[0])
	}
}

// TestWatchOfMany: what is found on many pages is told whole.
func TestWatchOfMany(t *testing.T) {
	o := open(t, viewtest.Options{})
	o.backend.Add(1200)
	got := o.watch(t, "/apps/watch?q=service-&fields=name", "").change(t)
	if len(got) != 1202 {
		t.Errorf("%d events, want 1200 and two", len(got))
	}
}

// TestSecurityWatchChecksAnew: what a reader may no longer see leaves its stream.
func TestSecurityWatchChecksAnew(t *testing.T) {
	var closed atomic.Bool
	o := open(t, viewtest.Options{May: func(_ view.Verb, a view.App) bool { return !closed.Load() || a.Key != cartKey }})
	list, one := o.watch(t, "/apps/watch?q=shop-cart", ""), o.watch(t, cart+"/watch", "")
	list.change(t)
	one.next(t)
	closed.Store(true)
	o.backend.Edit(cartKey, func(d *view.Detail) { d.Message = "PLANTED" })
	if got := strings.Join(list.change(t), ", "); got != "removed shop-cart, current" {
		t.Errorf("the list: %s", got)
	}
	if name, data := one.next(t); name != "removed" || strings.Contains(data, "PLANTED") {
		t.Errorf("the app: %s %s", name, data)
	}
	if name, _ := one.next(t); name != "end" {
		t.Errorf("the app's stream goes on with %s", name)
	}
}

func TestWatchApp(t *testing.T) {
	o := open(t, viewtest.Options{})
	c := newChecker(t)
	s := o.watch(t, cart+"/watch?tree=true", "")
	name, data := s.next(t)
	if name != "app" {
		t.Fatalf("first %s", name)
	}
	c.check(t, "/components/schemas/AppDetail", data)
	if name, data = s.next(t); name != "tree" {
		t.Fatalf("then %s", name)
	}
	c.check(t, "/components/schemas/Tree", data)
	o.backend.SetTree(cartKey, viewtest.Big(20))
	if name, data = s.next(t); name != "tree" || len(parse[Tree](t, data).Nodes) < 20 {
		t.Errorf("a change of the tree: %s", name)
	}
	o.backend.Edit(cartKey, func(d *view.Detail) { d.Message = "changed" })
	if name, data = s.next(t); name != "app" || parse[AppDetail](t, data).Message != "changed" {
		t.Errorf("a change: %s %.200s", name, data)
	}
	again := o.watch(t, cart+"/watch", s.id)
	o.backend.Edit(cartKey, func(d *view.Detail) { d.Message = "changed again" })
	if name, data = again.next(t); name != "app" || parse[AppDetail](t, data).Message != "changed again" {
		t.Errorf("who knows what there is gets the next change: %s", name)
	}
	o.backend.Remove(cartKey)
	if name, _ = again.next(t); name != "removed" {
		t.Errorf("at the end: %s", name)
	}
}

// TestWatchThatFails ends with a problem.
func TestWatchThatFails(t *testing.T) {
	o := open(t, viewtest.Options{})
	s := o.watch(t, cart+"/watch", "")
	s.next(t)
	o.backend.Fail("App", model.As(view.ErrUnauthenticated, errors.New("the session has ended")))
	o.backend.Touch(view.TopicApp(cartKey))
	name, data := s.next(t)
	if name != "problem" || parse[Problem](t, data).Status != http.StatusUnauthorized {
		t.Errorf("%s %s", name, data)
	}
	if name, _ := s.next(t); name != "end" {
		t.Errorf("it goes on with %s", name)
	}
}

// TestFollow: lines come as they are said, until the reader goes.
func TestFollow(t *testing.T) {
	o := open(t, viewtest.Options{})
	_, body := o.ask(t, "GET "+cart+"/resources/object?group=apps&kind=Deployment&namespace=shop&name=cart")
	pods := parse[ObjectDetail](t, body).Pods
	if len(pods) == 0 {
		t.Fatal("no pods")
	}
	path := fmt.Sprintf("%s/logs?kind=Pod&namespace=%s&name=%s&follow=true&tail=1", cart, pods[0].Namespace, pods[0].Name)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	lines := bufio.NewReader(o.open(t, ctx, "GET "+path).Body)
	if _, err := lines.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	o.backend.Say(cartKey, view.LogLine{Pod: pods[0].Name, Container: pods[0].Containers[0].Name, At: viewtest.Now, Text: "<said> & done"})
	line, err := lines.ReadString('\n')
	if err != nil || parse[LogLine](t, line).Text != "<said> & done" {
		t.Errorf("%q, %v", line, err)
	}
}
