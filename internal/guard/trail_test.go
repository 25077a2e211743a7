package guard

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fixpoint-cd/fixpoint/internal/access"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
	"github.com/fixpoint-cd/fixpoint/internal/view/viewtest"
)

// wantTrail compares the trail, and forgets it.
func (s *stage) wantTrail(t *testing.T, want ...string) {
	t.Helper()
	if diff := cmp.Diff(strings.Join(append(want, ""), "\n"), s.records()); diff != "" {
		t.Errorf("trail (-want +got):\n%s", diff)
	}
	s.forget()
}

// TestDeedsInTrail says what is in the trail of deeds.
func TestDeedsInTrail(t *testing.T) {
	s := newStage(t, "p, op, applications, get, shop/*, allow\np, op, applications, sync, shop/*, allow")
	d := s.as("op")
	_ = d.Sync(t.Context(), frontend, view.SyncRequest{Prune: true, DryRun: true, Only: []model.ObjectKey{deploy}})
	_ = d.Sync(t.Context(), frontend, view.SyncRequest{Revision: "other"})
	_ = d.Rollback(t.Context(), frontend, view.RollbackRequest{ID: 999})
	_ = d.Suspend(t.Context(), frontend, true)
	_ = d.Automate(t.Context(), frontend, view.Automation{On: true})
	_ = d.DeleteApp(t.Context(), frontend, view.CascadeNone)
	_ = d.Sync(t.Context(), payments, view.SyncRequest{})
	_ = d.Sync(t.Context(), nowhere, view.SyncRequest{})
	_ = d.DeleteApp(t.Context(), nowhere, "")
	yes, no := true, false
	_ = s.as("admin").Automate(t.Context(), frontend, view.Automation{On: true, Prune: &yes, SelfHeal: &no})
	_ = s.as("admin").Automate(t.Context(), frontend, view.Automation{})
	_, _ = s.as("admin").Act(t.Context(), frontend, deploy, "restart", map[string]string{"password": "hunter2"})
	s.wantTrail(t,
		"op sync applications/shop/shop-frontend allowed | Deployment.apps/shop/frontend | prune, dry run",
		"op sync applications/shop/shop-frontend denied | other | without applications, override, shop/shop-frontend",
		"op rollback applications/shop/shop-frontend allowed | history 999",
		"op rollback applications/shop/shop-frontend failed | history 999 | there is no deployment 999 of argo/argocd/shop-frontend",
		"op suspend applications/shop/shop-frontend denied | without applications, update, shop/shop-frontend",
		"op autosync applications/shop/shop-frontend denied | without applications, update, shop/shop-frontend",
		"op delete applications/shop/shop-frontend denied | without applications, delete, shop/shop-frontend",
		"op sync applications/payments/payments-api denied | without applications, get, payments/payments-api",
		"op sync applications/argocd/nowhere denied | there is no such app",
		"op delete applications/argocd/nowhere denied | there is no such app",
		"admin autosync applications/shop/shop-frontend allowed | on, prune, no self-heal",
		"admin autosync applications/shop/shop-frontend allowed | off",
		"admin action/restart applications/shop/shop-frontend allowed | Deployment.apps/shop/frontend | with password",
	)
}

// TestDeletionInTrail: the deletion of an app is told from that of an object by its target.
func TestDeletionInTrail(t *testing.T) {
	s := newStage(t, "")
	d := s.as("admin")
	_ = d.Delete(t.Context(), frontend, configMap)
	_ = d.DeleteApp(t.Context(), fluxApps, view.CascadeNone)
	_ = d.DeleteApp(t.Context(), frontend, view.CascadeBackground)
	s.wantTrail(t,
		"admin delete applications/shop/shop-frontend allowed | ConfigMap/shop/frontend-settings",
		"admin delete kustomizations/flux-system/apps allowed | cascade none",
		"admin delete kustomizations/flux-system/apps failed | a Kustomization says itself what becomes of its objects: leave cascade out",
		"admin delete applications/shop/shop-frontend allowed | cascade background",
	)
	if app, _ := s.sample.Brief(frontend); !app.Deleting {
		t.Error("the app is not being deleted")
	}
}

