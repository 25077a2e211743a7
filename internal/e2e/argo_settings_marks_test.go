package e2e

import (
	"fmt"
	"maps"
	"strings"
	"testing"
)

const (
	trackingID     = "argocd.argoproj.io/tracking-id"
	installationID = "argocd.argoproj.io/installation-id"
	instanceLabel  = "app.kubernetes.io/instance"
)

// uids are those of all objects of a namespace that an app deploys.
func (e *env) uids(namespace string) map[string]string {
	e.t.Helper()
	out := map[string]string{}
	for k, v := range e.resourceVersions(namespace) {
		out[k], _, _ = strings.Cut(v, " ")
	}
	for _, of := range []string{"ConfigMap/kube-root-ca.crt", "ServiceAccount/default"} {
		delete(out, of)
	}
	return out
}

// marked waits until an object bears these marks; "" is none.
func (e *env) marked(namespace, name string, label, value, tracking string) {
	e.t.Helper()
	e.eventually(name+" is marked", func() error {
		o := e.get(configMapKind, namespace, name)
		if got := o.GetLabels()[label]; got != value {
			return errorf("label %s is %q, want %q", label, got, value)
		}
		if got := o.GetAnnotations()[trackingID]; got != tracking {
			return errorf("tracking id is %q, want %q", got, tracking)
		}
		return nil
	})
}

// refresh has an app looked at now, and waits until it was.
func (e *env) refresh(app string) {
	e.t.Helper()
	e.edit(applicationKind, "argocd", app, `{"metadata":{"annotations":{"argocd.argoproj.io/refresh":"normal"}}}`)
	e.eventually(app+" is refreshed", func() error {
		return e.field(applicationKind, "argocd", app, nil, "metadata", "annotations", "argocd.argoproj.io/refresh")
	})
}

// TestSettingsTracking switches between the ways of marking objects while apps are
// deployed: no object is deleted, made anew or shown as drift for it, each bears the
// new marks in the end, and what leaves the source is pruned by whichever mark it has.
func TestSettingsTracking(t *testing.T) {
	e := newEnv(t)
	e.forgetSettings()
	files := handed("track")
	for i := range 6 {
		name := fmt.Sprintf("gone-%d", i)
		files[name+".yaml"] = configMap(name, "1")
	}
	files["c.yaml"] = configMap("track-c", "1")
	repo := e.repo("track", files)
	e.apply(application("track", repo, ".", "track"))
	e.synced("track", "")
	// An app without automation beside it: nobody syncs it for the sake of marks.
	byHand := e.repo("track-hand", map[string]string{"c.yaml": configMap("hand-c", "1"), "d.yaml": configMap("hand-d", "1")})
	e.apply(manual("track-hand", byHand, ".", "track"))
	e.shows("track-hand", map[string]string{"sync.status": "OutOfSync"})
	e.operate("track-hand", "alice", `{}`, "Succeeded")
	// Nor is one that nobody repairs taken for drifted.
	lax := e.repo("track-lax", map[string]string{"c.yaml": configMap("lax-c", "1"), "d.yaml": configMap("lax-d", "1")})
	e.apply(strings.Replace(application("track-lax", lax, ".", "track"), ", selfHeal: true", "", 1))
	e.synced("track-lax", "")
	before := e.uids("track")
	id := func(app, name string) string { return app + ":/ConfigMap:track/" + name }

	for i, way := range []struct {
		settings               map[string]string
		label, value, tracking string
	}{
		{map[string]string{"application.resourceTrackingMethod": "label"}, instanceLabel, "track", ""},
		{map[string]string{"application.resourceTrackingMethod": "annotation+label"}, instanceLabel, "track", id("track", "track-c")},
		{map[string]string{"application.resourceTrackingMethod": "label", "application.instanceLabelKey": "example.com/app"}, "example.com/app", "track", ""},
		{map[string]string{}, "example.com/app", "", id("track", "track-c")},
		{map[string]string{"application.resourceTrackingMethod": "annotation"}, instanceLabel, "", id("track", "track-c")},
	} {
		e.settings(way.settings)
		e.marked("track", "track-c", way.label, way.value, way.tracking)
		e.synced("track", "")
		for _, app := range []string{"track-hand", "track-lax"} {
			e.refresh(app)
			if got := at(e.app(app), "status", "sync", "status"); got != "Synced" {
				t.Errorf("%v: %s is %s: %s", way.settings, app, got, brief(e.app(app)))
			}
		}
		if after := e.uids("track"); !maps.Equal(before, after) {
			t.Fatalf("%v: objects are %v, were %v", way.settings, after, before)
		}
		gone := fmt.Sprintf("gone-%d", i)
		commit := e.push(repo, "less", map[string]string{gone + ".yaml": ""})
		e.eventually(gone+" is pruned", func() error { return e.absent(configMapKind, "track", gone) })
		e.synced("track", commit)
		delete(before, "ConfigMap/"+gone)
		if after := e.uids("track"); !maps.Equal(before, after) {
			t.Fatalf("%v: after a prune the objects are %v, want %v", way.settings, after, before)
		}
	}
	e.push(lax, "less", map[string]string{"d.yaml": "", "c.yaml": configMap("lax-c", "2")})
	e.eventually("pruned", func() error { return e.absent(configMapKind, "track", "lax-d") })
	e.synced("track-lax", "")
	commit := e.push(byHand, "less", map[string]string{"d.yaml": "", "c.yaml": configMap("hand-c", "2")})
	e.shows("track-hand", map[string]string{"sync.status": "OutOfSync", "sync.revision": commit})
	e.operate("track-hand", "bob", `{"prune":true}`, "Succeeded")
	e.eventually("pruned", func() error { return e.absent(configMapKind, "track", "hand-d") })
}

