package demo

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fixpoint-cd/fixpoint/examples"
)

// teller commits to a sample repository.
type teller struct {
	tale
	clone
	changes []map[string]string // of each chapter
}

// newTeller makes the repository on the server, with all but what is still to
// come. One of an earlier demo is gone on with.
func (d *demo) newTeller(ctx context.Context, t tale) (*teller, error) {
	end, err := textFiles(examples.Repository(t.repository))
	if err != nil {
		return nil, fmt.Errorf("reading example %s: %w", t.repository, err)
	}
	to := &teller{tale: t, clone: clone{dir: filepath.Join(d.path("clone-samples"), t.repository), url: d.host.server.URL(t.repository)}}
	if to.changes, err = t.unfold(end); err != nil {
		return nil, err
	}
	if err := d.host.server.Create(ctx, t.repository); err != nil {
		return nil, err
	}
	refs, err := d.host.server.Refs(ctx, t.repository)
	if err != nil || refs["refs/heads/"+branch] != "" {
		return to, err
	}
	return to, to.begin(ctx, time.Now())
}

// begin pushes what has happened up to now.
func (t *teller) begin(ctx context.Context, now time.Time) error {
	if err := os.MkdirAll(t.dir, 0o700); err != nil {
		return err
	}
	for _, args := range [][]string{
		{"init", "--quiet", "--initial-branch", branch}, {"remote", "add", "origin", t.url},
	} {
		if _, err := t.git(ctx, args...); err != nil {
			return err
		}
	}
	for i, c := range t.chapters {
		if c.age == 0 {
			continue
		}
		if err := t.commit(ctx, i, now.Add(-c.age)); err != nil {
			return err
		}
		if c.tag == "" {
			continue
		}
		if _, err := t.git(ctx, "tag", c.tag); err != nil {
			return err
		}
	}
	_, err := t.git(ctx, "push", "--quiet", "--tags", "origin", "HEAD:"+branch)
	return err
}

// pending are the chapters that are still to come; an earlier demo may have told
// all of them.
func (t *teller) pending(ctx context.Context) ([]int, error) {
	if err := t.update(ctx); err != nil {
		return nil, err
	}
	log, err := t.git(ctx, "log", "--format=%s")
	if err != nil {
		return nil, err
	}
	known := strings.Split(log, "\n")
	var out []int
	for i, c := range t.chapters {
		if c.age == 0 && !slices.Contains(known, c.title) {
			out = append(out, i)
		}
	}
	return out, nil
}

// goOn pushes what is still to come.
func (t *teller) goOn(ctx context.Context) error {
	pending, err := t.pending(ctx)
	if err != nil || len(pending) == 0 {
		return err
	}
	for _, i := range pending {
		if err := t.commit(ctx, i, time.Now()); err != nil {
			return err
		}
	}
	_, err = t.send(ctx)
	return err
}

// commit makes a chapter's commit.
func (t *teller) commit(ctx context.Context, i int, at time.Time) error {
	for name, text := range t.changes[i] {
		file := filepath.Join(t.dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			return err
		}
	}
	if _, err := t.git(ctx, "add", "--all"); err != nil {
		return err
	}
	c := t.chapters[i]
	_, err := runGitAs(ctx, author{c.team, at}, t.dir, "commit", "--quiet", "--message", c.title)
	return err
}
