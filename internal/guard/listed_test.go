package guard

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/access"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// TestListsInTrail: a look at a list is there once in an hour, with its filter, whatever
// the order and the page.
func TestListsInTrail(t *testing.T) {
	s := newStage(t, "g, op, role:admin")
	look := func() {
		d := s.as("op")
		for _, name := range []string{"Apps", "Clusters", "Repositories", "Projects", "Feeders", "Activity", "Audits", "Unreachable"} {
			if _, err := lists[name](t.Context(), d); err != nil {
				t.Fatal(name, err)
			}
		}
		for offset := range 3 {
			q := view.Query{Search: "front end", Projects: []string{"web", "shop"}, Repos: []string{"https://bob:hunter2@git.example/a.git?token=x"}, Sort: "health", Offset: offset, Limit: 1}
			if offset == 1 {
				q.Projects, q.Desc = []string{"shop", "web"}, true
			}
			if _, err := d.Apps(t.Context(), q); err != nil {
				t.Fatal(err)
			}
		}
		if _, _, err := d.Manifests(t.Context(), view.Query{Kinds: []string{view.KindApplication}}); err != nil {
			t.Fatal(err)
		}
		from := s.clock().Truncate(time.Hour).Add(-24 * time.Hour)
		for i := range 3 {
			at := from.Add(time.Duration(i) * time.Minute)
			if _, err := d.Activity(t.Context(), view.ActivityQuery{App: &frontend, Kinds: []string{"synced"}, By: "ann", From: at, Before: int64(i)}); err != nil {
				t.Fatal(err)
			}
			if _, err := d.Audits(t.Context(), view.AuditQuery{Who: "ann", From: at}); err != nil {
				t.Fatal(err)
			}
		}
	}
	want := func() []string {
		from := s.clock().Truncate(time.Hour).Add(-24 * time.Hour).UTC().Format(time.RFC3339)
		return []string{
			"op list apps allowed", "op list clusters allowed", "op list repositories allowed", "op list projects allowed",
			"op list sources allowed", "op list activity allowed", "op audit audit/* allowed",
			"op list apps allowed | project=shop, project=web, q=front end, repo=https://git.example/a.git",
			"op list apps allowed | kind=Application",
			"op list activity allowed | app=argo/argocd/shop-frontend, by=ann, from=" + from + ", kind=synced",
			"op audit audit/* allowed | from=" + from + ", who=ann",
		}
	}
	look()
	s.wantTrail(t, want()...)
	look()
	s.wantTrail(t)
	s.wait(time.Hour)
	look()
	s.wantTrail(t, want()...)
}

// TestListsTogether: a list that is read once for several is in the trail for each, once.
func TestListsTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, teams)
		for range 3 {
			_, errs := meet(t.Context(), []view.Desk{s.of("ann", "shop"), s.of("bob", "web"), s.of("cyd", "shop")}, func(ctx context.Context, d view.Desk) (any, error) {
				return d.Apps(ctx, view.Query{Search: "front"})
			})
			if err := errors.Join(errs...); err != nil {
				t.Fatal(err)
			}
		}
		if got, want := sorted(s.records()), "ann list apps allowed | q=front\nbob list apps allowed | q=front\ncyd list apps allowed | q=front\n"; got != want {
			t.Errorf("the trail has\n%swant\n%s", got, want)
		}
	})
}

// TestSecurityListsDoNotFillTheTrail: whoever asks for ever other lists, alone or from many
// addresses, can't fill the disk or the memory, and hides nobody's look.
func TestSecurityListsDoNotFillTheTrail(t *testing.T) {
	s := newStage(t, follower)
	search := func(d view.Desk, i int) {
		if _, err := d.Apps(t.Context(), view.Query{Search: fmt.Sprint("word-", i)}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 3000 {
		search(s.as("op"), i)
	}
	if n := strings.Count(s.records(), "\n"); n != maxLists+1 {
		t.Errorf("%d records of 3000 searches", n)
	}
	if !strings.HasSuffix(s.records(), "op list apps allowed | "+manyLists+"\n") {
		t.Error("the last record does not say that there were more")
	}
	s.forget()
	search(s.as("eve"), 1)
	s.wantTrail(t, "eve list apps allowed | q=word-1")
	for i := range 10_000 {
		search(s.Desk(Reader{Identity: access.Identity{Anonymous: true}, From: fmt.Sprint("2001:db8::", i), Via: "ui"}), 1)
	}
	if n := strings.Count(s.records(), "\n"); n > maxAllLists+1 || n < maxAllLists/2 {
		t.Errorf("%d records of 10,000 addresses", n)
	}
	if n := len(s.Guard.trail.lists.each); n > maxAllLists {
		t.Errorf("%d readers are counted", n)
	}
	s.forget()
	search(s.as("eve"), 1)
	search(s.as("eve"), 2)
	search(s.as("mallory"), 2)
	s.wantTrail(t, "eve list apps allowed | "+manyLists, "mallory list apps allowed | "+manyLists)
	s.wait(time.Hour)
	search(s.as("eve"), 2)
	s.wantTrail(t, "eve list apps allowed | q=word-2")
}

// TestListsWithoutTrail: lists go on where the trail can't be written, do not wait for it
// again and again, and are noted as soon as it can be.
func TestListsWithoutTrail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		s := newStage(t, follower)
		s.Guard = New(Config{Backend: s.sample, May: s.access.May, Now: s.clock, Log: slog.New(slog.DiscardHandler),
			Audit: func(ctx context.Context, a view.Audit) error {
				if asked++; asked > 1 {
					return s.audit(ctx, a)
				}
				<-ctx.Done() // as a database that has gone does
				return ctx.Err()
			}})
		look := func() {
			if page, err := s.as("op").Apps(t.Context(), view.Query{}); err != nil || page.All == 0 {
				t.Errorf("%d apps: %v", page.All, err)
			}
		}
		for range 10 {
			look()
		}
		if asked != 1 {
			t.Errorf("the trail was asked %d times", asked)
		}
		s.wait(listsRest)
		look()
		look()
		s.wantTrail(t, "op list apps allowed")
		s.broken = errors.New("no space left on device")
		s.wait(listedEvery)
		look()
		if err := s.as("op").Refresh(t.Context(), frontend, false); !errors.Is(err, model.ErrTransient) {
			t.Errorf("a deed without a trail: %v", err)
		}
	})
}