// TestSettingsMovingApart switches the way of marking and what the source declares at
// once: what has left the source still bears the old mark, and is pruned.
func TestSettingsMovingApart(t *testing.T) {
	e := newEnv(t)
	e.forgetSettings()
	e.settings(map[string]string{"application.resourceTrackingMethod": "label"})
	repo := e.repo("apart", map[string]string{"a.yaml": configMap("apart-a", "1"), "b.yaml": configMap("apart-b", "1")})
	e.apply(application("apart", repo, ".", "apart"))
	e.synced("apart", "")
	e.marked("apart", "apart-b", instanceLabel, "apart", "")
	e.stopController()
	// A Helm chart's own label on somebody else's object is no mark now.
	e.apply("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: apart-x, namespace: apart, labels: {" + instanceLabel + ": apart}}\ndata: {key: mine}\n")
	e.settings(map[string]string{"application.resourceTrackingMethod": "annotation"})
	commit := e.push(repo, "less", map[string]string{"b.yaml": ""})
	e.startController()
	e.eventually("pruned", func() error { return e.absent(configMapKind, "apart", "apart-b") })
	e.synced("apart", commit)
	e.marked("apart", "apart-a", instanceLabel, "", "apart:/ConfigMap:apart/apart-a")
	e.holds("apart", "apart-x", "key", "mine")
}

