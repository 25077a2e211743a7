package web

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
	"github.com/fixpoint-cd/fixpoint/internal/view/viewtest"
)

// TestAutosyncPage: what is chosen stands there again, and who takes it back is told
// beforehand, exactly where it does.
func TestAutosyncPage(t *testing.T) {
	b := viewtest.New()
	s := site(b, viewtest.Options{})
	key := sampleKey("payments-ledger")
	root := sampleKey("payments-api")
	d := get(t, s, AppPath(key)+"/autosync")
	d.wantCount("form.ask input[name=on]", 1)
	d.wantCount("form.ask .note", 0)
	get(t, s, AppPath(key)).wantCount("#app-facts a[href="+AppPath(key)+"/autosync]", 1)
	for want, o := range map[string]*view.Origin{
		"Application argocd/payments-api declares this app in Git. It declares prune, and takes a change of that back at once.": {
			Kind: view.KindApplication, Namespace: "argocd", Name: "payments-api", App: root, Heals: true, Known: true, Automated: []string{"prune"}},
		"takes a change of that back at its next sync":                     {Kind: view.KindApplication, Namespace: "argocd", Name: "payments-api", App: root, Known: true, Automated: []string{"prune"}},
		"It declares nothing of this, so what you choose stays.":           {Kind: view.KindApplication, Namespace: "argocd", Name: "payments-api", App: root, Known: true},
		"A Kustomization that you may not see declares this app in Git":    {Kind: view.KindKustomization, Heals: true},
		"ApplicationSet argocd/previews generates this app. It takes back": {Kind: "ApplicationSet", Namespace: "argocd", Name: "previews", Heals: true},
	} {
		b.Edit(key, func(d *view.Detail) { d.Origin = o })
		d := get(t, s, AppPath(key)+"/autosync")
		d.wantText("form.ask .note", want)
		links := d.all("form.ask .note a")
		if (len(links) > 0) != (o.Name != "") {
			t.Errorf("%q has %d links", want, len(links))
		}
		d.sound()
	}
	d = post(t, s, AppPath(viewtest.Key(view.KindKustomization, "flux-system", "apps"))+"/autosync", url.Values{"on": {"1"}})
	if d.code != http.StatusUnprocessableEntity || len(b.Deeds()) > 0 {
		t.Errorf("a Kustomization: status %d, deeds %q", d.code, b.Deeds())
	}
}

// TestRemovalPage: it tells exactly what goes and what stays, and takes the name.
func TestRemovalPage(t *testing.T) {
	b := viewtest.New()
	s := site(b, viewtest.Options{})
	key := sampleKey("shop-frontend")
	app, err := b.App(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	live := 0
	for _, r := range app.Resources {
		if r.Live {
			live++
		}
	}
	b.Edit(key, func(d *view.Detail) {
		all := append([]view.Resource(nil), d.Resources...)
		for i := range all {
			all[i].Stays = all[i].Ref.Kind == "ConfigMap"
			all[i].Confirm = all[i].Ref.Kind == "Deployment"
			all[i].Live = all[i].Ref.Kind != "Service"
		}
		d.Resources = all
	})
	d := get(t, s, AppPath(key)+"/delete")
	d.wantText("form.ask", fmt.Sprintf("takes %d objects along", live-2), "1 object stays, being asked to be kept or another app’s, too: 1 ConfigMap.", "1 of them waits until somebody agrees")
	d.wantText("ul.kinds", "1 Deployment", "1 Ingress")
	d.wantCount("input[name=cascade]", 3)
	d.wantCount("input[name=cascade][value=foreground][checked]", 1)
	for _, typed := range []string{"", "shop", "SHOP-FRONTEND"} {
		d := post(t, s, AppPath(key)+"/delete", url.Values{"confirm": {typed}, "cascade": {"none"}})
		d.wantText("[role=alert]", "the name that was typed is not shop-frontend: nothing was done")
		d.wantCount("input[name=cascade][value=none][checked]", 1)
		if d.code != http.StatusUnprocessableEntity || len(b.Deeds()) > 0 {
			t.Errorf("%q typed: status %d, deeds %q", typed, d.code, b.Deeds())
		}
	}
	flux := get(t, s, AppPath(viewtest.Key(view.KindKustomization, "flux-system", "apps"))+"/delete")
	flux.wantCount("input[name=cascade]", 0)
	flux.wantText("form.ask", "Its objects stay, since it is suspended.")
}

// TestRemovalGoesOn: after the deed the app's page says how it goes, offers nothing that
// would be refused, and ends in one that says that the app is gone.
func TestRemovalGoesOn(t *testing.T) {
	b := viewtest.New()
	s := site(b, viewtest.Options{})
	key := sampleKey("shop-frontend")
	d := post(t, s, AppPath(key)+"/delete", url.Values{"confirm": {"shop-frontend"}, "cascade": {"foreground"}})
	after := d.head.Get("Location")
	d = get(t, s, after)
	d.wantText("#app-state .removal", "Being deleted", "still there", "1 Deployment", "Leave the rest…")
	d.wantText("#toasts", "Deletion requested")
	for _, below := range []string{"/sync", "/autosync", "/history"} {
		d.wantCount("#app-head .buttons a[href="+AppPath(key)+below+"]", 0)
	}
	d = get(t, s, AppPath(key)+"/delete")
	d.wantText("form.ask h2", "Leave the rest of shop-frontend?")
	d.wantCount("input[name=cascade]", 0)
	b.Remove(key)
	d = get(t, s, after)
	d.wantText("main", "shop-frontend is gone", "Its deletion is over")
	if d.code != http.StatusOK {
		t.Errorf("status %d", d.code)
	}
	// Nothing but a deed makes it say so, and it says no more of what is hidden.
	if d := get(t, s, AppPath(key)); d.code != http.StatusNotFound {
		t.Errorf("without a deed: status %d", d.code)
	}
	hidden := site(b, viewtest.Options{May: func(view.Verb, view.App) bool { return false }})
	if there, gone := text(get(t, hidden, AppPath(sampleKey("payments-api"))+"?done=delete-app").one("main")), text(get(t, hidden, AppPath(sampleKey("payments-apj"))+"?done=delete-app").one("main")); there != "payments-api"+gone[len("payments-apj"):] {
		t.Errorf("%q and %q", there, gone)
	}
}

// TestRareDeeds: they are in a menu, and who may none of them has none.
func TestRareDeeds(t *testing.T) {
	b := viewtest.New()
	key := sampleKey("shop-frontend")
	for verb, want := range map[view.Verb]string{view.VerbRefresh: "Hard refresh", view.VerbUpdate: "Automated sync…", view.VerbDelete: "Delete…", view.VerbSync: ""} {
		s := site(b, viewtest.Options{May: func(v view.Verb, _ view.App) bool { return v == verb || v == view.VerbGet }})
		d := get(t, s, AppPath(key))
		if want == "" {
			d.wantCount("#app-head .rare", 0)
			continue
		}
		d.wantText("#app-head .rare .items", want)
		if n := len(d.all("#app-head .rare .items .plain")); n != 1 {
			t.Errorf("who may %s only finds %d deeds", verb, n)
		}
	}
	flux := get(t, site(b, viewtest.Options{}), AppPath(model.AppKey{Dialect: "flux", Namespace: "flux-system", Name: "apps"}))
	flux.wantCount("#app-head .rare a[href="+AppPath(model.AppKey{Dialect: "flux", Namespace: "flux-system", Name: "apps"})+"/autosync]", 0)
}
