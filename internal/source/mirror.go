package source

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

const readerConfig = "[core]\n\trepositoryformatversion = 0\n\tbare = true\n"

// mirrorConfig makes the mirror a partial clone. The remote's URL is given to
// each command, since it depends on what is reachable.
const mirrorConfig = `[core]
	repositoryformatversion = 1
	bare = true
[extensions]
	partialClone = origin
[remote "origin"]
	promisor = true
	partialclonefilter = blob:none
`

// mirror is the repository on disk for one URL, shared by all its subscribers.
type mirror struct {
	store  *Store
	dir    string
	name   string // for logs
	reader *reader
	busy   chan struct{} // holds one token: a fetch runs
	opened bool          // guarded by busy
	// suspect: reading found damage; the next look makes it anew.
	suspect atomic.Bool
	// discards counts how often it was made anew.
	discards atomic.Int64

	mu      sync.Mutex
	resting map[string]time.Time // bases that could not be reached, and until when they are tried last
	places  map[string]remote    // bases that redirect, and where to
}

// use gets the mirror for one writer, opened; done gives it back.
func (m *mirror) use(ctx context.Context) (done func(), err error) {
	select {
	case m.busy <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	done = func() { <-m.busy }
	if m.opened {
		return done, nil
	}
	if err := m.open(); err != nil {
		done()
		return nil, fmt.Errorf("opening the mirror of %s: %w", withoutUserinfo(m.name), err)
	}
	m.opened = true
	return done, nil
}

// open makes the repository usable after whatever ended the last process: no
// other process has it open, so locks and half-written files are left-overs.
func (m *mirror) open() error {
	if err := initRepository(m.dir, mirrorConfig); err != nil {
		return err
	}
	return filepath.WalkDir(m.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := e.Name()
		if e.IsDir() {
			if filepath.Base(filepath.Dir(path)) == "objects" && len(name) == 2 {
				return fs.SkipDir // loose objects are renamed into place
			}
			return nil
		}
		if strings.HasSuffix(name, ".lock") || strings.HasPrefix(name, "tmp_") {
			return os.Remove(path)
		}
		return nil
	})
}

// initRepository makes a bare repository, or repairs the files that make a
// folder one.
func initRepository(dir, config string) error {
	for _, d := range []string{"objects/pack", "objects/info", "refs"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			return err
		}
	}
	for name, want := range map[string]string{"config": config, "HEAD": "ref: refs/heads/none\n"} {
		path := filepath.Join(dir, name)
		if have, err := os.ReadFile(path); err == nil && string(have) == want {
			continue
		}
		if err := os.WriteFile(path, []byte(want), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// discard throws a damaged mirror away; everything is fetched anew. It is called
// only when the remote has just answered. The caller uses the mirror.
func (m *mirror) discard() error {
	m.store.cfg.Log.Warn("discarding a damaged mirror", "repository", withoutUserinfo(m.name))
	m.store.stats.discards.Add(1)
	m.discards.Add(1)
	m.suspect.Store(false)
	m.reader.close(farFuture())
	if err := os.RemoveAll(m.dir); err != nil {
		return fmt.Errorf("discarding the mirror of %s: %w", withoutUserinfo(m.name), err)
	}
	return m.open()
}

func farFuture() time.Time { return time.Now().Add(24 * time.Hour) }

// maxPacks is how many fetches a mirror holds apart; each adds a pack.
const maxPacks = 100

// tidy joins the packs when they are many. Nothing is lost by it: what no ref
// holds any more is kept too, since a snapshot may still be read. The caller uses
// the mirror.
func (m *mirror) tidy(ctx context.Context) error {
	packs, err := filepath.Glob(filepath.Join(m.dir, "objects", "pack", "*.pack"))
	if err != nil || len(packs) < maxPacks {
		return err
	}
	_, err = m.local(ctx, "joining the packs of", "", "repack", "-a", "-d", "-k", "--quiet")
	return err
}

// load reads a commit and makes sure that its root tree is there too.
func (m *mirror) load(id string) (model.Commit, oid, error) {
	commit, err := parseOID(id)
	if err != nil {
		return model.Commit{}, oid{}, err
	}
	kind, data, err := m.reader.read(commit, 1<<20)
	if err != nil {
		return model.Commit{}, oid{}, err
	}
	if kind != "commit" {
		return model.Commit{}, oid{}, model.As(model.ErrInvalid, fmt.Errorf("%s is a %s and not a commit", id, kind))
	}
	c, root, err := parseCommit(id, data)
	if err != nil {
		return c, root, err
	}
	_, err = m.tree(root)
	return c, root, err
}

// tree reads a tree object.
func (m *mirror) tree(id oid) ([]entry, error) {
	if entries, ok := m.store.trees.load(id); ok {
		return entries, nil
	}
	kind, data, err := m.reader.read(id, 64<<20)
	if err != nil {
		return nil, err
	}
	if kind != "tree" {
		return nil, fmt.Errorf("%s is a %s and not a tree", id, kind)
	}
	entries, err := parseTree(data)
	if err != nil {
		return nil, err
	}
	m.store.trees.store(id, entries, len(entries)+1)
	return entries, nil
}

// missing are those of the objects that have to be fetched.
func (m *mirror) missing(ids []oid) ([]oid, error) {
	infos, err := m.reader.info(ids)
	if err != nil {
		return nil, err
	}
	var out []oid
	for i, o := range infos {
		if o.missing {
			out = append(out, ids[i])
		}
	}
	return out, nil
}

// local runs a git command that needs no remote.
func (m *mirror) local(ctx context.Context, doing, stdin string, args ...string) ([]byte, error) {
	return m.store.git.run(ctx, call{doing: doing, gitDir: m.dir, at: remote{scheme: "file", path: m.dir}, stdin: stdin, args: args})
}

func isMissing(err error) bool { return errors.Is(err, errMissing) }