// TestTrailBeforeDeed: a deed is in the trail when it is done, and is not done where the
// trail can't be written.
func TestTrailBeforeDeed(t *testing.T) {
	s := newStage(t, "")
	s.Guard = New(Config{Backend: s.sample, May: s.access.May, Audit: s.audit, Now: s.clock, Log: slog.New(slog.DiscardHandler)})
	for name, do := range deeds {
		s.mu.Lock()
		s.broken = errors.New("no space left on device")
		s.mu.Unlock()
		before := len(s.sample.Deeds())
		err := do(t.Context(), s.as("admin"), frontend)
		if !errors.Is(err, model.ErrTransient) || strings.Contains(err.Error(), "space") {
			t.Errorf("%s without a trail: %v", name, err)
		}
		if len(s.sample.Deeds()) != before {
			t.Errorf("%s was done without a trail", name)
		}
		s.mu.Lock()
		s.broken = nil
		s.mu.Unlock()
		s.Guard.Backend = witness{s.sample, s, t}
		_ = do(t.Context(), s.as("admin"), frontend)
		s.forget()
	}
	if _, err := s.as("admin").App(t.Context(), frontend); err != nil {
		t.Errorf("reading without a trail: %v", err)
	}
}

// witness sees to it that a deed is in the trail before it is done.
type witness struct {
	*viewtest.Backend
	s *stage
	t *testing.T
}

func (w witness) Sync(ctx context.Context, app model.AppKey, by string, r view.SyncRequest) error {
	if !strings.Contains(w.s.records(), "sync applications/shop/shop-frontend allowed") {
		w.t.Error("a sync is done before it is in the trail")
	}
	return w.Backend.Sync(ctx, app, by, r)
}

func (w witness) Delete(ctx context.Context, app model.AppKey, by string, on model.ObjectKey) error {
	if !strings.Contains(w.s.records(), "delete applications/shop/shop-frontend allowed") {
		w.t.Error("an object is deleted before it is in the trail")
	}
	return w.Backend.Delete(ctx, app, by, on)
}

// TestReadsInTrail: reads of details are there once in ten minutes.
func TestReadsInTrail(t *testing.T) {
	s := newStage(t, follower)
	look := func(d view.Desk) {
		for _, read := range []string{"Brief", "App", "Tree", "Events", "Diff", "Object", "Logs"} {
			if _, err := reads[read](t.Context(), d, frontend); err != nil {
				t.Fatal(read, err)
			}
		}
	}
	want := []string{
		"op get applications/shop/shop-frontend allowed",
		"op diff applications/shop/shop-frontend allowed",
		"op object applications/shop/shop-frontend allowed | Deployment.apps/shop/frontend",
		"op logs applications/shop/shop-frontend allowed | Deployment.apps/shop/frontend",
	}
	look(s.as("op"))
	s.wantTrail(t, want...)
	s.wait(9 * time.Minute)
	look(s.as("op"))
	s.wantTrail(t)
	elsewhere := s.Desk(Reader{Identity: access.Identity{Subject: "op", Local: true}, From: "198.51.100.7", Via: "ui"})
	look(elsewhere)
	s.wantTrail(t, want...)
	s.wait(2 * time.Minute)
	look(s.as("op"))
	s.wantTrail(t, want...)
	if _, err := s.as("admin").Audits(t.Context(), view.AuditQuery{}); err != nil {
		t.Fatal(err)
	}
	if check, err := s.as("op").VerifyAudit(t.Context()); !errors.Is(err, model.ErrDenied) || check != (view.AuditCheck{}) {
		t.Errorf("without the right the trail is verified: %+v, %v", check, err)
	}
	if _, err := s.as("op").Audits(t.Context(), view.AuditQuery{}); !errors.Is(err, model.ErrDenied) {
		t.Errorf("the trail is shown to everybody: %v", err)
	}
	s.wantTrail(t, "admin audit audit/* allowed", "op verify-audit audit/* denied | without audit, get, *", "op audit audit/* denied | without audit, get, *")
}

// TestRepeatedRefusals are counted, not repeated.
func TestRepeatedRefusals(t *testing.T) {
	s := newStage(t, follower)
	line := "op sync applications/shop/shop-frontend denied | "
	ask := func(n int) {
		for range n {
			_ = s.as("op").Sync(t.Context(), frontend, view.SyncRequest{})
		}
	}
	ask(100)
	s.wantTrail(t, line+"without applications, sync, shop/shop-frontend")
	s.wait(time.Minute)
	ask(2)
	s.wantTrail(t, line+"99 more times within a minute; without applications, sync, shop/shop-frontend",
		line+"without applications, sync, shop/shop-frontend")
	s.Flush(t.Context())
	s.wantTrail(t, line+"1 more times within a minute; without applications, sync, shop/shop-frontend")
}