// TestSettingsInstallation shares a cluster with another installation that has an app
// of the same name: each keeps to the objects that bear its ID.
func TestSettingsInstallation(t *testing.T) {
	e := newEnv(t)
	e.forgetSettings()
	e.namespaces("inst")
	theirs := func(name, id string) string {
		return fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s, namespace: inst, annotations: {%s: \"inst:/ConfigMap:inst/%s\", %s: %q}}\ndata: {key: theirs}\n",
			name, trackingID, name, installationID, id)
	}
	e.apply(theirs("inst-other", "other"))
	repo := e.repo("inst", map[string]string{"a.yaml": configMap("inst-a", "1"), "b.yaml": configMap("inst-b", "1")})
	e.apply(application("inst", repo, ".", "inst"))
	e.synced("inst", "")
	if o := e.get(configMapKind, "inst", "inst-a"); o.GetAnnotations()[installationID] != "" {
		t.Errorf("annotations: %v", o.GetAnnotations())
	}
	before := e.uids("inst")

	mine := func(name string) {
		t.Helper()
		e.eventually(name+" is marked", func() error {
			return e.field(configMapKind, "inst", name, "mine", "metadata", "annotations", installationID)
		})
	}
	e.settings(map[string]string{"installationID": "mine"})
	mine("inst-a")
	mine("inst-b")
	e.synced("inst", "")
	e.apply(theirs("inst-third", "third"))
	e.push(repo, "less", map[string]string{"b.yaml": "", "c.yaml": configMap("inst-c", "1")})
	e.eventually("pruned", func() error { return e.absent(configMapKind, "inst", "inst-b") })
	mine("inst-c")
	e.synced("inst", "")
	for _, name := range []string{"inst-other", "inst-third"} {
		e.holds("inst", name, "key", "theirs")
		if r := resource(e.app("inst"), "ConfigMap", name); r != nil {
			t.Errorf("another installation's object is listed: %v", r)
		}
	}
	if after := e.uids("inst"); after["ConfigMap/inst-a"] != before["ConfigMap/inst-a"] {
		t.Error("inst-a was made anew")
	}
	// With its deletion go its own objects only.
	e.edit(applicationKind, "argocd", "inst", `{"metadata":{"finalizers":["resources-finalizer.argocd.argoproj.io"]}}`)
	e.delete(applicationKind, "argocd", "inst")
	e.eventually("gone", func() error { return e.absent(applicationKind, "argocd", "inst") })
	for _, name := range []string{"inst-a", "inst-c"} {
		if err := e.absent(configMapKind, "inst", name); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"inst-other", "inst-third"} {
		e.holds("inst", name, "key", "theirs")
	}
}

// deployByLabel writes an object as an Argo CD before version 3 does: marked by the
// label, by client-side or by server-side apply.
func (e *env) deployByLabel(app, namespace, manifest string, serverSide bool) {
	e.t.Helper()
	u, err := parse([]byte(manifest))
	if err != nil {
		e.t.Fatal(err)
	}
	u.SetNamespace(namespace)
	u.SetLabels(map[string]string{instanceLabel: app})
	e.deployMarked(u, serverSide)
}

// TestSettingsTakeOver takes apps over from an Argo CD that marks by the label, once
// with that setting and once with the present default. Nothing is written to any
// object, and all is in sync; what leaves the source afterwards is pruned.
func TestSettingsTakeOver(t *testing.T) {
	for name, settings := range map[string]map[string]string{
		"by-label": {"application.resourceTrackingMethod": "label"}, "by-default": {},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEnvOn(t, ownCluster(t))
			e.stopController()
			e.namespaces("argocd", name)
			e.settings(settings)
			const apps = 4
			repos := make([]string, apps)
			for i := range apps {
				app := fmt.Sprintf("%s-%d", name, i)
				files := handed(app)
				repos[i] = e.repo(app, files)
				for _, manifest := range files {
					e.deployByLabel(app, name, manifest, i%2 == 0)
				}
				e.apply(application(app, repos[i], ".", name))
			}
			before := e.rolledOut(name)
			e.startController()
			for i := range apps {
				e.shows(fmt.Sprintf("%s-%d", name, i), map[string]string{"sync.status": "Synced", "health.status": "Healthy"})
			}
			after := e.resourceVersions(name)
			if len(after) < 5*apps {
				t.Errorf("only %d objects", len(after))
			}
			for k, v := range after {
				if before[k] != v {
					t.Errorf("%s was changed: %s, then %s", k, before[k], v)
				}
			}
			for i := range apps {
				app := fmt.Sprintf("%s-%d", name, i)
				e.push(repos[i], "less", map[string]string{"account.yaml": "", "settings.yaml": configMap(app+"-settings", "new")})
				e.eventually("pruned", func() error {
					return e.absent(serviceAccountKind, name, app)
				})
				e.holds(name, app+"-settings", "key", "new")
				e.synced(app, "")
				e.edit(configMapKind, name, app+"-settings", `{"data":{"key":"edited"}}`)
				e.holds(name, app+"-settings", "key", "new")
			}
		})
	}
}
