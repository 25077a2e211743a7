package guard

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fixpoint-cd/fixpoint/internal/access"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
	"github.com/fixpoint-cd/fixpoint/internal/view/viewtest"
)

// TestMissingAndForbiddenAlike is CVE-2022-41354 and CVE-2024-36106: whoever may not see
// an app can't tell it from one that does not exist.
func TestMissingAndForbiddenAlike(t *testing.T) {
	full, empty := newStage(t, ""), newStage(t, "")
	empty.Backend = viewtest.Empty()
	for _, key := range []model.AppKey{frontend, payments, preview, fluxApps, ingress} {
		for name, read := range reads {
			got, err := read(t.Context(), full.as("guest"), key)
			none, want := read(t.Context(), empty.as("guest"), key)
			alike(t, name, key, err, want)
			if diff := cmp.Diff(none, got); diff != "" {
				t.Errorf("%s of %s: forbidden differs from missing:\n%s", name, key, diff)
			}
		}
		for name, do := range deeds {
			alike(t, name, key, do(t.Context(), full.as("guest"), key), do(t.Context(), empty.as("guest"), key))
		}
	}
	if got := full.sample.Deeds(); len(got) > 0 {
		t.Errorf("deeds were done: %v", got)
	}
	for name, list := range lists {
		got, err := list(t.Context(), full.as("guest"))
		none, want := list(t.Context(), empty.as("guest"))
		if fmt.Sprint(err) != fmt.Sprint(want) || !cmp.Equal(none, got) {
			t.Errorf("%s: forbidden differs from missing: %v, %v\n%s", name, err, want, cmp.Diff(none, got))
		}
	}
}

func alike(t *testing.T, name string, key model.AppKey, err, want error) {
	t.Helper()
	if !errors.Is(err, model.ErrNotFound) || !errors.Is(want, model.ErrNotFound) || err.Error() != want.Error() {
		t.Errorf("%s of %s: forbidden is %q, missing %q; both should be not found, with one text", name, key, err, want)
	}
	if errors.Is(err, model.ErrDenied) {
		t.Errorf("%s of %s: forbidden is denied as well: %v", name, key, err)
	}
}

// TestMissingObjects: objects that are not in the app, and names that would become other
// rights, are alike.
func TestMissingObjects(t *testing.T) {
	s := newStage(t, "p, op, applications, get, shop/*, allow\np, op, logs, get, shop/*, allow\n"+
		"p, op, applications, delete/*/Pod/*/*, shop/*, allow\np, op, applications, action/apps/*, shop/*, allow")
	d := s.as("op")
	for _, on := range []model.ObjectKey{
		{Kind: "Pod", Namespace: "kube-system", Name: "etcd"},
		{Group: "x/Pod/y", Kind: "Secret", Namespace: "shop", Name: "z"},
		{Kind: "Pod", Namespace: "shop", Name: "a/b"},
		{Kind: "Pod", Namespace: "shop", Name: "a\nb"},
		{},
	} {
		if _, err := d.Object(t.Context(), frontend, on); !errors.Is(err, model.ErrNotFound) {
			t.Errorf("Object %q: %v", on, err)
		}
		if err := d.Delete(t.Context(), frontend, on); !errors.Is(err, model.ErrNotFound) {
			t.Errorf("Delete %q: %v", on, err)
		}
		if err := d.Logs(t.Context(), frontend, view.LogQuery{Object: on}, func(view.LogLine) error { return nil }); !errors.Is(err, model.ErrNotFound) {
			t.Errorf("Logs %q: %v", on, err)
		}
	}
	for _, action := range []string{"restart/x", "restart\n", strings.Repeat("x", 254)} {
		if _, err := d.Act(t.Context(), frontend, deploy, action, nil); !errors.Is(err, model.ErrInvalid) {
			t.Errorf("the action %.20q: %v", action, err)
		}
	}
	// Only what the policy permits was asked for at all; the sample does not have it.
	if diff := cmp.Diff([]string{"delete argo/argocd/shop-frontend by op Pod/kube-system/etcd"}, s.sample.Deeds()); diff != "" {
		t.Errorf("deeds (-want +got):\n%s", diff)
	}
}

