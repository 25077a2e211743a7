package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fixpoint-cd/fixpoint/internal/api"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
	"github.com/fixpoint-cd/fixpoint/internal/view/viewtest"
)

// fields are the JSON fields of a struct, with their kinds.
func fields(t reflect.Type) map[string]reflect.Kind {
	out := map[string]reflect.Kind{}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name != "" {
			kind := f.Type.Kind()
			if kind == reflect.Pointer {
				kind = f.Type.Elem().Kind()
			}
			out[name] = kind
		}
	}
	return out
}

// TestFieldsAreTheAPIs: each field that is read or sent is one of the API's, of its type.
func TestFieldsAreTheAPIs(t *testing.T) {
	for _, pair := range [][2]any{
		{AppName{}, api.AppName{}}, {App{}, api.App{}}, {AppDetail{}, api.AppDetail{}}, {Condition{}, api.Condition{}},
		{Operation{}, api.Operation{}}, {Result{}, api.Result{}}, {Object{}, api.Object{}}, {Resource{}, api.Resource{}},
		{Deployment{}, api.Deployment{}}, {Source{}, api.Source{}}, {Feeder{}, api.Feeder{}}, {Tree{}, api.Tree{}},
		{Node{}, api.Node{}}, {ObjectDetail{}, api.ObjectDetail{}}, {Action{}, api.Action{}}, {Param{}, api.Param{}}, {Pod{}, api.Pod{}},
		{Diff{}, api.Diff{}}, {ObjectDiff{}, api.ObjectDiff{}}, {LogLine{}, api.LogLine{}}, {Activity{}, api.Activity{}},
		{Session{}, api.Session{}}, {Me{}, api.Me{}}, {Problem{}, api.Problem{}}, {Sync{}, api.Sync{}}, {Rollback{}, api.Rollback{}},
	} {
		ours, theirs := fields(reflect.TypeOf(pair[0])), fields(reflect.TypeOf(pair[1]))
		if len(ours) == 0 {
			t.Errorf("%T has no fields", pair[0])
		}
		for name, kind := range ours {
			if have, ok := theirs[name]; !ok || have != kind {
				t.Errorf("%T: the API's %s is of kind %v, not %v", pair[0], name, have, kind)
			}
		}
	}
}

func TestAddress(t *testing.T) {
	for in, want := range map[string]string{
		"fixpoint.example": "https://fixpoint.example", "http://Localhost:8088/": "http://localhost:8088", "https://[::1]:8443": "https://[::1]:8443",
		"": "", "ftp://x": "", "https://u:p@x": "", "https://x/apps": "", "https://x?a=b": "", "https://": "", "a b": "",
	} {
		got, err := Address(in)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("Address(%q) = %q, %v", in, got, err)
		}
	}
}

// served is a server with the sample of viewtest, of which the handler between is told.
func served(t *testing.T, between func(http.Handler) http.Handler) (*Client, *viewtest.Backend) {
	t.Helper()
	b := viewtest.New()
	inside := api.New(api.Config{Pause: 1})
	server := httptest.NewServer(between(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inside.ServeHTTP(w, r.WithContext(view.WithDesk(r.Context(), viewtest.Desk(b, viewtest.Options{}))))
	})))
	t.Cleanup(server.Close)
	c, err := New(Config{URL: server.URL, Token: "t", Agent: "fixpoint/test", Pause: 1})
	if err != nil {
		t.Fatal(err)
	}
	return c, b
}

func asIs(h http.Handler) http.Handler { return h }

var frontend = AppName{Kind: "application", Namespace: "argocd", Name: "shop-frontend"}

// TestAllPages: a list is all of its pages, and what the API has is what the client has.
func TestAllPages(t *testing.T) {
	c, b := served(t, asIs)
	b.Add(1200)
	apps, err := Apps[App](t.Context(), c, url.Values{"declared": nil, "sort": {"name"}})
	if err != nil || len(apps) < 1200 {
		t.Fatalf("%d apps, %v", len(apps), err)
	}
	seen := map[AppName]bool{}
	for _, a := range apps {
		if seen[a.AppName] || a.Name == "" || a.Sync == "" {
			t.Fatalf("%+v is there twice, or is not whole", a)
		}
		seen[a.AppName] = true
	}
	events, err := Activities[Activity](t.Context(), c, nil, 120)
	if err != nil || len(events) != 120 || events[0].ID <= events[119].ID {
		t.Errorf("%d activities, %v", len(events), err)
	}
}

