package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// clone is the demo's own work tree of the repository, as a user has one.
type clone struct{ dir, url string }

// push changes files and pushes them. It returns the commit.
func (c clone) push(ctx context.Context, message string, change func(read func(string) (string, error), write func(string, string) error) error) (string, error) {
	if err := c.update(ctx); err != nil {
		return "", err
	}
	read := func(name string) (string, error) {
		data, err := os.ReadFile(filepath.Join(c.dir, name))
		return string(data), err
	}
	write := func(name, text string) error {
		return os.WriteFile(filepath.Join(c.dir, name), []byte(text), 0o644)
	}
	if err := change(read, write); err != nil {
		return "", fmt.Errorf("changing a file to push: %w", err)
	}
	if _, err := c.git(ctx, "commit", "--quiet", "--all", "--message", message); err != nil {
		return "", err
	}
	return c.send(ctx)
}

func (c clone) send(ctx context.Context) (string, error) {
	if _, err := c.git(ctx, "push", "--quiet", "origin", "HEAD:"+branch); err != nil {
		return "", err
	}
	return c.git(ctx, "rev-parse", "HEAD")
}

// update brings the clone to what the server has, since the user may have
// pushed too.
func (c clone) update(ctx context.Context) error {
	if _, err := os.Stat(filepath.Join(c.dir, ".git")); err != nil {
		if _, err := runGit(ctx, "", "clone", "--quiet", "--branch", branch, c.url, c.dir); err != nil {
			return err
		}
	}
	for _, args := range [][]string{
		{"remote", "set-url", "origin", c.url}, // the port may be another than the last time
		{"fetch", "--quiet", "origin", branch},
		{"reset", "--quiet", "--hard", "FETCH_HEAD"},
	} {
		if _, err := c.git(ctx, args...); err != nil {
			return err
		}
	}
	return nil
}

func (c clone) git(ctx context.Context, args ...string) (string, error) {
	return runGit(ctx, c.dir, args...)
}

// subject is the first line of a commit's message, "" if it can't be read.
func subject(ctx context.Context, gitDir, commit string) string {
	text, err := runGit(ctx, gitDir, "log", "-1", "--format=%s", commit)
	if err != nil {
		return ""
	}
	return plain(text, 60)
}

// author is who commits, and when; the zero time is now.
type author struct {
	name string
	at   time.Time
}

// env tells git.
func (a author) env() []string {
	email := strings.ToLower(strings.ReplaceAll(a.name, " ", "-")) + "@fixpoint.example"
	env := []string{
		"GIT_AUTHOR_NAME=" + a.name, "GIT_AUTHOR_EMAIL=" + email,
		"GIT_COMMITTER_NAME=" + a.name, "GIT_COMMITTER_EMAIL=" + email,
	}
	if !a.at.IsZero() {
		at := a.at.Format(time.RFC3339)
		env = append(env, "GIT_AUTHOR_DATE="+at, "GIT_COMMITTER_DATE="+at)
	}
	return env
}

// runGit runs git in a folder, without the configuration of user and system.
func runGit(ctx context.Context, dir string, args ...string) (string, error) {
	return runGitAs(ctx, author{name: "Fixpoint demo"}, dir, args...)
}

func runGitAs(ctx context.Context, who author, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = dir
	cmd.Env = append(who.env(),
		"PATH="+os.Getenv("PATH"), "HOME="+os.TempDir(), "LC_ALL=C",
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_TERMINAL_PROMPT=0",
	)
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return "", fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(string(exit.Stderr)))
		}
		return "", fmt.Errorf("git %s: %w", args[0], err)
	}
	return strings.TrimSpace(string(out)), nil
}
