package source

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/source/hosts"
)

const (
	// baseRest is how long a base that could not be reached is tried last.
	baseRest = 5 * time.Minute
	// The time that a base gets when there is another one: to answer, and to
	// send content, which it can only after it has answered.
	listPatience  = 15 * time.Second
	fetchPatience = time.Hour
)

// access is one set of credentials for one repository.
type access struct {
	store  *Store
	mirror *mirror
	orig   remote
	auth   model.Auth
	proxy  model.Proxy
	// policy is what the repository and what it redirects to may be.
	policy  *hosts.Policy
	bases   []remote
	timeout atomic.Int64
}

// try does something at the first base that can do it. patience is the time that
// a base gets while there is another one.
func (a *access) try(ctx context.Context, patience time.Duration, do func(ctx context.Context, c call) error) error {
	order := a.order(time.Now())
	var errs []error
	for i, base := range order {
		limit := time.Duration(a.timeout.Load())
		if i < len(order)-1 {
			limit = min(limit, patience)
		}
		err := a.tryAt(ctx, base, limit, do)
		if err == nil || ctx.Err() != nil {
			return err
		}
		a.store.stats.failures.Add(1)
		errs = append(errs, err)
		if errors.Is(err, errDamaged) {
			break
		}
		if errors.Is(err, model.ErrTransient) {
			a.mirror.rest(base, time.Now().Add(baseRest))
		}
	}
	if len(errs) == 1 {
		return errs[0]
	}
	return fmt.Errorf("no mirror of the repository could serve it: %w", errors.Join(errs...))
}

func (a *access) tryAt(ctx context.Context, base remote, limit time.Duration, do func(ctx context.Context, c call) error) error {
	leave, err := a.store.hosts.enter(ctx, base.host)
	if err != nil {
		return err
	}
	defer leave()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	at, moved := a.mirror.movedTo(base)
	err = a.doAt(ctx, base, at, do)
	if moved && err != nil && ctx.Err() == nil {
		a.mirror.moved(base, base) // it may have moved on
		at, err = base, a.doAt(ctx, base, base, do)
	}
	if !errors.Is(err, errRedirected) || ctx.Err() != nil {
		return err
	}
	at, redirectErr := a.redirected(ctx, at)
	if redirectErr != nil {
		return fmt.Errorf("%w; following it failed: %w", err, redirectErr)
	}
	if err = a.doAt(ctx, base, at, do); err == nil {
		a.mirror.moved(base, at)
	}
	return err
}

// doAt does something at a base, or at the place that it redirects to.
func (a *access) doAt(ctx context.Context, base, at remote, do func(ctx context.Context, c call) error) error {
	where := withoutUserinfo(at.String())
	policy := a.policy
	if base != a.orig {
		policy = a.store.policy // a mirror, which the operator has chosen
	}
	way, err := routeTo(ctx, at, a.proxy, policy)
	if err != nil {
		return fmt.Errorf("connecting to %s: %w", where, err)
	}
	auth, err := a.login(ctx, redirectAuth(authAt(a.auth, a.orig, base), base, at), at)
	if err != nil {
		return fmt.Errorf("logging in to %s: %w", where, err)
	}
	err = do(ctx, call{at: at, auth: auth, way: way})
	if errors.Is(err, model.ErrDenied) && a.auth.GitHub != (model.GitHubApp{}) {
		a.store.tokens.Forget(a.auth.GitHub)
	}
	return err
}

