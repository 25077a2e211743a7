package e2e

import (
	"strings"
	"testing"
)

// TestOptionFailOnSharedResource declares an object of another app: with the option
// nothing is written, without it all but that object is.
func TestOptionFailOnSharedResource(t *testing.T) {
	e := newEnv(t)
	e.namespaces("opt-shared")
	repo := e.repo("opt-shared", map[string]string{
		"first/both.yaml": configMap("both", "first"),
		"fails/both.yaml": configMap("both", "fails"), "fails/own.yaml": configMap("own-fails", "1"),
		"goes/both.yaml": configMap("both", "goes"), "goes/own.yaml": configMap("own-goes", "1"),
		"asked/both.yaml": configMap("both", "asked"), "asked/own.yaml": configMap("own-asked", "1"),
	})
	e.apply(application("opt-shared", repo, "first", "opt-shared"))
	e.done("opt-shared", "")
	e.apply(unretried(optioned(application("opt-shared-fails", repo, "fails", "opt-shared"), "FailOnSharedResource=true")))
	e.apply(unretried(application("opt-shared-goes", repo, "goes", "opt-shared")))
	e.apply(unretried(manual("opt-shared-asked", repo, "asked", "opt-shared")))
	e.operation("opt-shared-goes", "Failed", "ConfigMap/both", "opt-shared")
	e.operation("opt-shared-fails", "Error", "FailOnSharedResource=true", "ConfigMap/opt-shared/both is of app argo/argocd/opt-shared")
	e.shows("opt-shared-asked", map[string]string{"sync.status": "OutOfSync"})
	e.operate("opt-shared-asked", "failing", `{"syncOptions":["FailOnSharedResource=true"]}`, "Error")
	for app, written := range map[string]bool{"fails": false, "goes": true, "asked": false} {
		if err := e.absent(configMapKind, "opt-shared", "own-"+app); written == (err == nil) {
			t.Errorf("%s: its own object is written: %v", app, err != nil)
		}
		e.warns("opt-shared-"+app, "SharedResourceWarning", "both", "opt-shared")
	}
	e.holds("opt-shared", "both", "key", "first")

	// The first lets go of it, and what stood in the way is gone. The two others give
	// it up first, so that one is left to take it.
	e.push(repo, "one owner", map[string]string{
		"goes/both.yaml": "", "asked/both.yaml": "", "first/both.yaml": "", "first/own.yaml": configMap("own-first", "1"),
	})
	e.synced("opt-shared-fails", "")
	e.holds("opt-shared", "both", "key", "fails")
	e.holds("opt-shared", "own-fails", "key", "1")
}

// TestOptionRespectIgnoreDifferences changes a field whose differences are ignored:
// with the option a write leaves it as it is, without it it is written along.
func TestOptionRespectIgnoreDifferences(t *testing.T) {
	e := newEnv(t)
	tuned := func(value string) string {
		return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {tuned: git, key: \"" + value + "\"}\n"
	}
	repo := e.repo("opt-respect", map[string]string{"a.yaml": tuned("1")})
	ignoring := func(app string) string {
		return strings.Replace(app, "  syncPolicy:\n", "  ignoreDifferences: [{kind: ConfigMap, jsonPointers: [/data/tuned]}]\n  syncPolicy:\n", 1)
	}
	e.apply(ignoring(optioned(application("opt-respect", repo, ".", "opt-respect"), "RespectIgnoreDifferences=true")))
	e.apply(ignoring(application("opt-respect-not", repo, ".", "opt-respect-not")))
	e.apply(ignoring(optioned(application("opt-respect-replace", repo, ".", "opt-respect-replace"), "RespectIgnoreDifferences=true", "Replace=true")))
	e.apply(ignoring(manual("opt-respect-asked", repo, ".", "opt-respect-asked")))
	e.shows("opt-respect-asked", map[string]string{"sync.status": "OutOfSync"})
	e.operate("opt-respect-asked", "first", `{}`, "Succeeded")
	apps := map[string]string{"opt-respect": "live", "opt-respect-not": "git", "opt-respect-replace": "live", "opt-respect-asked": "live"}
	for app := range apps {
		e.synced(app, "")
		e.edit(configMapKind, app, "a", `{"data":{"tuned":"live"}}`)
	}
	commit := e.push(repo, "another field", map[string]string{"a.yaml": tuned("2")})
	e.shows("opt-respect-asked", map[string]string{"sync.status": "OutOfSync", "sync.revision": commit})
	e.holds("opt-respect-asked", "a", "tuned", "live")
	e.operate("opt-respect-asked", "respecting", `{"syncOptions":["RespectIgnoreDifferences=true"]}`, "Succeeded")
	for app, want := range apps {
		e.synced(app, commit)
		e.holds(app, "a", "key", "2")
		if got, _ := e.data(app, "a", "tuned"); got != want {
			t.Errorf("%s: the ignored field is %q, want %q", app, got, want)
		}
	}
}
