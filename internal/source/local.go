package source

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Base is the commit that the branch of a work tree of this machine has in
// common with a revision (a branch, a tag, a commit, or an expression such as
// HEAD~1) of its repository; where they have nothing in common, or the clone is
// too shallow to tell, it is the revision's commit itself. It is read from the
// clone; nothing is fetched or written.
func (s *Store) Base(ctx context.Context, worktree, revision string) (*model.Snapshot, error) {
	at, _, err := parseURL(worktree, true)
	if err != nil {
		return nil, err
	}
	clone := &localClone{git: s.git, at: at, dir: filepath.Join(worktree, ".git")}
	commit, err := clone.ask(ctx, "rev-parse", "--verify", "--quiet", "--end-of-options", revision+"^{commit}")
	if err != nil {
		return nil, notFound("branch, tag or commit", revision)
	}
	if common, err := clone.ask(ctx, "merge-base", commit, "HEAD"); err == nil {
		commit = common
	}
	objects, err := clone.ask(ctx, "rev-parse", "--path-format=absolute", "--git-path", "objects")
	if err != nil {
		return nil, err
	}
	return s.snapshotOf(at, objects, commit, revision)
}

// localClone is a repository of this machine that belongs to the user.
type localClone struct {
	git *git
	at  remote
	dir string
}

// ask runs a command that reads; its answer is one line.
func (l *localClone) ask(ctx context.Context, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	out, err := l.git.run(ctx, call{doing: "reading", gitDir: l.dir, at: l.at, args: args})
	if err != nil {
		return "", err
	}
	line, _, _ := strings.Cut(string(out), "\n")
	if line == "" {
		return "", errors.New("git says nothing")
	}
	return line, nil
}

// snapshotOf is a commit in a folder of objects that is not the Store's.
func (s *Store) snapshotOf(at remote, objects, commit, name string) (*model.Snapshot, error) {
	m := &mirror{
		// There is no mirror to fetch into; what is asked for is all there.
		store: s, dir: filepath.Join(s.git.tmp, "none-"+hashName(objects)), name: at.String(), busy: make(chan struct{}, 1),
		resting: map[string]time.Time{},
		reader:  &reader{git: s.git, gitDir: s.git.home, objects: objects, started: new(atomic.Int64), blobs: s.blobs},
	}
	s.mu.Lock()
	s.mirrors["local "+objects] = m // so that Close ends its processes
	s.mu.Unlock()
	a := &access{store: s, mirror: m, orig: at}
	a.timeout.Store(int64(s.cfg.Timeout))
	c, root, err := m.load(commit)
	if err != nil {
		return nil, fmt.Errorf("reading commit %s: %w", commit, err)
	}
	return &model.Snapshot{
		URL: at.String(), Ref: name, Revision: commit, Commit: c,
		Tree: &tree{top: &content{access: a, commit: commit, root: root, at: "."}},
	}, nil
}
