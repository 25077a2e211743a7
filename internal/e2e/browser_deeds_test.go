package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// browserContext is that of a running browser.
type browserContext = context.Context

// push has a commit arrive while somebody looks at the app: the page is told, is not
// loaded anew, and keeps its nodes.
func (d *day) push(t *testing.T) {
	d.synced("shop", "")
	d.open("/apps/application/argocd/shop")
	d.sees("#app-head", "Healthy")
	d.sees("#app-head", "Synced")
	d.until("the tree goes down to the pods", "document.querySelectorAll('a.node').length >= 7 && [...document.querySelectorAll('a.node title')].some(n => n.textContent.startsWith('Pod '))")
	d.mark("#app-facts")
	is[bool](d.tab, "(window.fixpointNodes = [...document.querySelectorAll('a.node')], true)")
	before := d.count()
	commit := d.env.push(d.repo, "Paint it green", map[string]string{"shop/settings.yaml": configMap("settings", "green")})
	d.sees("#app-facts .revision", commit[:7])
	d.sees("#app-facts .revision", "Paint it green")
	d.holds("shop", "settings", "key", "green")
	d.sees("#app-head", "Synced")
	d.sees("#app-state .operation", "Succeeded")
	d.marked("#app-facts")
	lost := is[[]string](d.tab, "fixpointNodes.filter(n => !n.isConnected).map(n => n.textContent)")
	if len(lost) > 0 {
		t.Errorf("nodes of the tree were replaced though the push did not touch them: %q", lost)
	}
	for _, r := range d.since(before) {
		if !strings.HasPrefix(r.URL, d.base+"/live?") {
			t.Errorf("the page asked for %s", r.URL)
		}
	}
}

// syncSome syncs one of three objects from the dialog, then all.
func (d *day) syncSome(t *testing.T) {
	d.open("/apps/application/argocd/ledger")
	d.sees("#app-head", "Out of sync")
	d.follow("#app-head a", "Sync…")
	d.sees("h2", "Sync ledger")
	d.click(".pick label", "settings")
	d.follow("button", "Sync")
	d.tab.at("/apps/application/argocd/ledger")
	d.mark("#app-state")
	d.sees("#app-state .operation", "Succeeded")
	d.sees("#app-state .operation", "by admin")
	d.marked("#app-state")
	d.holds("ledger", "settings", "key", "one")
	if err := d.absent(configMapKind, "ledger", "limits"); err != nil {
		t.Errorf("what was not selected was written, too: %v", err)
	}
	d.follow("#app-head a", "Sync…")
	d.follow("button", "Sync")
	d.sees("#app-head", "Synced")
	d.sees("#app-head", "Healthy")
	d.holds("ledger", "limits", "key", "10")
}

// diff reads what somebody changed by hand, and what a branch would change.
func (d *day) diff(t *testing.T) {
	d.open("/apps/application/argocd/ledger")
	d.mark("#app-head")
	d.edit(configMapKind, "ledger", "limits", `{"data":{"key":"999"}}`)
	d.sees("#app-head", "Out of sync")
	d.marked("#app-head")
	d.follow(".tabs a", "Diff")
	d.sees(".diff-sum", "1 object")
	d.sees(".diff-object", "limits")
	lines := is[[]string](d.tab, "[...document.querySelectorAll('tr.add, tr.del')].map(r => r.innerText.replace(/\\s+/g, ' ').trim())")
	if text := strings.Join(lines, "\n"); !strings.Contains(text, "999") || !strings.Contains(text, "10") {
		t.Errorf("the diff is\n%s", text)
	}
	other := configMap("settings", "from the branch")
	if _, err := d.git.Commit(t.Context(), "myorg/"+d.repo, "proposal", "Propose", map[string]*string{"ledger/settings.yaml": &other}); err != nil {
		t.Fatal(err)
	}
	d.write("input[name=revision]", "proposal")
	d.follow("button", "Compare")
	d.sees(".diff-object", "from the branch")
}

// rollBack goes back to what was deployed before.
func (d *day) rollBack(*testing.T) {
	commit := d.env.push(d.repo, "Raise the limits", map[string]string{"ledger/limits.yaml": configMap("limits", "20")})
	d.shows("ledger", map[string]string{"sync.status": "OutOfSync", "sync.revision": commit})
	d.open("/apps/application/argocd/ledger/sync")
	d.follow("button", "Sync")
	d.holds("ledger", "limits", "key", "20")
	d.sees("#app-state .operation", "Succeeded")
	d.follow(".tabs a", "History")
	d.sees(".deployments li.current", "Raise the limits")
	d.follow(".deployments a", "Roll back…")
	d.sees("h2", "Roll ledger back?")
	d.follow("button", "Roll back")
	d.tab.at("/apps/application/argocd/ledger")
	d.sees("#app-state .operation", "rollback")
	d.sees("#app-state .operation", "Succeeded")
	d.holds("ledger", "limits", "key", "10")
}

