package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/gitserver"
)

// bomb is a YAML document of a few hundred bytes that grows to 9^9 strings.
func bomb() string {
	var b strings.Builder
	b.WriteString("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bomb}\na0: &a0 [x, x, x, x, x, x, x, x, x]\n")
	for i := range 9 {
		fmt.Fprintf(&b, "a%d: &a%d [%s*a%d]\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*a%d, ", i), 8), i)
	}
	return b.String()
}

// entries commits what Commit can't: links and submodules.
func (e *env) entries(repo string, all ...gitserver.Entry) {
	e.t.Helper()
	if _, err := e.git.CommitEntries(e.t.Context(), "myorg/"+repo, "main", "entries", all); err != nil {
		e.t.Fatal(err)
	}
}

// TestBadInput brings in what could break or betray a controller. Each is told
// clearly on its app of both dialects, nothing of it is applied, and an app next
// to it goes on following its repository.
func TestBadInput(t *testing.T) {
	e := newEnv(t)
	marker := filepath.Join(t.TempDir(), "owned")
	good := e.repo("bad-good", map[string]string{"a.yaml": configMap("good-a", "0")})
	e.apply(application("bad-good", good, ".", "bad-good"))
	e.synced("bad-good", "")
	file := func(name, data string) gitserver.Entry { return gitserver.Entry{Path: name, Data: data} }
	fine := file("app/ok.yaml", configMap("bad-ok", "1"))
	for name, c := range map[string]struct {
		entries []gitserver.Entry
		path    string
		texts   []string // of the condition
	}{
		"bad-path": {[]gitserver.Entry{fine}, "../..", []string{"../.."}},
		"bad-bomb": {[]gitserver.Entry{fine, file("app/bomb.yaml", bomb())}, "app", []string{"bomb.yaml"}},
		"bad-huge": {[]gitserver.Entry{fine, file("app/huge.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: huge}\ndata:\n  key: \""+strings.Repeat("0123456789abcdef", 50<<16)+"\"\n")},
			"app", []string{"huge.yaml"}},
		"bad-link": {[]gitserver.Entry{fine, {Path: "app/link.yaml", Mode: gitserver.ModeLink, Data: "../../../../../../etc/hostname"}},
			"app", []string{"link.yaml"}},
		"bad-linkdir": {[]gitserver.Entry{fine, {Path: "out", Mode: gitserver.ModeLink, Data: "/etc"}}, "out", []string{"out"}},
		"bad-submodule": {[]gitserver.Entry{fine,
			file(".gitmodules", "[submodule \"sub\"]\n\tpath = sub\n\turl = ext::sh -c touch% "+marker+"\n"),
			{Path: "sub", Mode: gitserver.ModeSubmodule, Data: "0123456789012345678901234567890123456789"}}, "sub", []string{"sub"}},
		"bad-nokind":   {[]gitserver.Entry{fine, file("app/nokind.yaml", "apiVersion: v1\nmetadata: {name: x}\n")}, "app", []string{"nokind.yaml", "kind"}},
		"bad-noname":   {[]gitserver.Entry{fine, file("app/noname.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n")}, "app", []string{"noname.yaml", "name"}},
		"bad-nothing":  {[]gitserver.Entry{fine}, "no/such/dir", []string{"no/such/dir"}},
		"bad-manifest": {[]gitserver.Entry{fine, file("app/x.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: [\n")}, "app", []string{"x.yaml"}},
	} {
		t.Run(name, func(t *testing.T) {
			e := e.in(t)
			repo := e.repo(name, map[string]string{"README": "x"})
			e.entries(repo, c.entries...)
			e.namespaces(name + "-flux")
			e.apply(application(name, repo, c.path, name+"-argo"))
			e.apply(gitRepository(repo))
			e.apply(kustomization(name, repo, c.path, "  targetNamespace: "+name+"-flux\n"))
			commit := e.push(good, name, map[string]string{"a.yaml": configMap("good-a", name)})
			e.synced("bad-good", commit)
			for _, text := range c.texts {
				e.eventually("Application says so", func() error {
					return e.condition(applicationKind, "argocd", name, "ComparisonError", "", text)
				})
				e.eventually("Kustomization says so", func() error {
					return e.condition(kustomizationKind, "flux-system", name, "Ready", "False", text)
				})
			}
			t.Logf("Application: %s\nKustomization: %s", at(e.app(name), "status", "conditions"), e.ks(name, "Ready"))
			for _, ns := range []string{name + "-argo", name + "-flux"} {
				if err := e.absent(configMapKind, ns, "bad-ok"); err != nil {
					t.Error(err)
				}
			}
			commit = e.push(good, name+" again", map[string]string{"a.yaml": configMap("good-a", name+"-2")})
			e.synced("bad-good", commit)
			e.holds("bad-good", "good-a", "key", name+"-2")
		})
	}
	// Applications read submodules: one that may not be fetched is their error.
	e.apply(withSource(application("bad-module-in", "bad-submodule", ".", "bad-module-in"), "directory: {recurse: true}"))
	e.eventually("Application says so", func() error {
		return e.condition(applicationKind, "argocd", "bad-module-in", "ComparisonError", "", "ext::")
	})
	if _, err := os.Stat(marker); err == nil {
		t.Error("a submodule's URL was run")
	}
}