// TestFineGrainedRights: each deed takes the right that it should, and no other does.
func TestFineGrainedRights(t *testing.T) {
	const get = "applications, get, shop/shop-frontend"
	tests := map[string]struct {
		do   func(context.Context, view.Desk) error
		need []string
	}{
		"sync":          {syncing(view.SyncRequest{Prune: true, Force: true}), []string{"applications, sync, shop/shop-frontend"}},
		"sync followed": {syncing(view.SyncRequest{Revision: "main"}), []string{"applications, sync, shop/shop-frontend"}},
		"sync own":      {syncing(view.SyncRequest{Options: []string{"ServerSideApply=true", "CreateNamespace=true"}}), []string{"applications, sync, shop/shop-frontend"}},
		"sync other":    {syncing(view.SyncRequest{Revision: "evil"}), []string{"applications, sync, shop/shop-frontend", "applications, override, shop/shop-frontend"}},
		"sync options":  {syncing(view.SyncRequest{Options: []string{"Replace=true"}}), []string{"applications, sync, shop/shop-frontend", "applications, override, shop/shop-frontend"}},
		"sync fewer":    {syncing(view.SyncRequest{Options: []string{}}), []string{"applications, sync, shop/shop-frontend", "applications, override, shop/shop-frontend"}},
		"terminate":     {func(ctx context.Context, d view.Desk) error { return d.Terminate(ctx, frontend) }, []string{"applications, sync, shop/shop-frontend"}},
		"rollback": {func(ctx context.Context, d view.Desk) error {
			return d.Rollback(ctx, frontend, view.RollbackRequest{ID: 1})
		}, []string{"applications, sync, shop/shop-frontend"}},
		"suspend": {func(ctx context.Context, d view.Desk) error { return d.Suspend(ctx, frontend, true) }, []string{"applications, update, shop/shop-frontend"}},
		"automated sync": {func(ctx context.Context, d view.Desk) error {
			return d.Automate(ctx, frontend, view.Automation{On: true})
		}, []string{"applications, update, shop/shop-frontend"}},
		"delete the app": {func(ctx context.Context, d view.Desk) error {
			return d.DeleteApp(ctx, frontend, view.CascadeNone)
		}, []string{"applications, delete, shop/shop-frontend"}},
		"restart": {func(ctx context.Context, d view.Desk) error {
			_, err := d.Act(ctx, frontend, deploy, "restart", nil)
			return err
		}, []string{"applications, action/apps/Deployment/restart, shop/shop-frontend"}},
		"delete":  {func(ctx context.Context, d view.Desk) error { return d.Delete(ctx, frontend, configMap) }, []string{"applications, delete//ConfigMap/shop/frontend-settings, shop/shop-frontend"}},
		"refresh": {func(ctx context.Context, d view.Desk) error { return d.Refresh(ctx, frontend, true) }, nil},
		"diff of others": {func(ctx context.Context, d view.Desk) error {
			_, err := d.Diff(ctx, frontend, view.DiffQuery{Revision: "evil"})
			return err
		}, []string{"applications, sync, shop/shop-frontend", "applications, override, shop/shop-frontend"}},
		"diff of its own": {func(ctx context.Context, d view.Desk) error {
			_, err := d.Diff(ctx, frontend, view.DiffQuery{Revision: "main"})
			return err
		}, nil},
		"logs": {func(ctx context.Context, d view.Desk) error {
			return d.Logs(ctx, frontend, view.LogQuery{Object: deploy}, func(view.LogLine) error { return nil })
		}, []string{"logs, get, shop/shop-frontend"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, "")
			var has []string
			s.May = func(_ access.Identity, resource, action, object string) bool {
				r := right{resource, action, object}.String()
				return slices.Contains(has, r) || action != "get" && !slices.Contains(tt.need, r)
			}
			for i := -1; i < len(tt.need); i++ { // first nothing, then get, then one more each time
				before := len(s.sample.Deeds())
				err := tt.do(t.Context(), s.as("ann"))
				want := get
				if i >= 0 {
					want = tt.need[i]
				}
				switch {
				case i < 0 && !errors.Is(err, model.ErrNotFound):
					t.Fatalf("without any right: %v", err)
				case i >= 0 && (!errors.Is(err, model.ErrDenied) || !strings.Contains(err.Error(), want)):
					t.Fatalf("without %s: %v", want, err)
				case len(s.sample.Deeds()) != before:
					t.Fatalf("without %s: it was done", want)
				}
				has = append(has, want)
			}
			err := tt.do(t.Context(), s.as("ann"))
			if errors.Is(err, model.ErrDenied) || errors.Is(err, model.ErrNotFound) {
				t.Errorf("with all rights: %v", err)
			}
		})
	}
}

