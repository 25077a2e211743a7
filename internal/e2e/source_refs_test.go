package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/app"
	"github.com/fixpoint-cd/fixpoint/internal/gitserver"
	"github.com/fixpoint-cd/fixpoint/internal/source"
)

// tag makes a tag and tells of it.
func (e *env) tag(repo, name, commit string) {
	e.t.Helper()
	if err := e.git.Tag(e.t.Context(), "myorg/"+repo, name, commit, "release"); err != nil {
		e.t.Fatal(err)
	}
	e.hook(call{body: githubPush(repo, "refs/tags/"+name), header: map[string]string{"X-GitHub-Event": "push"}})
}

// TestRevisions follows a tag, a version range, a commit, a full ref name, HEAD
// and a branch, as each dialect writes them.
func TestRevisions(t *testing.T) {
	e := newEnv(t)
	repo := e.repo("refs", map[string]string{"a.yaml": configMap("refs-a", "1")})
	first := e.push(repo, "one", map[string]string{"a.yaml": configMap("refs-a", "v1.0.0")})
	e.tag(repo, "v1.0.0", first)
	second := e.push(repo, "two", map[string]string{"a.yaml": configMap("refs-a", "v1.1.0")})
	e.tag(repo, "v1.1.0", second)
	third := e.push(repo, "three", map[string]string{"a.yaml": configMap("refs-a", "v2.0.0")})
	e.tag(repo, "v2.0.0", third)
	e.tag(repo, "v1.2.0-rc.1", third)
	head := e.push(repo, "head", map[string]string{"a.yaml": configMap("refs-a", "head")})

	for name, c := range map[string]struct{ revision, want, commit string }{
		"refs-argo-tag":    {"v1.0.0", "v1.0.0", first},
		"refs-argo-commit": {second, "v1.1.0", second},
		"refs-argo-short":  {second[:8], "v1.1.0", second},
		"refs-argo-semver": {"1.*", "v1.1.0", second},
		"refs-argo-head":   {"HEAD", "head", head},
		"refs-argo-main":   {"main", "head", head},
		"refs-argo-full":   {"refs/tags/v2.0.0", "v2.0.0", third},
	} {
		e.apply(strings.Replace(application(name, repo, ".", name), "targetRevision: main", fmt.Sprintf("targetRevision: %q", c.revision), 1))
		e.synced(name, c.commit)
		e.holds(name, "refs-a", "key", c.want)
	}
	for name, c := range map[string]struct{ ref, want, revision string }{
		"refs-flux-tag":    {"{tag: v1.0.0}", "v1.0.0", "v1.0.0@sha1:" + first},
		"refs-flux-semver": {`{semver: ">=1.0.0 <2.0.0"}`, "v1.1.0", "v1.1.0@sha1:" + second},
		"refs-flux-commit": {"{commit: " + first + "}", "v1.0.0", "sha1:" + first},
		"refs-flux-name":   {"{name: refs/tags/v2.0.0}", "v2.0.0", "refs/tags/v2.0.0@sha1:" + third},
		"refs-flux-branch": {"{branch: main}", "head", "main@sha1:" + head},
	} {
		e.namespaces(name)
		e.apply(strings.NewReplacer("{name: "+repo+",", "{name: "+name+",", "{branch: main}", c.ref).Replace(gitRepository(repo)))
		e.apply(kustomization(name, name, "./", "  targetNamespace: "+name+"\n"))
		e.ready(name, "")
		e.holds(name, "refs-a", "key", c.want)
		e.status(kustomizationKind, "flux-system", name, map[string]string{"lastAppliedRevision": c.revision})
		e.status(repositoryKind, "flux-system", name, map[string]string{"artifact.revision": c.revision})
	}

	// A newer version comes: only ranges and branches follow.
	newer := e.push(repo, "newer", map[string]string{"a.yaml": configMap("refs-a", "v1.3.0")})
	e.tag(repo, "v1.3.0", newer)
	e.holds("refs-argo-semver", "refs-a", "key", "v1.3.0")
	e.holds("refs-flux-semver", "refs-a", "key", "v1.3.0")
	e.holds("refs-argo-head", "refs-a", "key", "v1.3.0")
	e.synced("refs-argo-semver", newer)
	for ns, want := range map[string]string{"refs-argo-tag": "v1.0.0", "refs-flux-tag": "v1.0.0", "refs-argo-commit": "v1.1.0", "refs-flux-commit": "v1.0.0"} {
		if got, _ := e.data(ns, "refs-a", "key"); got != want {
			t.Errorf("%s has moved to %s", ns, got)
		}
	}

	// A revision that does not exist is said, and found when it appears.
	e.apply(strings.Replace(application("refs-later", repo, ".", "refs-later"), "targetRevision: main", "targetRevision: v9.0.0", 1))
	e.eventually("says what is missing", func() error {
		return e.condition(applicationKind, "argocd", "refs-later", "ComparisonError", "", "v9.0.0")
	})
	e.tag(repo, "v9.0.0", newer)
	e.synced("refs-later", newer)
}

