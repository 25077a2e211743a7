package e2e

import (
	"encoding/base64"
	"strings"
	"testing"
)

// TestBadSecrets declares Secrets that the API server refuses: the error names
// the object, and no value of it is anywhere.
func TestBadSecrets(t *testing.T) {
	const planted = "planted-value-Vb5n"
	e := newEnv(t)
	for name, body := range map[string]string{
		"sec-base64":  "data: {token: \"" + planted + "!\"}\n",
		"sec-type":    "data: {token: {nested: \"" + planted + "\"}}\n",
		"sec-number":  "stringData: {token: [\"" + planted + "\"]}\n",
		"sec-unknown": "stringData: {token: \"" + planted + "\"}\nspec: {token: \"" + planted + "\"}\n",
	} {
		manifest := "apiVersion: v1\nkind: Secret\nmetadata: {name: " + name + "}\n" + body
		repo := e.repo(name, map[string]string{"s.yaml": manifest})
		e.namespaces(name + "-flux")
		e.apply(application(name, repo, ".", name+"-argo"))
		e.apply(gitRepository(repo))
		e.apply(kustomization(name, repo, "./", "  targetNamespace: "+name+"-flux\n"))
		if name == "sec-unknown" {
			continue // what the API server makes of it is its own affair
		}
		e.eventually(name+": Application says so", func() error {
			got := at(e.app(name), "status", "conditions")
			if !strings.Contains(got, name) && !strings.Contains(got, "s.yaml") {
				return errorf("conditions: %s", got)
			}
			return nil
		})
		e.says(name, "Ready", "False", name)
		t.Logf("%s: Application: %s\nKustomization: %s", name, at(e.app(name), "status", "conditions"), e.ks(name, "Ready"))
	}
	e.hides(planted)
}

// TestSecretDrift edits and deletes a Secret's values by hand: both come back,
// and neither value is ever seen.
func TestSecretDrift(t *testing.T) {
	const mine, theirs = "planted-mine-Lt2k", "planted-theirs-Yq9d"
	e := newEnv(t)
	repo := e.repo("secdrift", map[string]string{"s.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: drifting}\nstringData: {token: " + mine + "}\n"})
	e.apply(application("secdrift", repo, ".", "secdrift"))
	e.synced("secdrift", "")
	value := func(want string) {
		t.Helper()
		e.eventually("the Secret's value", func() error {
			if at(e.get(secretKind, "secdrift", "drifting"), "data", "token") != base64.StdEncoding.EncodeToString([]byte(want)) {
				return errorf("it is another")
			}
			return nil
		})
	}
	value(mine)
	e.edit(secretKind, "secdrift", "drifting", `{"stringData":{"token":"`+theirs+`"}}`)
	value(mine)
	e.delete(secretKind, "secdrift", "drifting")
	value(mine)
	e.push(repo, "type", map[string]string{"s.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: drifting}\ntype: example.com/other\nstringData: {token: " + mine + "}\n"})
	e.eventually("the type can't change", func() error {
		return e.condition(applicationKind, "argocd", "secdrift", "SyncError", "", "type can't be changed (it is immutable)")
	})
	t.Logf("%s", at(e.app("secdrift"), "status", "conditions"))
	e.hides(mine, theirs)
}
