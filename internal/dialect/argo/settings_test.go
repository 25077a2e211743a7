package argo

import (
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// mainConfig is argocd-cm.
func mainConfig(pairs ...string) *corev1.ConfigMap {
	c := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: "argocd", Name: configMain, Labels: map[string]string{LabelPartOf: PartOf}},
		Data:       map[string]string{},
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		c.Data[pairs[i]] = pairs[i+1]
	}
	return c
}

// configured are the settings of that argocd-cm, which has to be right.
func configured(t *testing.T, pairs ...string) *Settings {
	t.Helper()
	s, problems := ReadSettings(nil, []corev1.ConfigMap{*mainConfig(pairs...)})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return s
}

func TestExcluded(t *testing.T) {
	const (
		lease  = "objects of its kind are made by controllers"
		events = "objects of its kind tell what happened, and can't be declared"
		byList = "its kind is excluded by resource.exclusions of ConfigMap argocd-cm"
		notIn  = "its kind is not among resource.inclusions of ConfigMap argocd-cm"
	)
	none := &Settings{}
	empty := configured(t, keyExclusions, "")
	list := configured(t, keyExclusions, "- apiGroups: ['*.example.com', apps]\n  kinds: ['Wid*', 'Daemon?et']\n- kinds: [Pod]\n  clusters: ['https://*.east.example*']\n")
	included := configured(t, keyInclusions, "- apiGroups: ['']\n  kinds: [ConfigMap, Secret]\n", keyExclusions, "- kinds: [Secret]\n")
	for name, c := range map[string]struct {
		reason               string
		settings             *Settings
		cluster, group, kind string
		want                 string
	}{
		"default":            {"nobody declares leases", none, "", "coordination.k8s.io", "Lease", lease},
		"default of others":  {"another group's Lease is somebody's own", none, "", "example.com", "Lease", ""},
		"default endpoints":  {"controllers write them", none, "", "discovery.k8s.io", "EndpointSlice", lease},
		"usual":              {"what people declare", none, "", "apps", "Deployment", ""},
		"event":              {"always", empty, "", "", "Event", events},
		"new event":          {"always, whatever its kind", empty, "", "events.k8s.io", "Event", events},
		"emptied":            {"an empty list replaces the default", empty, "", "coordination.k8s.io", "Lease", ""},
		"replaced":           {"a list replaces the default", list, "", "coordination.k8s.io", "Lease", ""},
		"globs":              {"groups and kinds are globs", list, "", "a.b.example.com", "Widget", byList},
		"another kind":       {"both have to match", list, "", "a.example.com", "Gadget", ""},
		"question mark":      {"one character", list, "", "apps", "DaemonSet", byList},
		"cluster":            {"clusters are globs over their URLs", list, "https://k8s.east.example:6443", "", "Pod", byList},
		"another cluster":    {"of that cluster only", list, "https://k8s.west.example:6443", "", "Pod", ""},
		"our cluster":        {"which has its URL too", list, "", "", "Pod", ""},
		"included":           {"is in the list", included, "", "", "ConfigMap", ""},
		"not included":       {"nothing else is", included, "", "apps", "Deployment", notIn},
		"included, excluded": {"exclusion wins", included, "", "", "Secret", byList},
	} {
		if got := c.settings.Excluded(c.cluster, c.group, c.kind); got != c.want {
			t.Errorf("%s (%s): %q, want %q", name, c.reason, got, c.want)
		}
	}
}

// TestExcludedUnreadable: a list that can't be read changes nothing, since objects
// would be taken for undeclared ones.
func TestExcludedUnreadable(t *testing.T) {
	for _, text := range []string{"Lease", "- kinds: [']", "- kinds: ['Wid[get']"} {
		s, problems := ReadSettings(nil, []corev1.ConfigMap{*mainConfig(keyExclusions, text, keyInclusions, text)})
		if len(problems) == 0 {
			t.Errorf("%q is no problem", text)
		}
		if s.Excluded("", "coordination.k8s.io", "Lease") == "" || s.Excluded("", "apps", "Deployment") != "" {
			t.Errorf("%q: the default does not hold", text)
		}
	}
}