// in is the environment for a subtest.
func (e *env) in(t *testing.T) *env {
	sub := *e
	sub.t = t
	return &sub
}

// TestBadReferences names revisions and repositories that would be options or
// commands to git.
func TestBadReferences(t *testing.T) {
	e := newEnv(t)
	marker := filepath.Join(t.TempDir(), "owned")
	repo := e.repo("badref", map[string]string{"a.yaml": configMap("badref-a", "1")})
	e.apply(application("badref-good", repo, ".", "badref-good"))
	e.synced("badref-good", "")
	for name, c := range map[string]struct{ old, new, text string }{
		"badref-option":  {"targetRevision: main", `targetRevision: "--upload-pack=touch ` + marker + `"`, "--upload-pack"},
		"badref-dash":    {"targetRevision: main", `targetRevision: "--upload-pack=x"`, "--upload-pack=x"},
		"badref-ext":     {org + repo, "ext::sh -c touch% " + marker, "ext"},
		"badref-file":    {org + repo, "file:///etc", "file"},
		"badref-local":   {org + repo, "/etc", "/etc"},
		"badref-url":     {org + repo, "--upload-pack=touch " + marker, "upload-pack"},
		"badref-sshhost": {org + repo, "ssh://-oProxyCommand=touch%20" + filepath.Base(marker) + "/x", "ProxyCommand"},
	} {
		e.apply(strings.Replace(application(name, repo, ".", name), c.old, c.new, 1))
		e.eventually(name+" says so", func() error {
			o := e.app(name)
			if got := at(o, "status", "conditions"); !strings.Contains(got, c.text) {
				return errorf("conditions: %s", got)
			}
			return nil
		})
		t.Logf("%s: %s", name, at(e.app(name), "status", "conditions"))
		e.shows(name, map[string]string{"sync.status": "Unknown"})
	}
	for name, ref := range map[string]string{
		"badref-fluxbranch": `{branch: "--upload-pack=x"}`, "badref-fluxname": `{name: "--upload-pack=x"}`,
		"badref-fluxsemver": `{semver: "--upload-pack=x"}`, "badref-fluxcommit": `{commit: "--upload-pack=x"}`,
	} {
		e.apply(strings.NewReplacer("{name: "+repo+",", "{name: "+name+",", "{branch: main}", ref).Replace(gitRepository(repo)))
		e.eventually(name+" says so", func() error {
			return e.condition(repositoryKind, "flux-system", name, "Ready", "False", "--upload-pack=x")
		})
	}
	commit := e.push(repo, "two", map[string]string{"a.yaml": configMap("badref-a", "2")})
	e.synced("badref-good", commit)
	e.holds("badref-good", "badref-a", "key", "2")
	if _, err := os.Stat(marker); err == nil {
		t.Error("a revision or URL was run")
	}
}

