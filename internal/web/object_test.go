package web

import (
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
	"github.com/fixpoint-cd/fixpoint/internal/view/viewtest"
)

func TestYAML(t *testing.T) {
	object := map[string]any{
		"kind": "ConfigMap", "empty": map[string]any{}, "none": []any{}, "null": nil, "yes": "yes", "number": "12", "float": 1.5, "truth": true,
		"script": "set -e\necho \"$1\"\n", "odd": "  indented\nmore", "trailing": "text\n\n", "colon": "a: b", "unicode": "häß\u202e",
		"tabs": "a\n\tb", "list": []any{"a", map[string]any{"b": 1, "c": []any{"d", map[string]any{"e": "f"}}}, []any{1, 2}, map[string]any{}},
		"time": "2026-11-20", "hex": "0x1f", "octal": "0o17", "exp": "1e3", "dash": "-", "hash": "a #b", "star": "*a", "~": "~", "x.y/z": "", "q": `"`,
		strings.Repeat("long", 300): map[string]any{strings.Repeat("\n", 600): []any{map[string]any{strings.Repeat("k", 1024): "v"}}},
		"secret":                    "(hidden value 3)", "control": "a\x00b", "crlf": "a\r\nb",
	}
	text := yamlText(object)
	var got map[string]any
	if err := yaml.Unmarshal([]byte(text), &got); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	want := maps.Clone(object)
	want["list"] = []any{"a", map[string]any{"b": 1.0, "c": []any{"d", map[string]any{"e": "f"}}}, []any{1.0, 2.0}, map[string]any{}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what was written is not what is read:\n%s\n%s", diff, text)
	}
}

// Whatever the texts, what is written is read as the same.
func FuzzYAML(f *testing.F) {
	for _, s := range []string{"", "a: b", "- x", "|\n a", "a\n b\n", "1_000", "0b1", "=", "!!binary x", "a\u2028b", "\ufeff", "a \n", "'", "? x", "%a", "@", "`", "a\n---\nb", "...\n", "... a", "***", "+++"} {
		f.Add(s, s)
	}
	f.Add(strings.Repeat("\n", 1100), "a\nb")
	f.Fuzz(func(t *testing.T, key, value string) {
		if !utf8Text(key) || !utf8Text(value) || key == "<<" {
			t.Skip()
		}
		object := map[string]any{key: value, "in": map[string]any{key: []any{value, map[string]any{key: value}}}}
		text := yamlText(object)
		var got map[string]any
		if err := yaml.Unmarshal([]byte(text), &got); err != nil {
			t.Fatalf("%v in\n%q", err, text)
		}
		if diff := cmp.Diff(object, got); diff != "" {
			t.Errorf("%s in\n%q", diff, text)
		}
	})
}

func utf8Text(s string) bool { return strings.ToValidUTF8(s, "") == s }

func TestYAMLIsBounded(t *testing.T) {
	data := map[string]any{}
	for i := range 50 {
		data[strings.Repeat("k", i+1)] = "v\nw\n"
	}
	lines, more := yamlLines(data, 10)
	if len(lines) != 10 || !more {
		t.Errorf("%d lines, more %t", len(lines), more)
	}
	if lines, more = yamlLines(data, 150); len(lines) != 150 || more {
		t.Errorf("%d lines, more %t", len(lines), more)
	}
}

func TestObjectPage(t *testing.T) {
	b := viewtest.New()
	s := site(b, viewtest.Options{})
	app := sampleKey("payments-api")
	deployment, pod, secret := findNode(t, b, app, "Deployment").Ref, findNode(t, b, app, "Pod").Ref, findNode(t, b, app, "Secret").Ref

	d := get(t, s, pathOf(app, "resource", deployment))
	d.wantText("section.note.bad", "Why it is degraded", "1 of 2 pods are ready", "Back-off restarting failed container api")
	d.wantCount("#object-head form", 2) // restart and pause; to scale asks first
	d.wantCount("#object-head button[disabled]", 1)
	get(t, s, pathOf(app, "resource", pod)).wantText("#object-head .buttons", "Logs", "Delete…")
	get(t, s, pathOf(app, "resource", deployment, "show", "fields")).wantText("ul.owners", "this app", ".spec.selector", "kube-controller-manager")
	live := get(t, s, pathOf(app, "resource", secret, "show", "live"))
	live.wantText("pre.yaml", "(hidden value 1)", "kind")
	live.wantCount("pre.yaml i.m", 2)

	saved := get(t, s, pathOf(app, "resource/yaml", deployment, "show", "live"))
	if got := saved.head.Get("Content-Disposition"); got != `attachment; filename="Deployment-api.yaml"` {
		t.Errorf("disposition %q", got)
	}
	if kind := saved.head.Get("Content-Type"); !strings.HasPrefix(kind, "application/yaml") || !strings.Contains(string(saved.body), "kind: Deployment\n") {
		t.Errorf("%s: %s", kind, saved.body)
	}
	if d := get(t, s, AppPath(app)+"/resource?kind=Pod"); d.code != http.StatusUnprocessableEntity {
		t.Errorf("an object without a name: status %d", d.code)
	}
	if d := get(t, s, AppPath(app)+"/resource?kind=Pod&name=none"); d.code != http.StatusNotFound {
		t.Errorf("an object that does not exist: status %d", d.code)
	}
}