// TestFloodOfRefusals: whoever asks for ever other things can't fill the disk, alone or
// from many addresses, and does not keep others out of the trail.
func TestFloodOfRefusals(t *testing.T) {
	s := newStage(t, follower)
	for i := range 5000 {
		_, _ = s.as("op").App(t.Context(), viewtest.Key(view.KindApplication, "argocd", fmt.Sprint("guess-", i)))
	}
	if n := strings.Count(s.records(), "\n"); n > maxRefusals+1 || n < maxRefusals {
		t.Errorf("%d records of 5000 guesses", n)
	}
	s.forget()
	_ = s.as("eve").Sync(t.Context(), frontend, view.SyncRequest{})
	s.wantTrail(t, "eve sync applications/shop/shop-frontend denied | without applications, get, shop/shop-frontend")
	for i := range 5000 {
		d := s.Desk(Reader{Identity: access.Identity{Anonymous: true}, From: fmt.Sprint("2001:db8::", i)})
		_, _ = d.App(t.Context(), frontend)
	}
	s.Flush(t.Context())
	if n := strings.Count(s.records(), "\n"); n > maxAllRefusals+1 || n < 100 {
		t.Errorf("%d records of 5000 addresses", n)
	}
	if n := len(s.Guard.trail.kept); n > maxKept {
		t.Errorf("%d records are kept in memory", n)
	}
	s.forget()
	if err := s.as("admin").Sync(t.Context(), frontend, view.SyncRequest{}); err != nil {
		t.Fatal(err)
	}
	s.wantTrail(t, "admin sync applications/shop/shop-frontend allowed")
}

// TestTrailForgets: what is known as written is bounded, and still of use when it is full.
func TestTrailForgets(t *testing.T) {
	s := newStage(t, "")
	seen := func(i int) {
		s.Guard.trail.seen(t.Context(), view.Audit{Who: "op", Action: readObject, Target: fmt.Sprint(i), Outcome: outcomeAllowed})
	}
	for i := range maxKept + 1000 {
		seen(i)
	}
	if n := len(s.Guard.trail.kept); n != maxKept {
		t.Errorf("%d records are known as written", n)
	}
	s.forget()
	for range 100 {
		seen(-1)
	}
	s.wantTrail(t, "op object  allowed | -1")
}

// TestTidyRecords: no secrets, no lines of somebody else's making, bounded in length.
func TestTidyRecords(t *testing.T) {
	s := newStage(t, follower)
	d := s.Desk(Reader{Identity: access.Identity{Subject: "op\nadmin sync x allowed", Local: true}, From: strings.Repeat("9", 5000), Via: "ui"})
	key := model.AppKey{Dialect: "argo", Namespace: "a\x1b[31m\u202eb", Name: strings.Repeat("é", 5000)}
	_, err := d.App(t.Context(), key)
	if text := err.Error(); len(text) > 400 || strings.ContainsAny(text, "\x1b\u202e\n") {
		t.Errorf("the error says %q", text)
	}
	s.sample.Fail("Sync", errors.New("fetching https://bob:hunter1@hunter2@git.example/a.git\r\nand "+strings.Repeat("more ", 1000)))
	_ = s.as("admin").Sync(t.Context(), frontend, view.SyncRequest{Revision: "https://x:hunter2@" + strings.Repeat("y", 5000)})
	if len(s.trail) != 3 {
		t.Fatalf("the trail is\n%s", s.records())
	}
	for _, a := range s.trail {
		all := strings.Join([]string{a.Who, a.From, a.Via, a.Action, a.Object, a.Target, a.Revision, a.Detail}, "")
		if len(all) > 2000 || strings.ContainsAny(all, "\x1b\u202e\r\n") || strings.Contains(all, "hunter") {
			t.Errorf("%d bytes: %q", len(all), all)
		}
		if a.At.IsZero() {
			t.Errorf("no time: %+v", a)
		}
	}
}

// TestInWhoseName says whom deeds are done for.
func TestInWhoseName(t *testing.T) {
	s := newStage(t, "p, op, applications, *, */*, allow\np, 1234-abc, applications, *, */*, allow")
	for _, id := range []access.Identity{
		{Subject: "op", Title: "somebody else", Local: true},
		{Subject: "1234-abc", Title: "ann@example.com"},
	} {
		if err := s.Desk(Reader{Identity: id}).Refresh(t.Context(), frontend, false); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"refresh argo/argocd/shop-frontend by op", "refresh argo/argocd/shop-frontend by ann@example.com"}
	if diff := cmp.Diff(want, s.sample.Deeds()); diff != "" {
		t.Errorf("deeds (-want +got):\n%s", diff)
	}
}