// TestDuplicates declares an object twice: one of them is applied, and both
// dialects say that there are two.
func TestDuplicates(t *testing.T) {
	e := newEnv(t)
	repo := e.repo("twice", map[string]string{"a.yaml": configMap("twice-a", "1"), "b.yaml": configMap("twice-a", "2"), "c.yaml": configMap("twice-c", "1")})
	e.namespaces("twice-flux")
	e.apply(application("twice", repo, ".", "twice-argo"))
	e.apply(gitRepository(repo))
	e.apply(kustomization("twice", repo, "./", "  targetNamespace: twice-flux\n"))
	e.eventually("Application warns", func() error {
		return e.condition(applicationKind, "argocd", "twice", "RepeatedResourceWarning", "", "twice-a")
	})
	e.event("Application", "argocd", "twice", "RepeatedResourceWarning", "twice-a")
	e.synced("twice", "")
	e.holds("twice-argo", "twice-a", "key", "2")
	e.holds("twice-argo", "twice-c", "key", "1")
	e.eventually("Kustomization tells", func() error {
		o := e.get(kustomizationKind, "flux-system", "twice")
		if got := at(o, "status", "conditions"); !strings.Contains(got, "twice-a") {
			return errorf("conditions: %s", got)
		}
		return nil
	})
	t.Logf("Kustomization: %s", at(e.get(kustomizationKind, "flux-system", "twice"), "status", "conditions"))
}

// TestGarbage puts what is no YAML at all in the place of a manifest: that is
// told, the rest goes on, and nothing is deleted because of it.
func TestGarbage(t *testing.T) {
	e := newEnv(t)
	e.namespaces("garbage-flux")
	repo := e.repo("garbage", map[string]string{"app/a.yaml": configMap("garbage-a", "1"), "app/b.yaml": configMap("garbage-b", "1")})
	e.apply(application("garbage", repo, "app", "garbage-argo"))
	e.apply(gitRepository(repo))
	e.apply(kustomization("garbage", repo, "./app", "  targetNamespace: garbage-flux\n"))
	e.synced("garbage", "")
	e.ready("garbage", "")

	e.push(repo, "garbage", map[string]string{"app/a.yaml": "{{{ <<<<<<< no: yaml: at all", "app/b.yaml": configMap("garbage-b", "2")})
	e.eventually("Application tells", func() error {
		return e.condition(applicationKind, "argocd", "garbage", "RenderWarning", "", "app/a.yaml")
	})
	e.says("garbage", "Warnings", "app/a.yaml")
	for _, ns := range []string{"garbage-argo", "garbage-flux"} {
		e.holds(ns, "garbage-b", "key", "2")
		e.delete(configMapKind, ns, "garbage-b")
		e.holds(ns, "garbage-b", "key", "2")
		e.holds(ns, "garbage-a", "key", "1")
	}
	e.push(repo, "plain text", map[string]string{"app/a.yaml": "so sorry", "app/b.yaml": configMap("garbage-b", "3")})
	for _, ns := range []string{"garbage-argo", "garbage-flux"} {
		e.holds(ns, "garbage-b", "key", "3")
		e.holds(ns, "garbage-a", "key", "1")
	}
	e.operate("garbage", "carol", `{"prune":true}`, "Succeeded")
	e.holds("garbage-argo", "garbage-a", "key", "1")

	e.push(repo, "removed", map[string]string{"app/a.yaml": ""})
	for _, ns := range []string{"garbage-argo", "garbage-flux"} {
		e.eventually("pruned", func() error { return e.absent(configMapKind, ns, "garbage-a") })
	}
	e.synced("garbage", "")
	e.ready("garbage", "")
}