func TestCustomizations(t *testing.T) {
	s := configured(t,
		"resource.customizations.health.cert-manager.io_Certificate", "return 1",
		"resource.customizations.useOpenLibs.cert-manager.io_Certificate", "true",
		"resource.customizations.health.Pod", "return 2",
		"resource.customizations.actions.apps_Deployment", "discovery.lua: return {}\ndefinitions:\n- name: restart\n  action.lua: return obj\nmergeBuiltinActions: true\n",
		keyCustomizations, `
"*.example.com/*":
  health.lua: return 3
"*.aws.example.com/*":
  health.lua: return 4
_.gcp.example.com/_:
  health.lua: return 5
  health.lua.useOpenLibs: true
"*.aws.example.com/Bucket":
  actions: |
    discovery.lua: return {}
"*/Widget":
  health.lua: return 6
cert-manager.io/Certificate:
  health.lua: return 7
`)
	for name, c := range map[string]struct {
		reason, group, kind, script string
		openLibs                    bool
	}{
		"own key":    {"a key of the kind wins over the map", "cert-manager.io", "Certificate", "return 1", true},
		"core":       {"a kind of the core group", "", "Pod", "return 2", false},
		"other Pod":  {"and of no other", "example.org", "Pod", "", false},
		"wildcard":   {"a pattern of a group", "a.example.com", "Thing", "return 3", false},
		"closest":    {"the pattern that says most", "a.aws.example.com", "Thing", "return 4", false},
		"underscore": {"stands for a wildcard too", "a.gcp.example.com", "Thing", "return 5", true},
		"no health":  {"what a closer pattern does not say comes from the next", "a.aws.example.com", "Bucket", "return 4", false},
		"kind":       {"a pattern of any group", "example.org", "Widget", "return 6", false},
		"nothing":    {"nothing is configured", "apps", "Deployment", "", false},
	} {
		script, openLibs, ok := s.HealthScript(c.group, c.kind)
		if script != c.script || openLibs != c.openLibs || ok != (c.script != "") {
			t.Errorf("%s (%s): %q %v %v", name, c.reason, script, openLibs, ok)
		}
	}
	got, ok := s.ActionScripts("apps", "Deployment")
	if !ok || !got.MergeBuiltin || got.Discovery != "return {}" ||
		!slices.Equal(got.Definitions, []ActionDefinition{{"restart", "return obj"}}) {
		t.Errorf("actions of Deployment: %+v, %v", got, ok)
	}
	if got, ok := s.ActionScripts("x.aws.example.com", "Bucket"); !ok || got.MergeBuiltin {
		t.Errorf("actions by pattern: %+v, %v", got, ok)
	}
	if _, ok := s.ActionScripts("", "Pod"); ok {
		t.Error("actions of Pod")
	}
}

func TestPermit(t *testing.T) {
	s, problems := settings(t, []byte(`kind: Secret
metadata: {name: a, labels: {argocd.argoproj.io/secret-type: cluster}}
stringData: {name: limited, server: "https://a.example", config: "{}", namespaces: "one, two"}
---
kind: Secret
metadata: {name: b, labels: {argocd.argoproj.io/secret-type: cluster}}
stringData: {name: wide, server: "https://b.example", config: "{}", namespaces: one, clusterResources: "true"}
---
kind: Secret
metadata: {name: c, labels: {argocd.argoproj.io/secret-type: cluster}}
stringData: {name: all, server: "https://c.example", config: "{}", clusterResources: "false"}
`))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	in := func(namespace string) model.ObjectRef {
		return model.ObjectRef{ObjectKey: model.ObjectKey{Kind: "ConfigMap", Namespace: namespace, Name: "x"}}
	}
	role := model.ObjectRef{ObjectKey: model.ObjectKey{Group: "rbac.authorization.k8s.io", Kind: "ClusterRole", Name: "r"}}
	for name, c := range map[string]struct {
		reason, target string
		objects        []model.ObjectRef
		want           string
	}{
		"ours":           {"nothing is declared of it", "", []model.ObjectRef{in("three"), role}, ""},
		"allowed":        {"the namespaces are named", "https://a.example", []model.ObjectRef{in("one"), in("two")}, ""},
		"namespace":      {"another is not", "https://a.example", []model.ObjectRef{in("one"), in("three")}, `namespace "three" of ConfigMap/three/x is not among those that cluster "limited" is limited to: add it to namespaces in its Secret if that is meant`},
		"cluster-scoped": {"not without consent", "https://a.example", []model.ObjectRef{role}, `ClusterRole.rbac.authorization.k8s.io/r is cluster-scoped, and cluster "limited" is limited to namespaces: set clusterResources to true in its Secret if that is meant`},
		"with consent":   {"clusterResources", "https://b.example", []model.ObjectRef{role, in("one")}, ""},
		"unlimited":      {"without namespaces there is no limit", "https://c.example", []model.ObjectRef{role, in("three")}, ""},
	} {
		err := s.Permit(model.App{Target: c.target}, c.objects)
		if text := textOf(err); text != c.want {
			t.Errorf("%s (%s): %q, want %q", name, c.reason, text, c.want)
		}
	}
	many := make([]model.ObjectRef, 100)
	for i := range many {
		many[i] = in("three")
	}
	if text := textOf(s.Permit(model.App{Target: "https://a.example"}, many)); len(text) > 1500 {
		t.Errorf("an error of %d characters", len(text))
	}
}