// TestMirrors has two mirrors: with the first down, and with it going down
// later, the second serves.
func TestMirrors(t *testing.T) {
	spare := gitserver.New(t.TempDir())
	if err := spare.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(spare.Close)
	down := gitserver.New(t.TempDir())
	if err := down.Start(); err != nil {
		t.Fatal(err)
	}
	dead := down.BaseURL()
	down.Close()
	e := newEnv(t, func(o *app.Options) {
		o.Mirrors = append([]source.Rewrite{{Prefix: org, Base: dead + "myorg/"}}, o.Mirrors...)
		o.Mirrors = append(o.Mirrors, source.Rewrite{Prefix: org, Base: spare.BaseURL() + "myorg/"})
	})
	repo := e.repo("mirrored", map[string]string{"a.yaml": configMap("mir-a", "1")})
	e.apply(application("mirrored", repo, ".", "mirrored"))
	e.synced("mirrored", "")
	e.holds("mirrored", "mir-a", "key", "1")

	// The spare one has the same history and one commit more.
	if err := spare.Create(t.Context(), "myorg/"+repo); err != nil {
		t.Fatal(err)
	}
	copyRepository(t, e.git.Path("myorg/"+repo), spare.Path("myorg/"+repo))
	e.git.Stop()
	commit, err := spare.Commit(t.Context(), "myorg/"+repo, "main", "two", map[string]*string{"a.yaml": ptr(configMap("mir-a", "2"))})
	if err != nil {
		t.Fatal(err)
	}
	e.notify(repo)
	e.synced("mirrored", commit)
	e.holds("mirrored", "mir-a", "key", "2")
	if o := e.app("mirrored"); at(o, "status", "conditions") != "" {
		t.Errorf("conditions: %v", at(o, "status", "conditions"))
	}
}

// TestOnePoll has many apps of one repository: a push costs one look at it.
func TestOnePoll(t *testing.T) {
	const n = 20
	e := newEnv(t)
	files := map[string]string{}
	for i := range n {
		files[fmt.Sprintf("app-%d/a.yaml", i)] = configMap("poll-a", "1")
	}
	repo := e.repo("polled", files)
	for i := range n {
		e.apply(application(fmt.Sprintf("poll-%d", i), repo, fmt.Sprintf("app-%d", i), fmt.Sprintf("poll-%d", i)))
	}
	for i := range n {
		e.synced(fmt.Sprintf("poll-%d", i), "")
	}
	t.Logf("looks until %d apps were synced: %v", n, e.count("fixpoint_git_ls_remote_total"))
	looks, fetches, requests := e.count("fixpoint_git_ls_remote_total"), e.count("fixpoint_git_fetch_total"), e.git.Requests()
	for i := range n {
		files[fmt.Sprintf("app-%d/a.yaml", i)] = configMap("poll-a", "2")
	}
	began := time.Now()
	commit := e.push(repo, "two", files)
	for i := range n {
		e.synced(fmt.Sprintf("poll-%d", i), commit)
	}
	looks, fetches, requests = e.count("fixpoint_git_ls_remote_total")-looks, e.count("fixpoint_git_fetch_total")-fetches, e.git.Requests()-requests
	t.Logf("a push: %v looks, %v fetches, %v requests at the Git server", looks, fetches, requests)
	// A poll by the clock may come in between, and more of them where everything takes long.
	most := 2 + int(time.Since(began)/time.Minute)
	if looks > float64(most) || fetches > float64(most) || requests > 6*int64(most) {
		t.Errorf("a push of %d apps' repository cost %v looks, %v fetches, %v requests", n, looks, fetches, requests)
	}
}