func syncing(r view.SyncRequest) func(context.Context, view.Desk) error {
	return func(ctx context.Context, d view.Desk) error { return d.Sync(ctx, frontend, r) }
}

// TestObjects says how apps are named in policies.
func TestObjects(t *testing.T) {
	g := New(Config{Namespace: "argocd"})
	tests := []struct {
		key     model.AppKey
		project string
		want    string
	}{
		{frontend, "shop", "applications, get, shop/shop-frontend"},
		{frontend, "", "applications, get, default/shop-frontend"},
		{preview, "shop", "applications, get, shop/team-web/preview-42"},
		{preview, "shop/team-web", "applications, get, shop%2Fteam-web/team-web/preview-42"},
		{fluxApps, "", "kustomizations, get, flux-system/apps"},
		{ingress, "ignored", "helmreleases, get, ingress/ingress-nginx"},
	}
	d := &desk{Guard: g}
	for _, tt := range tests {
		app := view.App{Key: tt.key, Project: tt.project}
		if got := d.right(&app, "get").String(); got != tt.want {
			t.Errorf("%s in %q is %q, want %q", tt.key, tt.project, got, tt.want)
		}
	}
}

// TestProjectRoleOnOwnProject: a role of a project sees and does what is its project's.
func TestProjectRoleOnOwnProject(t *testing.T) {
	s := newStage(t, "")
	for title, id := range map[string]access.Identity{
		"token": {Subject: "proj:shop:ci", Local: true},
		"group": {Subject: "somebody", Groups: []string{"shop-people"}},
	} {
		d := s.Desk(Reader{Identity: id})
		page, err := d.Apps(t.Context(), view.Query{Limit: 500, Facets: true})
		if err != nil || page.Total == 0 {
			t.Fatalf("%s: %v, %v", title, page, err)
		}
		for _, app := range page.Apps {
			if app.Project != "shop" {
				t.Errorf("%s sees %s of project %q", title, app.Title(), app.Project)
			}
		}
		if err := d.Sync(t.Context(), frontend, view.SyncRequest{DryRun: true}); err != nil {
			t.Errorf("%s: syncing an app of its own: %v", title, err)
		}
		s.sample.Finish(frontend)
		if err := d.Sync(t.Context(), payments, view.SyncRequest{}); !errors.Is(err, model.ErrNotFound) {
			t.Errorf("%s: syncing another's app: %v", title, err)
		}
	}
	for _, id := range []access.Identity{{Subject: "proj:shop:ci"}, {Subject: "x", Groups: []string{"proj:shop:ci", "role:admin", "admin"}}} {
		page, err := s.Desk(Reader{Identity: id}).Apps(t.Context(), view.Query{})
		if err != nil || page.All > 0 {
			t.Errorf("%+v of a provider sees %d apps, %v", id, page.All, err)
		}
	}
}

// TestMay: what pages offer is what is done.
func TestMay(t *testing.T) {
	s := newStage(t, "p, op, applications, get, shop/*, allow\np, op, applications, sync, */*, allow\np, op, applications, action/apps/Deployment/restart, shop/*, allow")
	d := s.as("op")
	shop, _ := s.sample.Brief(frontend)
	other, _ := s.sample.Brief(payments)
	for verb, want := range map[view.Verb]bool{
		view.VerbGet: true, view.VerbSync: true, view.VerbRollback: true, view.VerbRefresh: true,
		view.VerbOverride: false, view.VerbSuspend: false, view.VerbUpdate: false, view.VerbLogs: false, view.VerbAct: false, view.VerbDelete: false, "unknown": false,
	} {
		if got := d.May(verb, shop); got != want {
			t.Errorf("May(%s, shop's) = %t", verb, got)
		}
		if d.May(verb, other) {
			t.Errorf("May(%s, another's), which is not to be seen", verb)
		}
	}
	if !d.MayOn(view.VerbAct, shop, deploy, "restart") || d.MayOn(view.VerbAct, shop, deploy, "scale") || d.MayOn(view.VerbDelete, shop, deploy, "") || d.MayOn(view.VerbAct, other, deploy, "restart") {
		t.Error("MayOn differs from what is permitted")
	}
}