func textOf(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// TestSettingsLive: changes of argocd-cm are obeyed at once, and only what they
// touch is told to be out of date.
func TestSettingsLive(t *testing.T) {
	config := mainConfig()
	b := newBench(t, minimal(t, ""), config)
	var told []SettingsChange
	b.r.cfg.SettingsChanged = func(c SettingsChange) { told = append(told, c) }
	b.reconcile()
	before := b.app
	pod := model.ObjectKey{Kind: "Pod", Namespace: "n", Name: "p"}
	for _, step := range []struct {
		reason, key, value string
		told               []SettingsChange
		settings           bool // App.Settings changes
		put                bool // the app is handed over anew
	}{
		{"nothing of it concerns objects", "url", "https://argocd.example", nil, false, false},
		{"other marks", keyTracking, "label", []SettingsChange{{Marks: true}}, true, true},
		{"other marks again", keyInstallation, "x", []SettingsChange{{Marks: true}}, true, true},
		{"other kinds", keyExclusions, "[]", nil, true, true},
		{"scripts are for live objects", keyCustomizations + ".health.Pod", "return nil", []SettingsChange{{Scripts: true}}, false, false},
		{"what may differ is the app's", keyCustomizations + ".ignoreDifferences.Pod", "jsonPointers: [/spec]", nil, false, true},
		{"actions are for who asks for them", keyCustomizations + ".actions.Pod", "discovery.lua: return {}", nil, false, false},
		{"another script", keyCustomizations + ".health.Pod", "return {}", []SettingsChange{{Scripts: true}}, false, false},
		{"a script with other libraries", keyCustomizations + ".useOpenLibs.Pod", "true", []SettingsChange{{Scripts: true}}, false, false},
	} {
		told = nil
		config.Data[step.key] = step.value
		if err := b.client.Update(t.Context(), config); err != nil {
			t.Fatal(err)
		}
		if _, err := b.r.reconcileSettings(t.Context(), reconcile.Request{}); err != nil {
			t.Fatal(err)
		}
		b.take()
		b.reconcile()
		if put := slices.Contains(b.take(), "put argo/argocd/a"); put != step.put || !slices.Equal(told, step.told) || (b.app.Settings != before.Settings) != step.settings {
			t.Errorf("%s: put %v, told %+v, settings changed %v", step.reason, put, told, b.app.Settings != before.Settings)
		}
		before = b.app
	}
	if labels, _ := b.tracker.Stamp(Key("argocd", "a"), pod); labels[defaultLabel] != "a" {
		t.Errorf("marked by %v", labels)
	}
	if _, _, ok := b.r.Settings().HealthScript("", "Pod"); !ok {
		t.Error("the script is not there")
	}
}

// TestHardRefresh: every app is compared anew as often as argocd-cm says.
func TestHardRefresh(t *testing.T) {
	config := mainConfig()
	b := newBench(t, minimal(t, ""), config)
	b.reconcile()
	b.take()
	var hard hardRefresh
	set := func(value string) {
		config.Data[keyHardRefresh] = value
		if err := b.client.Update(t.Context(), config); err != nil {
			t.Fatal(err)
		}
		if _, err := b.r.reconcileSettings(t.Context(), reconcile.Request{}); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []struct {
		reason, set string
		pass        time.Duration
		left        time.Duration
		calls       []string
	}{
		{"never by default", "", time.Hour, 0, nil},
		{"the first is after the time", "10m", 0, 10 * time.Minute, nil},
		{"an event in between changes nothing", "", 4 * time.Minute, 6 * time.Minute, nil},
		{"it is time", "", 6 * time.Minute, 10 * time.Minute, []string{"refresh argo/argocd/a true"}},
		{"a shorter time counts from the last", "5m", time.Minute, 4 * time.Minute, nil},
		{"switched off", "0", time.Hour, 0, nil},
		{"and on again", "5m", time.Hour, 5 * time.Minute, nil},
	} {
		if step.set != "" {
			set(step.set)
		}
		b.now = b.now.Add(step.pass)
		left := b.r.refreshHard(&hard)
		calls := slices.DeleteFunc(b.take(), func(c string) bool { return c == "put argo/argocd/a" })
		if left != step.left || !slices.Equal(calls, step.calls) {
			t.Errorf("%s: %s left, %v", step.reason, left, calls)
		}
	}
}
