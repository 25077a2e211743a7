package viewtest_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
	"github.com/fixpoint-cd/fixpoint/internal/view/viewtest"
)

var (
	cart    = viewtest.Key(view.KindApplication, "argocd", "shop-cart")
	ledger  = viewtest.Key(view.KindApplication, "argocd", "payments-ledger")
	payment = viewtest.Key(view.KindApplication, "argocd", "payments-api")
)

// TestSample: every page of every app can be read, and the states are all there.
func TestSample(t *testing.T) {
	b, ctx := viewtest.New(), t.Context()
	b.Add(30)
	page := b.Apps(view.Query{Facets: true, Limit: 100}, nil)
	if page.All != 44 {
		t.Fatalf("there are %d apps, want 14 and 30", page.All)
	}
	for facet, values := range map[string][]string{
		"health":  {"Healthy", "Degraded", "Progressing", "Missing", "Suspended"},
		"sync":    {"Synced", "OutOfSync", "Unknown"},
		"kind":    {"Application", "Kustomization", "HelmRelease"},
		"cluster": {"in-cluster", "staging"},
	} {
		for _, v := range values {
			if !slices.ContainsFunc(page.Facets[facet], func(c view.Count) bool { return c.Value == v }) {
				t.Errorf("no app has the %s %s", facet, v)
			}
		}
	}
	for _, a := range page.Apps {
		tree, err := b.Tree(ctx, a.Key)
		if err != nil || len(tree.Nodes) == 0 {
			t.Fatalf("%s: %d nodes, %v", a.Key, len(tree.Nodes), err)
		}
		uids := map[string]bool{}
		for _, n := range tree.Nodes {
			uids[n.UID] = true
		}
		for _, n := range tree.Nodes {
			if slices.ContainsFunc(n.Parents, func(p string) bool { return !uids[p] }) {
				t.Errorf("%s: %s has a parent that is not in the tree", a.Key, n.Ref)
			}
			if _, err := b.Object(ctx, a.Key, n.Ref.ObjectKey); err != nil {
				t.Errorf("%s: %v", a.Key, err)
			}
		}
		if _, err := b.App(ctx, a.Key); err != nil {
			t.Error(err)
		}
		if _, err := b.Diff(ctx, a.Key, view.DiffQuery{}); err != nil {
			t.Error(err)
		}
		if e, err := b.Events(ctx, a.Key, model.ObjectKey{}); err != nil || len(e) == 0 {
			t.Errorf("%s: %d events, %v", a.Key, len(e), err)
		}
	}
}

// TestDeeds: a deed is noted, changes the app, and wakes those who watch.
func TestDeeds(t *testing.T) {
	b, ctx := viewtest.New(), t.Context()
	woken := b.Watch(ctx, view.TopicApp(ledger))
	if err := b.Sync(ctx, ledger, "admin", view.SyncRequest{Prune: true}); err != nil {
		t.Fatal(err)
	}
	<-woken
	if a, _ := b.Brief(ledger); a.Phase != model.PhaseRunning {
		t.Errorf("the phase is %s", a.Phase)
	}
	if err := b.Sync(ctx, ledger, "admin", view.SyncRequest{}); !errors.Is(err, model.ErrInvalid) {
		t.Errorf("a second sync: %v", err)
	}
	b.Finish(ledger)
	<-woken
	if a, _ := b.Brief(ledger); a.Sync != model.Synced || a.Phase != model.PhaseSucceeded {
		t.Errorf("after the sync: %s, %s", a.Sync, a.Phase)
	}
	if got := b.Deeds(); len(got) != 2 || got[0] != "sync argo/argocd/payments-ledger by admin prune" {
		t.Errorf("deeds: %q", got)
	}
	pod := viewtest.Ref("Pod", "payments", "ledger-0").ObjectKey
	if err := b.Delete(ctx, ledger, "admin", pod); err != nil {
		t.Fatal(err)
	}
	if o, err := b.Object(ctx, ledger, pod); err != nil || !o.Deleting {
		t.Errorf("after the deletion: %v, %v", o.Deleting, err)
	}
}

// TestLogs: what is said while somebody follows arrives.
func TestLogs(t *testing.T) {
	b := viewtest.New()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	deployment := viewtest.Ref("StatefulSet", "payments", "ledger").ObjectKey
	var got []string
	err := b.Logs(ctx, ledger, view.LogQuery{Object: deployment, Pod: "ledger-0", Follow: true, Tail: 2, Search: "get"}, func(l view.LogLine) error {
		got = append(got, l.Text)
		switch len(got) {
		case 2:
			b.Say(ledger, view.LogLine{Pod: "ledger-0", Container: "ledger", Text: "not this"})
			b.Say(ledger, view.LogLine{Pod: "ledger-0", Container: "ledger", Text: "GET /new"})
		case 3:
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) || len(got) != 3 || got[2] != "GET /new" {
		t.Errorf("%q, %v", got, err)
	}
	var earlier int
	err = b.Logs(t.Context(), payment, view.LogQuery{Object: viewtest.Ref("Deployment", "payments", "api").ObjectKey, Previous: true}, func(l view.LogLine) error {
		if earlier++; !strings.Contains(l.Text, "connection refused") {
			t.Errorf("of the previous run: %q", l.Text)
		}
		return nil
	})
	if err != nil || earlier == 0 {
		t.Errorf("%d lines of the previous run, %v", earlier, err)
	}
}

// TestDesk: what may not be seen does not exist, and what may not be done is denied.
func TestDesk(t *testing.T) {
	b, ctx := viewtest.New(), t.Context()
	desk := viewtest.Desk(b, viewtest.Options{May: func(v view.Verb, a view.App) bool {
		return v == view.VerbGet && a.Project == "shop"
	}})
	page, err := desk.Apps(ctx, view.Query{})
	if err != nil || page.All != 4 {
		t.Errorf("%d apps, %v", page.All, err)
	}
	if err := desk.Sync(ctx, cart, view.SyncRequest{}); !errors.Is(err, model.ErrDenied) {
		t.Errorf("sync: %v", err)
	}
	_, hidden := desk.App(ctx, ledger)
	nowhere := ledger
	nowhere.Name = "nowhere"
	_, missing := desk.App(ctx, nowhere)
	if !errors.Is(hidden, model.ErrNotFound) || !errors.Is(missing, model.ErrNotFound) ||
		strings.ReplaceAll(hidden.Error(), ledger.Name, nowhere.Name) != missing.Error() {
		t.Errorf("%v and %v differ", hidden, missing)
	}
	if _, err := desk.Watch(ctx, view.TopicTree(ledger)); !errors.Is(err, model.ErrNotFound) {
		t.Errorf("watch: %v", err)
	}
	if got := b.Deeds(); len(got) != 0 {
		t.Errorf("deeds: %q", got)
	}
	b.Fail("App", model.ErrTransient)
	if _, err := desk.App(ctx, cart); !errors.Is(err, model.ErrTransient) {
		t.Errorf("a failure: %v", err)
	}
}

func TestBig(t *testing.T) {
	if got := len(viewtest.Big(500).Nodes); got != 500 {
		t.Errorf("%d nodes", got)
	}
}
