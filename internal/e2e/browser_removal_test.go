package e2e

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// TestBrowserRemoval is what is seldom done with an app: to switch its automated sync, and
// to delete it, in a real browser and on a real cluster.
func TestBrowserRemoval(t *testing.T) {
	browser := newBrowser(t)
	i := newHouse(t)
	i.repo = i.env.repo("shop", map[string]string{
		"ledger/settings.yaml": configMap("settings", "one"),
		"ledger/limits.yaml":   configMap("limits", "10"),
		"ledger/kept.yaml": strings.Replace(configMap("kept", "1"), "metadata: {",
			"metadata: {annotations: {argocd.argoproj.io/sync-options: Delete=false}, ", 1),
		"podinfo/settings.yaml": strings.Replace(configMap("settings", "one"), "name: settings", "name: settings, namespace: podinfo", 1),
		"root/child.yaml":       application("child", "shop", "podinfo", "shop"),
	})
	i.apply(manual("ledger", i.repo, "ledger", "ledger"))
	i.apply(gitRepository(i.repo) + "---\n" + kustomization("podinfo", i.repo, "./podinfo", ""))
	d := &day{installation: i, browser: browser, tab: newTab(browser, t, i.wire.url())}
	d.open("/apps/application/argocd/ledger")
	d.enter("/apps/application/argocd/ledger")
	d.part(t, "switch automated sync on", d.automate)
	d.part(t, "delete an app", d.remove)
	d.part(t, "delete one of Flux's", d.removeFlux)
	d.part(t, "what another app declares comes back", d.removeChild)
}

// automate switches automated sync on with the keyboard alone: the app syncs.
func (d *day) automate(t *testing.T) {
	d.sees("#app-head", "Out of sync")
	d.sees("#app-facts", "by hand")
	is[bool](d.tab, "(document.querySelector('#app-head .rare summary').focus(), true)")
	d.keys(kb.Enter)
	d.sees("#app-head .rare .items", "Automated sync…")
	for _, v := range d.violations() {
		t.Errorf("axe finds in the open menu: %s: %s %q", v.Rule, v.Help, v.Places)
	}
	d.keys(kb.Escape)
	d.misses("#app-head .rare .items", "Automated sync…")
	d.keys(kb.Enter)
	d.keys(kb.Tab + kb.Tab)
	d.until("Tab leads to it", "document.activeElement.textContent.includes('Automated sync')")
	d.enterLeads()
	d.tab.at("/apps/application/argocd/ledger/autosync")
	d.click(".ticks label", "Sync automatically")
	d.click(".ticks label", "Self-heal")
	d.follow("form.ask button", "Save")
	d.tab.at("/apps/application/argocd/ledger")
	d.sees("#toasts", "Automated sync is on")
	d.sees("#app-facts", "automatic, repairs drift")
	d.sees("#app-head", "Synced")
	d.holds("ledger", "limits", "key", "10")
	d.env.push(d.repo, "Raise the limits", map[string]string{"ledger/limits.yaml": configMap("limits", "20")})
	d.holds("ledger", "limits", "key", "20")
}

// remove deletes an app one of whose objects does not go, until it does.
func (d *day) remove(t *testing.T) {
	d.edit(configMapKind, "ledger", "limits", `{"metadata":{"finalizers":["example.com/hold"]}}`)
	d.open("/apps/application/argocd/ledger")
	d.click("#app-head .rare summary", "")
	d.follow("#app-head .rare a", "Delete…")
	d.sees("form.ask", "takes 2 objects along")
	d.sees("ul.kinds", "2 ConfigMap")
	d.sees("form.ask", "1 object stays")
	d.expect("422")
	d.write("input[name=confirm]", "shop")
	d.follow("form.ask button", "Delete")
	d.sees("[role=alert]", "nothing was done")
	d.expect()
	d.write("input[name=confirm]", "ledger")
	d.follow("form.ask button", "Delete")
	d.tab.at("/apps/application/argocd/ledger")
	d.sees("#app-head", "Being deleted")
	d.sees(".removal", "1 object is still there: 1 ConfigMap.")
	d.sees(".removal", "It waits for")
	d.mark("#main")
	d.edit(configMapKind, "ledger", "limits", `{"metadata":{"finalizers":null}}`)
	d.sees(".gone h1", "ledger is gone")
	d.marked("#main")
	for _, v := range d.violations() {
		t.Errorf("axe finds in what is left: %s: %s %q", v.Rule, v.Help, v.Places)
	}
	for _, name := range []string{"settings", "limits"} {
		if err := d.absent(configMapKind, "ledger", name); err != nil {
			t.Error(err)
		}
	}
	d.holds("ledger", "kept", "key", "1")
	d.follow(".gone a", "What happened")
	d.sees("#activity-list", "ledger")
	d.open("/audit")
	d.sees("#audit-list", "autosync")
}

// removeFlux deletes a Kustomization, which prunes.
func (d *day) removeFlux(t *testing.T) {
	d.holds("podinfo", "settings", "key", "one")
	d.open("/apps/kustomization/flux-system/podinfo")
	d.sees("#app-head", "Synced")
	d.open("/apps/kustomization/flux-system/podinfo/delete")
	d.sees("form.ask", "It takes 1 object along")
	d.write("input[name=confirm]", "podinfo")
	d.follow("form.ask button", "Delete Kustomization")
	d.sees(".gone h1", "podinfo is gone")
	if err := d.absent(configMapKind, "podinfo", "settings"); err != nil {
		t.Error(err)
	}
}

// removeChild deletes an app that another one declares: that is told beforehand, and so
// it is.
func (d *day) removeChild(t *testing.T) {
	d.apply(application("root", d.repo, "root", "argocd"))
	d.synced("child", "")
	uid := d.app("child").GetUID()
	d.open("/apps/application/argocd/child")
	d.sees("#app-facts", "from Application argocd/root")
	d.open("/apps/application/argocd/child/autosync")
	d.sees(".note", "Application argocd/root declares this app in Git.")
	d.sees(".note", "It declares prune, self-heal, and takes a change of that back at once.")
	d.click(".ticks label", "Self-heal")
	d.follow("form.ask button", "Save")
	d.eventually("it is taken back", func() error {
		return d.field(applicationKind, "argocd", "child", true, "spec", "syncPolicy", "automated", "selfHeal")
	})
	d.open("/apps/application/argocd/child/delete")
	d.sees(".note", "and makes it anew at once")
	d.click(".ticks label", "Leave them")
	d.write("input[name=confirm]", "child")
	d.follow("form.ask button", "Delete")
	d.eventually("it is made anew", func() error {
		o := d.get(applicationKind, "argocd", "child")
		switch {
		case o == nil:
			return errors.New("it is not there")
		case o.GetUID() == uid:
			return fmt.Errorf("it is the same one: %s", brief(o))
		}
		return nil
	})
	d.holds("podinfo", "settings", "key", "one")
}