// order is the bases, those that could not be reached lately last.
func (a *access) order(now time.Time) []remote {
	m := a.mirror
	m.mu.Lock()
	defer m.mu.Unlock()
	order := slices.Clone(a.bases)
	resting := func(r remote) int {
		if m.resting[r.key()].After(now) {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(order, func(x, y remote) int { return resting(x) - resting(y) })
	return order
}

func (m *mirror) rest(base remote, until time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.resting[base.key()] = until
}

// list asks for the refs, and says which base answered.
func (a *access) list(ctx context.Context, all bool) (*advert, remote, error) {
	args := []string{"ls-remote", "--quiet", "--symref"}
	if !all {
		args = append(args, "--heads", "--tags")
	}
	var out *advert
	var at remote
	err := a.try(ctx, listPatience, func(ctx context.Context, c call) error {
		a.store.stats.lsRemotes.Add(1)
		c.doing, c.gitDir, c.args = "listing", a.store.git.home, slices.Concat(args, []string{"origin"})
		text, err := a.store.git.run(ctx, c)
		if err != nil {
			return err
		}
		at = c.at
		out, err = parseAdvert(text)
		return err
	})
	return out, at, err
}

// fetch gets commits with their trees and without the files' contents. The
// caller uses the mirror.
func (a *access) fetch(ctx context.Context, commits []string) error {
	return a.try(ctx, fetchPatience, func(ctx context.Context, c call) error {
		a.store.stats.fetches.Add(1)
		c.doing, c.gitDir = "fetching from", a.mirror.dir
		return a.store.fetchInto(ctx, c, "blob:none", commits)
	})
}

// fetchInto gets single commits, or everything from a server that can't do that.
func (s *Store) fetchInto(ctx context.Context, c call, filter string, commits []string) error {
	exact := c
	exact.args = append(fetchArgs(), "--depth=1", "--filter="+filter, "--stdin", "origin")
	exact.stdin = strings.Join(commits, "\n") + "\n"
	_, err := s.git.run(ctx, exact)
	if err == nil || !servesNoCommits(err) {
		return err
	}
	return s.fetchAll(ctx, c, false)
}

// fetchAll gets all branches and tags with their content: with again also what
// the mirror has without content, else with the history that it does not have.
// (git ignores the one of the two options when both are given.)
func (s *Store) fetchAll(ctx context.Context, c call, again bool) error {
	c.args = append(fetchArgs(), "--no-filter", "--stdin")
	if again {
		c.args = append(c.args, "--refetch")
	} else if _, err := os.Stat(filepath.Join(c.gitDir, "shallow")); err == nil {
		c.args = append(c.args, "--unshallow")
	}
	c.args = append(c.args, "origin")
	c.stdin = "+refs/heads/*:refs/fixpoint/all/heads/*\n+refs/tags/*:refs/fixpoint/all/tags/*\n"
	_, err := s.git.run(ctx, c)
	return err
}

func fetchArgs() []string {
	return []string{"fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance", "--recurse-submodules=no"}
}

// servesNoCommits reports whether a server is too simple or too strict for
// fetching a commit by its id.
func servesNoCommits(err error) bool {
	text := strings.ToLower(err.Error())
	return strings.Contains(text, "unadvertised object") || strings.Contains(text, "dumb http transport") ||
		strings.Contains(text, "shallow capabilities")
}

// fetchBlobs gets files' contents in one go. The caller uses the mirror.
func (a *access) fetchBlobs(ctx context.Context, ids []oid) error {
	var b strings.Builder
	for _, id := range ids {
		b.WriteString(id.String())
		b.WriteByte('\n')
	}
	return a.try(ctx, fetchPatience, func(ctx context.Context, c call) error {
		a.store.stats.blobFetches.Add(1)
		c.doing, c.gitDir, c.stdin = "fetching files from", a.mirror.dir, b.String()
		c.config = [][2]string{{"fetch.negotiationAlgorithm", "noop"}}
		c.args = append(fetchArgs(), "--filter=blob:none", "--stdin", "origin")
		_, err := a.store.git.run(ctx, c)
		if err != nil && servesNoCommits(err) {
			return a.store.fetchAll(ctx, c, true)
		}
		return err
	})
}

// scope names the credentials on disk.
func (a *access) scope() string { return a.store.scope.of(a.auth) }

// need fetches those of the commits and tags that are not in the mirror. The
// caller uses the mirror.
func (a *access) need(ctx context.Context, want map[string]bool) error {
	ids := make([]oid, 0, len(want))
	for text := range want {
		id, err := parseOID(text)
		if err != nil {
			return err
		}
		ids = append(ids, id)
	}
	if len(ids) == 0 {
		return nil
	}
	missing, err := a.mirror.missing(ids)
	if err != nil {
		return model.As(errDamaged, err)
	}
	if len(missing) == 0 {
		return nil
	}
	commits := make([]string, len(missing))
	for i, id := range missing {
		commits[i] = id.String()
	}
	return a.fetch(ctx, commits)
}

// proven is the full id of a commit that these credentials may read: they have
// read it before, which was kept under this name, or it is fetched with them.
// The caller uses the mirror.
func (a *access) proven(ctx context.Context, name, id string) (string, error) {
	if k, ok := a.mirror.recall(ctx, a.scope(), name); ok && k.name == "" {
		return k.commit, nil
	}
	return a.prove(ctx, id)
}

// prove finds a commit that no ref names, and that these credentials may read it:
// it is asked for in an empty repository, since the mirror may have got it by
// somebody else's. id may be short; the full one is returned.
func (a *access) prove(ctx context.Context, id string) (string, error) {
	dir := filepath.Join(a.store.git.tmp, rand.Text()+".git")
	defer func() { _ = os.RemoveAll(dir) }()
	if err := initRepository(dir, mirrorConfig); err != nil {
		return "", fmt.Errorf("looking for commit %s: %w", id, err)
	}
	err := a.try(ctx, fetchPatience, func(ctx context.Context, c call) error {
		a.store.stats.fetches.Add(1)
		c.doing, c.gitDir = "looking for commit "+id+" in", dir
		if isCommitID(id) {
			return a.store.fetchInto(ctx, c, "tree:0", []string{id})
		}
		c.args = append(fetchArgs(), "--filter=tree:0", "--stdin", "origin")
		c.stdin = "+refs/heads/*:refs/heads/*\n+refs/tags/*:refs/tags/*\n"
		_, err := a.store.git.run(ctx, c)
		return err
	})
	if err != nil {
		return "", err
	}
	// id is hexadecimal, so it is neither an option nor an expression.
	out, err := a.store.git.run(ctx, call{
		doing: "looking for commit " + id + " in", gitDir: dir, at: remote{scheme: "file", path: dir}, args: []string{"rev-parse", "--verify", "--quiet", id + "^{commit}"},
	})
	if err != nil {
		return "", notFound("branch, tag or commit", id)
	}
	return strings.TrimSpace(string(out)), nil
}
