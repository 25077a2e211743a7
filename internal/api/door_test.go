package api

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/access"
	"github.com/fixpoint-cd/fixpoint/internal/front"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
	"github.com/fixpoint-cd/fixpoint/internal/view/viewtest"
)

// letIn is a SignIn that lets everybody in.
type letIn struct{ front.SignIn }

func (letIn) Authenticate(*http.Request) (access.Identity, error) {
	return access.Identity{Subject: "admin"}, nil
}

func (letIn) While(ctx context.Context, _ access.Identity) (context.Context, context.CancelFunc) {
	return context.WithCancel(ctx)
}

func (letIn) Valid(context.Context, access.Identity) error { return nil }

// TestThroughTheDoor: answers are compressed on their way out and streams arrive event
// by event.
func TestThroughTheDoor(t *testing.T) {
	b := viewtest.New()
	b.Add(400)
	o := &office{backend: b}
	o.Server = httptest.NewServer(front.New(front.Config{
		SignIn: letIn{}, Desk: func(front.Reader) view.Desk { return viewtest.Desk(b, viewtest.Options{}) },
		API: New(Config{Pause: 1}), Pages: http.NotFoundHandler(), Log: slog.New(slog.DiscardHandler),
	}))
	t.Cleanup(o.Close)
	got, body := o.ask(t, "GET /apps?limit=500", "Accept-Encoding: gzip")
	if got.Header.Get("Content-Encoding") != "gzip" || len(body) > 100_000 {
		t.Errorf("400 apps are %d bytes, encoded as %q", len(body), got.Header.Get("Content-Encoding"))
	}
	if again, _ := o.ask(t, "GET /apps?limit=500", "Accept-Encoding: gzip", "If-None-Match: "+got.Header.Get("ETag")); again.StatusCode != http.StatusNotModified {
		t.Errorf("the same again: %d", again.StatusCode)
	}
	s := o.watch(t, "/apps/watch?project=shop", "")
	s.change(t)
	b.Edit(cartKey, func(d *view.Detail) { d.Health = model.Missing })
	if news := strings.Join(s.change(t), ", "); news != "changed shop-cart, current" {
		t.Errorf("the stream: %s", news)
	}
}
