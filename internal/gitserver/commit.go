package gitserver

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// The author of every commit made here.
const author = "Fixpoint Demo <demo@fixpoint.example>"

// The modes of an Entry.
const (
	ModeFile       = "100644"
	ModeExecutable = "100755"
	ModeLink       = "120000" // Data is the target
	ModeSubmodule  = "160000" // Data is the commit id
)

// Entry is a change to one path of a tree.
type Entry struct {
	Path string
	// Mode is one of the Mode constants; "" is ModeFile.
	Mode string
	Data string
	// Delete removes the path, with what is beneath it.
	Delete bool
}

// Commit puts a commit with these files onto a branch and returns its id; a nil
// value deletes a file, and all others stay as they are. The branch is made if
// there is none. Each call makes a commit, even when it changes nothing.
func (s *Server) Commit(ctx context.Context, repo, branch, message string, files map[string]*string) (string, error) {
	var entries []Entry
	for _, path := range slices.Sorted(maps.Keys(files)) {
		if data := files[path]; data != nil {
			entries = append(entries, Entry{Path: path, Data: *data})
		} else {
			entries = append(entries, Entry{Path: path, Delete: true})
		}
	}
	return s.CommitEntries(ctx, repo, branch, message, entries)
}

// CommitDir is Commit with every regular file beneath a folder of this machine.
func (s *Server) CommitDir(ctx context.Context, repo, branch, message, dir string) (string, error) {
	files, err := readDir(os.DirFS(dir))
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", filepath.Clean(dir), err)
	}
	return s.Commit(ctx, repo, branch, message, files)
}

// CommitEntries is Commit for links, executables and submodules too.
func (s *Server) CommitEntries(ctx context.Context, repo, branch, message string, entries []Entry) (string, error) {
	s.commits.Lock()
	defer s.commits.Unlock()
	refs, err := s.Refs(ctx, repo)
	if err != nil {
		return "", err
	}
	ref := "refs/heads/" + branch
	script := importScript(ref, refs[ref], message, entries)
	if _, err := run(ctx, s.Path(repo), script, "fast-import", "--quiet", "--date-format=raw"); err != nil {
		return "", fmt.Errorf("committing to %s of %q: %w", branch, repo, err)
	}
	out, err := run(ctx, s.Path(repo), nil, "rev-parse", "--verify", "--quiet", "--end-of-options", ref)
	if err != nil {
		return "", fmt.Errorf("committing to %s of %q: %w", branch, repo, err)
	}
	return strings.TrimSpace(string(out)), nil
}

// importScript is the input of git fast-import for one commit.
func importScript(ref, parent, message string, entries []Entry) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "commit %s\n", ref)
	fmt.Fprintf(&b, "committer %s %d +0000\n", author, time.Now().Unix())
	fmt.Fprintf(&b, "data %d\n%s\n", len(message), message)
	if parent != "" {
		fmt.Fprintf(&b, "from %s\n", parent)
	}
	for _, e := range entries {
		mode := e.Mode
		if mode == "" {
			mode = ModeFile
		}
		switch {
		case e.Delete:
			fmt.Fprintf(&b, "D %s\n", quote(e.Path))
		case mode == ModeSubmodule:
			fmt.Fprintf(&b, "M %s %s %s\n", mode, e.Data, quote(e.Path))
		default:
			fmt.Fprintf(&b, "M %s inline %s\ndata %d\n%s\n", mode, quote(e.Path), len(e.Data), e.Data)
		}
	}
	b.WriteString("done\n")
	return b.Bytes()
}

// quote is a path as fast-import reads it.
func quote(path string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(path) + `"`
}

// SetRef makes a ref point to a commit (or another object), or deletes it where
// id is "".
func (s *Server) SetRef(ctx context.Context, repo, ref, id string) error {
	args := []string{"update-ref", ref, id}
	if id == "" {
		args = []string{"update-ref", "-d", ref}
	}
	if _, err := run(ctx, s.Path(repo), nil, args...); err != nil {
		return fmt.Errorf("setting %s of %q: %w", ref, repo, err)
	}
	return nil
}

// Tag makes an annotated tag of a commit.
func (s *Server) Tag(ctx context.Context, repo, tag, commit, message string) error {
	object := fmt.Sprintf("object %s\ntype commit\ntag %s\ntagger %s %d +0000\n\n%s\n",
		commit, tag, author, time.Now().Unix(), message)
	out, err := run(ctx, s.Path(repo), []byte(object), "mktag")
	if err != nil {
		return fmt.Errorf("tagging %s of %q: %w", tag, repo, err)
	}
	return s.SetRef(ctx, repo, "refs/tags/"+tag, strings.TrimSpace(string(out)))
}

// Object is the content of an object as git stores it: a "commit", "tag", "tree"
// or "blob".
func (s *Server) Object(ctx context.Context, repo, kind, id string) ([]byte, error) {
	out, err := run(ctx, s.Path(repo), nil, "cat-file", kind, id)
	if err != nil {
		return nil, fmt.Errorf("reading %s %s of %q: %w", kind, id, repo, err)
	}
	return out, nil
}

// Write stores an object, such as a commit with a signature, and returns its id.
// Nothing is checked but that git can read it.
func (s *Server) Write(ctx context.Context, repo, kind string, data []byte) (string, error) {
	out, err := run(ctx, s.Path(repo), data, "hash-object", "-t", kind, "-w", "--stdin", "--literally")
	if err != nil {
		return "", fmt.Errorf("writing a %s of %q: %w", kind, repo, err)
	}
	return strings.TrimSpace(string(out)), nil
}

// SetHead makes a branch the default one.
func (s *Server) SetHead(ctx context.Context, repo, branch string) error {
	if _, err := run(ctx, s.Path(repo), nil, "symbolic-ref", "HEAD", "refs/heads/"+branch); err != nil {
		return fmt.Errorf("setting the default branch of %q: %w", repo, err)
	}
	return nil
}