// TestWatchGoesOn: a watch that breaks, and a server that is away for a while, are no
// end, and nothing is told twice.
func TestWatchGoesOn(t *testing.T) {
	var opened atomic.Int32
	c, b := served(t, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !strings.HasSuffix(r.URL.Path, "/watch") {
				h.ServeHTTP(w, r)
				return
			}
			switch opened.Add(1) {
			case 2, 3:
				w.WriteHeader(http.StatusBadGateway)
			default:
				h.ServeHTTP(&breaking{ResponseWriter: w}, r)
			}
		})
	})
	var told []string
	err := c.Watch(t.Context(), frontend, func(d AppDetail) (bool, error) {
		told = append(told, d.Health)
		next := map[int]model.HealthStatus{1: model.Degraded, 2: model.Missing}[len(told)]
		if next == "" {
			return true, nil
		}
		b.Edit(viewtest.Key(view.KindApplication, "argocd", "shop-frontend"), func(d *view.Detail) { d.Health = next })
		return false, nil
	})
	if diff := cmp.Diff([]string{"Healthy", "Degraded", "Missing"}, told); err != nil || diff != "" {
		t.Errorf("%v, %v\n%s", told, err, diff)
	}
	if opened.Load() != 5 {
		t.Errorf("the watch was opened %d times, want 5", opened.Load())
	}
}

// breaking is an answer that ends after its first event.
type breaking struct {
	http.ResponseWriter
	told bool
}

func (b *breaking) Write(p []byte) (int, error) {
	if b.told {
		panic(http.ErrAbortHandler)
	}
	b.told = bytes.Contains(p, []byte("data:"))
	return b.ResponseWriter.Write(p)
}

func (b *breaking) FlushError() error {
	err := http.NewResponseController(b.ResponseWriter).Flush()
	if b.told {
		panic(http.ErrAbortHandler)
	}
	return err
}

// TestWatchEnds: with what looks, with the app, and with what the server refuses.
func TestWatchEnds(t *testing.T) {
	c, b := served(t, asIs)
	mine := errors.New("enough")
	if err := c.Watch(t.Context(), frontend, func(AppDetail) (bool, error) { return false, mine }); err != mine { //nolint:errorlint // it is handed on as it is
		t.Errorf("an error of who looks: %v", err)
	}
	err := c.Watch(t.Context(), frontend, func(AppDetail) (bool, error) {
		b.Remove(viewtest.Key(view.KindApplication, "argocd", "shop-frontend"))
		return false, nil
	})
	if !errors.Is(err, model.ErrNotFound) {
		t.Errorf("the app is gone: %v", err)
	}
	never := func(AppDetail) (bool, error) { return false, errors.New("it was called") }
	if err := c.Watch(t.Context(), frontend, never); !errors.Is(err, model.ErrNotFound) {
		t.Errorf("there is no such app: %v", err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := c.Watch(ctx, frontend, never); !errors.Is(err, context.Canceled) {
		t.Errorf("nobody waits: %v", err)
	}
}

// TestProblems: what the server says is of its kind.
func TestProblems(t *testing.T) {
	for kind, want := range map[string]error{
		"unauthenticated": ErrUnauthenticated, "conflict": ErrConflict, "not-found": model.ErrNotFound, "denied": model.ErrDenied, "invalid": model.ErrInvalid,
	} {
		c, _ := served(t, func(http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/problem+json")
				w.WriteHeader(http.StatusTeapot)
				_ = json.NewEncoder(w).Encode(Problem{Type: "/fixpoint/v1/problems/" + kind, Detail: "no tea", Next: "Brew."})
			})
		})
		var out AppDetail
		err := c.Get(t.Context(), frontend, &out)
		if !errors.Is(err, want) || !strings.HasPrefix(fmt.Sprint(err), "no tea") {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

// TestHalfATrail is no trail.
func TestHalfATrail(t *testing.T) {
	c, _ := served(t, func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = w.Write([]byte("{}\n"))
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		})
	})
	var out bytes.Buffer
	if err := c.ExportAudit(t.Context(), nil, &out); err == nil || !strings.Contains(err.Error(), "ends too early") {
		t.Errorf("%q, %v", out.String(), err)
	}
}

// TestTokenStaysHere: a token is sent to its server alone.
func TestTokenStaysHere(t *testing.T) {
	var elsewhere atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer other.Close()
	c, _ := served(t, func(http.Handler) http.Handler { return http.RedirectHandler(other.URL, http.StatusTemporaryRedirect) })
	if err := c.Ask(t.Context(), frontend, "sync", Sync{}); err == nil || elsewhere.Load() != 0 {
		t.Errorf("%v; %d requests went elsewhere", err, elsewhere.Load())
	}
}