func TestActions(t *testing.T) {
	app := sampleKey("payments-api")
	for name, c := range map[string]struct {
		form url.Values
		code int
		want []string
		say  string
	}{
		"restart": {url.Values{"action": {"restart"}}, http.StatusSeeOther, []string{"act argo/argocd/payments-api by admin restart Deployment.apps/payments/api"}, ""},
		"scale": {
			url.Values{"action": {"scale"}, "param.replicas": {"3"}}, http.StatusSeeOther,
			[]string{"act argo/argocd/payments-api by admin scale Deployment.apps/payments/api replicas=3"}, "",
		},
		"refused": {
			url.Values{"action": {"resume"}}, http.StatusUnprocessableEntity,
			[]string{"act argo/argocd/payments-api by admin resume Deployment.apps/payments/api"}, "it is not paused",
		},
		"none": {url.Values{"action": {"explode"}}, http.StatusNotFound, nil, "Not here"},
	} {
		t.Run(name, func(t *testing.T) {
			b := viewtest.New()
			form := objectQuery(findNode(t, b, app, "Deployment").Ref.ObjectKey)
			maps.Copy(form, c.form)
			s := site(b, viewtest.Options{})
			d := post(t, s, AppPath(app)+"/resource/action", form)
			if c.code == http.StatusSeeOther {
				get(t, s, d.head.Get("Location")).wantText("#toasts", "The action was done")
			} else {
				d.sound()
				d.wantText("main", c.say)
			}
			if d.code != c.code || !slices.Equal(b.Deeds(), c.want) {
				t.Errorf("status %d, deeds %q", d.code, b.Deeds())
			}
		})
	}
}

// Who is about to do what the app takes back at once is told before.
func TestActionsThatAreUndone(t *testing.T) {
	app := sampleKey("payments-api")
	for name, c := range map[string]struct {
		action string
		edit   func(*view.Detail)
		want   int
	}{
		"scale":                 {"scale", func(d *view.Detail) { d.Auto, d.SelfHeal = true, true }, 1},
		"scale without healing": {"scale", func(d *view.Detail) { d.SelfHeal = false }, 0},
		"not declared":          {"pause", func(d *view.Detail) { d.Auto, d.SelfHeal = true, true }, 0},
		"nothing of the spec":   {"restart", func(d *view.Detail) { d.Auto, d.SelfHeal = true, true }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			b := viewtest.New()
			b.Edit(app, c.edit)
			s := site(b, viewtest.Options{})
			d := get(t, s, pathOf(app, "resource/action", findNode(t, b, app, "Deployment").Ref, "action", c.action))
			d.sound()
			d.wantCount("form.ask .note.warn", c.want)
		})
	}
}

func TestDelete(t *testing.T) {
	b := viewtest.New()
	s := site(b, viewtest.Options{})
	app := sampleKey("payments-api")
	ref := findNode(t, b, app, "Service").Ref
	get(t, s, pathOf(app, "resource/delete", ref)).wantText("form.ask", "Delete Service api?", "namespace payments", "creates it anew")
	d := post(t, s, AppPath(app)+"/resource/delete", objectQuery(ref.ObjectKey))
	there := get(t, s, d.head.Get("Location"))
	there.sound()
	there.wantText("#toasts", "The object was deleted")
	if page := attr(there.one("#live"), "data-page"); page != AppPath(app) {
		t.Errorf("the page calls itself %s", page)
	}
	if want := "delete argo/argocd/payments-api by admin Service/payments/api"; d.code != http.StatusSeeOther || !slices.Equal(b.Deeds(), []string{want}) {
		t.Errorf("status %d, deeds %q", d.code, b.Deeds())
	}
}