// object looks at a Deployment, its manifests and owners, and restarts it.
func (d *day) object(t *testing.T) {
	d.open("/apps/application/argocd/shop")
	d.follow("a.node", "Deployment web")
	d.sees("h1", "web")
	for tab, want := range map[string]string{
		"Live manifest": "registry.example/shop:1.0.0", "Declared manifest": "registry.example/shop:1.0.0",
		"Field owners": "argocd-controller", "Events": "ScalingReplicaSet",
	} {
		d.follow(".tabs a", tab)
		d.sees("#object-body", want)
	}
	d.follow(".tabs a", "Overview")
	uids := d.pods("shop")
	d.click(".buttons button", "Restart")
	d.sees("#toasts", "Restart")
	d.eventually("the pods are others", func() error {
		for uid := range d.pods("shop") {
			if uids[uid] {
				return errors.New("one of them is there still")
			}
		}
		return nil
	})
	d.open("/apps/kustomization/flux-system/podinfo/resource?group=&kind=Secret&namespace=podinfo&name=podinfo")
	d.follow(".tabs a", "Live manifest")
	d.sees("pre.yaml", "token")
	if html := is[string](d.tab, "document.documentElement.outerHTML"); strings.Contains(html, "the-secret-of-podinfo") || strings.Contains(html, "dGhlLXNlY3JldC1vZi1wb2RpbmZv") {
		t.Errorf("the page has the value of a Secret")
	}
}

// pods are the UIDs of those of a namespace.
func (d *day) pods(namespace string) map[string]bool {
	d.env.t.Helper()
	r, err := d.cluster.kind(podKind, namespace)
	if err != nil {
		d.env.t.Fatal(err)
	}
	all, err := r.List(d.env.t.Context(), metav1.ListOptions{})
	if err != nil {
		d.env.t.Fatal(err)
	}
	uids := map[string]bool{}
	for _, o := range all.Items {
		uids[string(o.GetUID())] = true
	}
	return uids
}

// log follows the lines of a pod.
func (d *day) log(t *testing.T) {
	d.open("/apps/application/argocd/shop")
	d.follow("a.node", "Deployment web")
	d.follow(".buttons a", "Logs")
	d.sees("[data-lines]", "this log is synthetic")
	d.sees("[data-state]", "Following")
	d.mark("[data-lines] li")
	lines := is[int](d.tab, "document.querySelectorAll('[data-lines] li').length")
	d.until("a line arrives", "document.querySelectorAll('[data-lines] li').length > a1", lines)
	d.sees("[data-lines] li:last-child", "running for")
	d.marked("[data-lines] li")
	if again := is[[]string](d.tab, twice, "[data-lines] li"); len(again) > 0 {
		t.Errorf("these lines stand there twice: %q", again)
	}
	d.write("input[name=q]", "running for")
	d.enterLeads()
	d.misses("[data-lines]", "this log is synthetic")
	d.sees("[data-lines] li", "running for")
}

// enterLeads presses Enter, which leads to another page.
func (d *day) enterLeads() {
	d.tab.t.Helper()
	is[bool](d.tab, "window.fixpointBefore = true")
	d.keys(kb.Enter)
	d.until("Enter leads to another page", "!window.fixpointBefore && document.readyState === 'complete'")
}

// suspend stops a Kustomization, and lets it go on.
func (d *day) suspend(*testing.T) {
	d.open("/apps/kustomization/flux-system/podinfo")
	d.sees("#app-head", "Healthy")
	d.mark("#app-head")
	d.click("#app-head button", "Suspend")
	d.sees("#app-head button", "Resume")
	d.sees("#app-head .status", "Suspended")
	d.eventually("it is written", func() error {
		return d.field(kustomizationKind, "flux-system", "podinfo", true, "spec", "suspend")
	})
	d.expect("409")
	d.click("#app-head button", "Refresh")
	d.sees("#toasts", "resume it first")
	d.expect()
	d.click("#app-head button", "Resume")
	d.sees("#app-head button", "Suspend")
	d.eventually("it goes on", func() error {
		o := d.get(kustomizationKind, "flux-system", "podinfo")
		if at(o, "spec", "suspend") == "true" {
			return fmt.Errorf("spec: %v", o.Object["spec"])
		}
		return nil
	})
	d.marked("#app-head")
}

// bulk refreshes what is ticked.
func (d *day) bulk(t *testing.T) {
	d.open("/apps?kind=Application&q=name:billing-00*")
	before := d.names()
	d.click("#apps-list tbody .tick", "")
	d.sees("#bulk", "1 selected")
	d.click("#apps-list thead .tick", "")
	d.sees("#bulk", fmt.Sprintf("%d selected", len(before)))
	d.click("#bulk button", "Refresh")
	d.sees("#toasts", "Refresh requested")
	if done := is[int](d.tab, "document.querySelectorAll('#toasts .results li.good').length"); done != len(before) {
		t.Errorf("%d of %d apps were refreshed: %s", done, len(before), is[string](d.tab, "document.querySelector('#toasts').innerText"))
	}
}

// activity has what was done in this story, and who did it, and grows by itself.
func (d *day) activity(*testing.T) {
	d.open("/activity")
	for _, text := range []string{"ledger", "shop", "admin"} {
		d.sees("#activity-list", text)
	}
	d.mark("#activity-list")
	commit := d.env.push(d.repo, "Paint it red", map[string]string{"shop/settings.yaml": configMap("settings", "red")})
	d.sees("#activity-list .event", commit[:7])
	d.marked("#activity-list")
	for _, action := range []string{"login", "sync", "rollback", "list"} {
		d.open("/audit?action=" + action)
		for _, text := range []string{action, "admin", "127.0.0.1"} {
			d.sees("#audit-list", text)
		}
	}
}