// TestOrigin: who declares an app is told to those who may see it there.
func TestOrigin(t *testing.T) {
	s := newStage(t, "p, op, applications, get, shop/*, allow\np, op, kustomizations, get, flux-system/nothing, allow")
	s.sample.Edit(frontend, func(d *view.Detail) {
		d.Origin = &view.Origin{Kind: view.KindApplication, Namespace: "argocd", Name: payments.Name, App: payments, Heals: true}
	})
	got, err := s.as("op").App(t.Context(), frontend)
	if want := (view.Origin{Kind: view.KindApplication, Heals: true}); err != nil || got.Origin == nil || !cmp.Equal(*got.Origin, want) {
		t.Errorf("who may not see it is told %+v, %v", got.Origin, err)
	}
	if got, err = s.as("admin").App(t.Context(), frontend); err != nil || got.Origin == nil || got.Origin.App != payments {
		t.Errorf("who may see it is told %+v, %v", got.Origin, err)
	}
}

// TestSecurityDeedsKnowWhatWasJudged: whatever is done is done to the app for which it was
// permitted, as it was then.
func TestSecurityDeedsKnowWhatWasJudged(t *testing.T) {
	for name, do := range deeds {
		s := newStage(t, "p, op, applications, *, shop/*, allow\np, op, applications, action/*, shop/*, allow\np, op, applications, delete/*, shop/*, allow")
		w := &asked{Backend: s.sample}
		s.Backend = w
		if err := do(t.Context(), s.as("op"), frontend); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if w.judged == nil || w.judged.Key != frontend || w.judged.Project != "shop" {
			t.Errorf("%s: it is done to %+v", name, w.judged)
		}
	}
}

// asked is a backend that knows what a deed was permitted for, and does none.
type asked struct {
	view.Backend
	judged *view.App
}

func (w *asked) saw(ctx context.Context) error { w.judged = view.JudgedOf(ctx); return nil }

func (w *asked) Sync(ctx context.Context, _ model.AppKey, _ string, _ view.SyncRequest) error {
	return w.saw(ctx)
}

func (w *asked) Rollback(ctx context.Context, _ model.AppKey, _ string, _ view.RollbackRequest) error {
	return w.saw(ctx)
}

func (w *asked) Automate(ctx context.Context, _ model.AppKey, _ string, _ view.Automation) error {
	return w.saw(ctx)
}

func (w *asked) DeleteApp(ctx context.Context, _ model.AppKey, _ string, _ view.Cascade) error {
	return w.saw(ctx)
}

func (w *asked) Act(ctx context.Context, _ model.AppKey, _ string, _ model.ObjectKey, _ string, _ map[string]string) ([]string, error) {
	return nil, w.saw(ctx)
}

func (w *asked) Delete(ctx context.Context, _ model.AppKey, _ string, _ model.ObjectKey) error {
	return w.saw(ctx)
}
func (w *asked) Terminate(ctx context.Context, _ model.AppKey, _ string) error { return w.saw(ctx) }
func (w *asked) Refresh(ctx context.Context, _ model.AppKey, _ string, _ bool) error {
	return w.saw(ctx)
}
func (w *asked) Suspend(ctx context.Context, _ model.AppKey, _ string, _ bool) error {
	return w.saw(ctx)
}

// TestSecurityLongActions: who asks what may be done does not fill what is remembered of
// rights; each action that objects can have may be asked for.
func TestSecurityLongActions(t *testing.T) {
	d := newStage(t, shopper).as("shopper")
	name := strings.Repeat("n", 253)
	longest := "delete/" + name + "/" + name[:63] + "/" + name[:63] + "/" + name
	if _, err := d.Can(t.Context(), access.Applications, longest, "shop/frontend"); err != nil {
		t.Error(err)
	}
	if _, err := d.Can(t.Context(), access.Applications, strings.Repeat("a", 2000), "shop/frontend"); !errors.Is(err, model.ErrInvalid) {
		t.Errorf("an action of 2000 bytes: %v", err)
	}
}

