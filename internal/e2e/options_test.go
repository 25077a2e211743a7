package e2e

import (
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// noting is an object with further annotations, each as "key: value".
func noting(manifest string, notes ...string) string {
	text := strings.Join(notes, ", ")
	lines := strings.SplitAfter(manifest, "\n")
	for i, line := range lines {
		switch {
		case !strings.HasPrefix(line, "metadata: {"):
			continue
		case strings.Contains(line, "annotations: {"):
			lines[i] = strings.Replace(line, "annotations: {", "annotations: {"+text+", ", 1)
		default:
			lines[i] = strings.Replace(line, "metadata: {", "metadata: {annotations: {"+text+"}, ", 1)
		}
		break
	}
	return strings.Join(lines, "")
}

// asking is an object with sync options of its own.
func asking(manifest string, options ...string) string {
	return noting(manifest, fmt.Sprintf("argocd.argoproj.io/sync-options: %q", strings.Join(options, ",")))
}

// optioned is an Application with further sync options.
func optioned(app string, options ...string) string {
	return strings.Replace(app, "[CreateNamespace=true]", "["+strings.Join(append([]string{"CreateNamespace=true"}, options...), ", ")+"]", 1)
}

// unretried is an Application whose failed syncs are not repeated.
func unretried(app string) string {
	return strings.Replace(app, "retry: {limit: 5,", "retry: {limit: 0,", 1)
}

// operation waits until the operation of an Application is in that phase, with a
// message that holds the texts.
func (e *env) operation(name, phase string, texts ...string) *unstructured.Unstructured {
	e.t.Helper()
	var o *unstructured.Unstructured
	e.eventually(fmt.Sprintf("operation of %s is %s with %q", name, phase, texts), func() error {
		o = e.app(name)
		if at(o, "status", "operationState", "phase") != phase {
			return errorf("%s", brief(o))
		}
		for _, text := range texts {
			if !strings.Contains(at(o, "status", "operationState", "message"), text) {
				return errorf("no %q: %s", text, brief(o))
			}
		}
		return nil
	})
	return o
}

// warns waits for a condition of an Application whose message holds all the texts.
func (e *env) warns(name, kind string, texts ...string) {
	e.t.Helper()
	e.eventually(fmt.Sprintf("condition %s of %s with %q", kind, name, texts), func() error {
		o := e.app(name)
	conditions:
		for _, c := range list(o, "status", "conditions") {
			for _, text := range texts {
				if c["type"] != kind || !strings.Contains(fmt.Sprint(c["message"]), text) {
					continue conditions
				}
			}
			return nil
		}
		return errorf("%s", brief(o))
	})
}

// TestOptionValidate declares fields that no kind has: with Validate=false they are
// left out without a word, without it with one in the result, and with Validate=true
// the object is refused.
func TestOptionValidate(t *testing.T) {
	e := newEnv(t)
	odd := func(name string) string { return configMap(name, "1") + "dta: {typo: here}\n" }
	repo := e.repo("opt-validate", map[string]string{
		"all/plain.yaml": odd("plain"), "all/loose.yaml": asking(odd("loose"), "Validate=false"),
		"none/a.yaml": odd("none"), "none/strict.yaml": asking(configMap("strict", "1"), "Validate=true"),
		"strict/a.yaml": asking(odd("strict"), "Validate=true"),
	})
	e.apply(application("opt-validate", repo, "all", "opt-validate"))
	e.apply(optioned(application("opt-validate-none", repo, "none", "opt-validate-none"), "Validate=false"))
	e.apply(unretried(application("opt-validate-strict", repo, "strict", "opt-validate-strict")))
	e.done("opt-validate", "")
	o := e.app("opt-validate")
	if got := outcome(o, "plain"); !strings.Contains(got, "Synced") || !strings.Contains(got, `unknown field "dta"`) {
		t.Errorf("an unknown field is not warned of: %s", got)
	}
	if got := outcome(o, "loose"); !strings.Contains(got, "Synced") || strings.Contains(got, "dta") {
		t.Errorf("with Validate=false: %s", got)
	}
	e.done("opt-validate-none", "")
	if got := outcome(e.app("opt-validate-none"), "none"); !strings.Contains(got, "Synced") || strings.Contains(got, "dta") {
		t.Errorf("with Validate=false of the Application: %s", got)
	}
	o = e.operation("opt-validate-strict", "Failed", "strict", "dta")
	if got := outcome(o, "strict"); !strings.Contains(got, "SyncFailed") {
		t.Errorf("with Validate=true: %s", got)
	}
	if err := e.absent(configMapKind, "opt-validate-strict", "strict"); err != nil {
		t.Error(err)
	}
}

// TestOptionUnknown gives options that nobody knows, or that are never so: each is
// told, with what may be meant, and the app is synced all the same.
func TestOptionUnknown(t *testing.T) {
	e := newEnv(t)
	repo := e.repo("opt-unknown", map[string]string{
		"a.yaml": asking(configMap("a", "1"), "ServerSideApply=false", "Prune=flase"),
		"b.yaml": asking(configMap("b", "1"), "CreateNamespace=true", "Replace=yes"),
	})
	e.apply(optioned(application("opt-unknown", repo, ".", "opt-unknown"),
		"PruneLast=ture", "ServerSideApply=false", "Force=true", `"Prune=false,Delete=false"`, "Delete=true", "Delete=confirm"))
	e.done("opt-unknown", "")
	e.warns("opt-unknown", "UnsupportedFieldWarning", `"PruneLast=ture" is not known`, "did you mean PruneLast=true")
	e.warns("opt-unknown", "UnsupportedFieldWarning", "ServerSideApply=false", "server-side apply")
	e.warns("opt-unknown", "UnsupportedFieldWarning", "Force=true", "argocd.argoproj.io/sync-options")
	e.warns("opt-unknown", "UnsupportedFieldWarning", "Prune=false,Delete=false", "an entry of its own")
	e.warns("opt-unknown", "UnsupportedFieldWarning", "Delete", "more than once", "Delete=confirm counts")
	e.warns("opt-unknown", "UnsupportedFieldWarning", "a", "ServerSideApply=false")
	e.warns("opt-unknown", "UnsupportedFieldWarning", "Prune=flase", "Prune=false")
	e.warns("opt-unknown", "UnsupportedFieldWarning", "CreateNamespace=true", "spec.syncPolicy.syncOptions")
	e.warns("opt-unknown", "UnsupportedFieldWarning", "Replace=yes", "Replace=true or Replace=false")
}

// TestOptionApplyOutOfSyncOnly counts what a sync by hand writes: with and without
// the option only what differs.
func TestOptionApplyOutOfSyncOnly(t *testing.T) {
	e := newEnv(t)
	repo := e.repo("opt-outofsync", map[string]string{
		"a.yaml": configMap("a", "1"), "b.yaml": configMap("b", "1"), "c.yaml": configMap("c", "1"),
	})
	for i, option := range []string{"ApplyOutOfSyncOnly=true", "ApplyOutOfSyncOnly=false"} {
		e.apply(optioned(manual("opt-outofsync", repo, ".", "opt-outofsync"), option))
		e.shows("opt-outofsync", map[string]string{"sync.status": "OutOfSync"})
		e.operate("opt-outofsync", fmt.Sprintf("first-%d", i), `{}`, "Succeeded")
		commit := e.push(repo, "b", map[string]string{"b.yaml": configMap("b", fmt.Sprint("changed ", i))})
		e.shows("opt-outofsync", map[string]string{"sync.status": "OutOfSync", "sync.revision": commit})
		var o *unstructured.Unstructured
		n := e.counted(func() { o = e.operate("opt-outofsync", fmt.Sprintf("second-%d", i), `{}`, "Succeeded") })
		if n["APPLY configmaps"] != 1 {
			t.Errorf("%s: one of three objects differs, and these requests were made: %v", option, n)
		}
		for _, name := range []string{"a", "c"} {
			if got := outcome(o, name); !strings.HasPrefix(got, "Synced") {
				t.Errorf("%s: %s: %s", option, name, got)
			}
		}
		e.push(repo, "again", map[string]string{"a.yaml": configMap("a", fmt.Sprint("next ", i))})
		e.shows("opt-outofsync", map[string]string{"sync.status": "OutOfSync"})
	}
}