// Addresses say by a code what was done; nothing of them is shown.
func TestNotices(t *testing.T) {
	h := site(viewtest.New(), viewtest.Options{})
	for query, want := range map[string]string{
		"done=sync": "Sync requested", "done=refresh&q=shop": "Refresh requested", "done=You+won": "", "done=": "", "q=sync": "",
	} {
		d := get(t, h, "/apps?"+query)
		d.sound()
		if got := text(d.one("#toasts")); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
		if strings.Contains(string(d.body), "You won") || strings.Contains(string(d.body), "done=") {
			t.Errorf("%s is in the page", query)
		}
	}
	for address, want := range map[string]string{
		"/apps?q=a&done=sync": "/apps?done=hard&q=a", "": "/apps?done=hard", "//evil.example/": "/apps?done=hard", "/a%2Fb": "/a%2Fb?done=hard",
	} {
		if got := after(address, "hard"); got != want {
			t.Errorf("after %q: %q, want %q", address, got, want)
		}
	}
}

// Each object of the diff has its lines, and what hides values hides them here.
func TestDiffPage(t *testing.T) {
	b := viewtest.New()
	s := site(b, viewtest.Options{})
	app := AppPath(sampleKey("payments-ledger"))
	d := get(t, s, app+"/diff")
	d.wantCount("details.diff-object", 5)
	d.wantText(".diff-sum", "5 objects", "1 would fail", "1 unchanged")
	d.wantText("details.diff-object [role=alert]", "A sync would fail here", "immutable")
	if added, removed := len(d.all("tr.add")), len(d.all("tr.del")); added != 7 || removed != 7 {
		t.Errorf("%d lines added, %d removed", added, removed)
	}
	get(t, s, app+"/diff?noise=1").wantCount("details.diff-object", 6)
	split := get(t, s, app+"/diff?split=1")
	split.wantCount("details.diff-object", 5)
	// The one that stays has no lines, and no empty table that the focus would go to.
	split.wantCount("details.diff-object table.split", 4)
	split.wantCount("details.diff-object .scroll", 4)
	sts := findNode(t, b, sampleKey("payments-ledger"), "StatefulSet").Ref
	one := get(t, s, pathOf(sampleKey("payments-ledger"), "diff", sts))
	one.wantCount("details.diff-object", 1)
	one.wantText("main", "All objects", "replicas: 5", "replicas: 2")
	none := get(t, s, AppPath(sampleKey("shop-cart"))+"/diff")
	none.wantText("#diff-body .empty", "Nothing to change")
	nowhere := get(t, s, app+"/diff?revision=nowhere")
	nowhere.wantText("#diff-body [role=alert]", `there is no revision "nowhere"`)
	branch := get(t, s, app+"/diff?revision=try-it")
	branch.wantText(".diff-bar", "try-it", "Try try-it")
	if v := attr(branch.one("input[name=revision]"), "value"); v != "try-it" {
		t.Errorf("the box has %q", v)
	}
}