// TestSlashInProject: a project that is called like a project and more is another one.
func TestSlashInProject(t *testing.T) {
	s := newStage(t, "p, op, applications, get, shop/*, allow")
	s.sample.Edit(frontend, func(d *view.Detail) { d.Project = "shop/x" })
	if _, err := s.as("op").Brief(t.Context(), frontend); !errors.Is(err, model.ErrNotFound) {
		t.Errorf("who may see the apps of shop sees one of shop/x: %v", err)
	}
}

// TestProjectChanges: an app that moves to another project while it is read is not shown.
func TestProjectChanges(t *testing.T) {
	s := newStage(t, "p, op, applications, get, shop/*, allow")
	s.Backend = moving{s.sample}
	if got, err := s.as("op").App(t.Context(), frontend); !errors.Is(err, model.ErrNotFound) || got.Key != (model.AppKey{}) {
		t.Errorf("an app that is in another project now is shown: %v, %v", got.Key, err)
	}
}

// moving is a backend whose apps change their project between two looks.
type moving struct{ *viewtest.Backend }

func (m moving) App(ctx context.Context, key model.AppKey) (view.Detail, error) {
	d, err := m.Backend.App(ctx, key)
	d.Project = "payments"
	return d, err
}

// knowsAll has an object, events and logs of whatever name, and says which were asked for.
type knowsAll struct {
	*viewtest.Backend
	asked []string
}

func (k *knowsAll) Object(_ context.Context, _ model.AppKey, on model.ObjectKey) (view.Object, error) {
	k.asked = append(k.asked, "object "+on.String())
	return view.Object{}, nil
}

func (k *knowsAll) Events(_ context.Context, _ model.AppKey, on model.ObjectKey) ([]view.Event, error) {
	k.asked = append(k.asked, "events "+on.String())
	return nil, nil
}

func (k *knowsAll) Diff(_ context.Context, _ model.AppKey, q view.DiffQuery) (view.Diff, error) {
	k.asked = append(k.asked, "diff "+q.Object.String())
	return view.Diff{}, nil
}

func (k *knowsAll) Logs(_ context.Context, _ model.AppKey, q view.LogQuery, emit func(view.LogLine) error) error {
	k.asked = append(k.asked, "logs "+q.Object.String())
	return emit(view.LogLine{})
}

// TestSecurityOddNames: what no object can be called is nobody's, by whichever read; what is
// behind the guard never gets to know of it, and the trail says that it was refused.
func TestSecurityOddNames(t *testing.T) {
	s := newStage(t, follower)
	behind := &knowsAll{Backend: s.sample}
	s.Backend = behind
	d := s.as("op")
	for _, on := range []model.ObjectKey{
		{Group: "x/Pod/y", Kind: "Secret", Namespace: "shop", Name: "z"},
		{Kind: "Pod/../Secret", Namespace: "shop", Name: "z"},
		{Kind: "Pod", Namespace: "shop/../kube-system", Name: "z"},
		{Kind: "Pod", Namespace: "shop", Name: "a/b"},
		{Kind: "Pod", Namespace: "shop", Name: "a\nb"},
		{Kind: "Pod", Namespace: "shop", Name: strings.Repeat("x", 254)},
		{Kind: "Pod", Namespace: "shop"},
		{Namespace: "shop", Name: "z"},
	} {
		for read, got := range map[string]error{
			"object": asks(d.Object(t.Context(), frontend, on)),
			"events": asks(d.Events(t.Context(), frontend, on)),
			"diff":   asks(d.Diff(t.Context(), frontend, view.DiffQuery{Object: &on})),
			"logs":   d.Logs(t.Context(), frontend, view.LogQuery{Object: on}, func(view.LogLine) error { return nil }),
		} {
			if !errors.Is(got, model.ErrNotFound) {
				t.Errorf("%s of %q: %v", read, on, got)
			}
		}
	}
	if len(behind.asked) > 0 {
		t.Errorf("asked for behind the guard: %q", behind.asked)
	}
	for line := range strings.Lines(s.records()) {
		if !strings.Contains(line, " denied ") {
			t.Errorf("the trail has %s", line)
		}
	}
	s.forget()
	if err := d.Logs(t.Context(), frontend, view.LogQuery{Object: deploy}, func(view.LogLine) error { return nil }); err != nil || len(behind.asked) != 1 {
		t.Errorf("the logs of an object that can be: %v, asked for %q", err, behind.asked)
	}
}

// asks is the error of a read.
func asks[T any](_ T, err error) error { return err }