func TestLeftObjectsSayWhy(t *testing.T) {
	for want, o := range map[string]view.ObjectDiff{
		"stays, because pruning is off": {Action: model.ActionLeave, Reason: "no longer declared; pruning is off"},
		"stays: it says Prune=false":    {Action: model.ActionLeave, Reason: "it says Prune=false"},
		"":                              {Action: model.ActionDelete, Reason: "no longer declared"},
	} {
		if got := (diffObject{ObjectDiff: o}).Stays(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestSideBySide(t *testing.T) {
	lines := []view.Line{
		{Op: ' ', Text: "a", Old: 1, New: 1}, {Op: '-', Text: "b", Old: 2}, {Op: '-', Text: "c", Old: 3},
		{Op: '+', Text: "d", New: 2}, {Op: ' ', Text: "e", Old: 4, New: 3}, {Op: '+', Text: "f", New: 4},
	}
	var got []string
	for _, r := range sideBySide(lines) {
		side := func(l *view.Line) string {
			if l == nil {
				return "."
			}
			return l.Text
		}
		got = append(got, side(r.Before)+side(r.After))
	}
	if want := []string{"aa", "bd", "c.", "ee", ".f"}; !slices.Equal(got, want) {
		t.Errorf("rows %q, want %q", got, want)
	}
}

// A diff of very many lines names the objects beyond them.
func TestLongDiffsAreCut(t *testing.T) {
	b := viewtest.New()
	app := sampleKey("shop-frontend")
	var diff view.Diff
	for _, name := range []string{"a", "b", "c", "d"} {
		hunk := view.Hunk{}
		for i := range 1000 {
			hunk.Lines = append(hunk.Lines, view.Line{Op: '+', Text: "line", New: i + 1})
		}
		diff.Objects = append(diff.Objects, view.ObjectDiff{Ref: viewtest.Ref("ConfigMap", "shop", name), Hunks: []view.Hunk{hunk}, Added: 1000})
	}
	b.SetDiff(app, diff)
	d := get(t, site(b, viewtest.Options{}), AppPath(app)+"/diff")
	d.wantCount("details.diff-object", 4)
	d.wantCount("details.diff-object[open]", 3)
	if n := len(d.all("tr.add")); n != diffLines {
		t.Errorf("%d lines", n)
	}
}

// A diff says who besides the app set what differs, when, and a few of the fields.
func TestDiffNamesOthers(t *testing.T) {
	b := viewtest.New()
	app := sampleKey("shop-frontend")
	many := []string{"spec.a", "spec.b", "spec.c", "spec.d", "spec.e", "spec.f", "spec.g"}
	b.SetDiff(app, view.Diff{Objects: []view.ObjectDiff{
		{Ref: viewtest.Ref("Deployment", "shop", "web"), Action: model.ActionUpdate, SetBy: []view.FieldOwner{
			{Manager: "kubectl-edit", Time: viewtest.Now.Add(-5 * time.Minute), Fields: []string{"spec.replicas"}}, {Manager: "autoscaler", Fields: many},
		}},
		{Ref: viewtest.Ref("Service", "shop", "web"), Action: model.ActionUpdate},
	}})
	d := get(t, site(b, viewtest.Options{}), AppPath(app)+"/diff")
	said := d.all(".set-by")
	if len(said) != 2 {
		t.Fatalf("%d are named, want 2", len(said))
	}
	for i, want := range []string{
		"kubectl-edit set spec.replicas in the cluster 5m ago", "autoscaler set spec.a , spec.b , spec.c , spec.d , spec.e and 2 more in the cluster",
	} {
		if got := text(said[i]); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// What a hunk is within stands before it; objects that stay lead to what they are.
func TestDiffSaysWhere(t *testing.T) {
	b := viewtest.New()
	app := sampleKey("shop-frontend")
	lines := []view.Line{{Op: '-', Text: "a: 1", Old: 9}, {Op: '+', Text: "a: 2", New: 9}}
	b.SetDiff(app, view.Diff{Objects: []view.ObjectDiff{
		{Ref: viewtest.Ref("Deployment", "shop", "web"), Action: model.ActionUpdate, Hunks: []view.Hunk{{Lines: lines}, {Lines: lines, Within: "spec.containers[web]"}}},
		{Ref: viewtest.Ref("ConfigMap", "shop", "old"), Action: model.ActionLeave, Reason: "no longer declared; pruning is off"},
	}})
	s := site(b, viewtest.Options{})
	for _, form := range []string{"", "?split=1"} {
		d := get(t, s, AppPath(app)+"/diff"+form)
		d.wantText("tr.place", "spec.containers[web]")
		d.wantCount("a[href="+pathOf(app, "resource", viewtest.Ref("ConfigMap", "shop", "old"))+"&show=live]", 1)
	}
}

// TestSecurityDeepYAML: an object that is very deep does not become a text that is much
// longer than it, and stays YAML.
func TestSecurityDeepYAML(t *testing.T) {
	var deep any = "bottom"
	for i := range 600 {
		if deep = any(map[string]any{"a": deep}); i%3 == 0 {
			deep = []any{deep}
		}
	}
	object := map[string]any{"spec": deep}
	text := yamlText(object)
	if len(text) > 30_000 {
		t.Errorf("%d bytes", len(text))
	}
	var again map[string]any
	if err := yaml.Unmarshal([]byte(text), &again); err != nil || !reflect.DeepEqual(object, again) {
		t.Errorf("it is another object: %v", err)
	}
}
