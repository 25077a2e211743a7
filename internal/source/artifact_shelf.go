package source

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"time"
	"weak"

	"github.com/fixpoint-cd/fixpoint/internal/source/archive"
	"github.com/fixpoint-cd/fixpoint/internal/source/fetch"
)

// shelf keeps what was fetched of artifacts, so that it serves after a restart
// without the place that it came from. Trees are shared: equal content is one
// file and one list in memory, whoever has fetched it.
type shelf struct {
	room *archive.Room
	dir  string // of the notes
	// harmed is called when a tree turns out to be damaged.
	harmed func()

	mu    sync.Mutex
	uses  map[string]map[string]bool // the notes of each tree
	notes map[string]*noted
	open  map[string]weak.Pointer[archive.Tree]
}

// noted is a note that exists.
type noted struct {
	tree    string
	touched time.Time
}

// note is what is written of a want: all but its files.
type note struct {
	Ref      string            `json:"ref,omitempty"`
	Revision string            `json:"revision"`
	Digest   string            `json:"digest"`
	Verified string            `json:"verified,omitempty"`
	Metadata map[string]string `json:"metadata,omitempty"`
	Marks    map[string]string `json:"marks,omitempty"`
	Pinned   bool              `json:"pinned,omitempty"`
	Tree     string            `json:"tree"`
}

const (
	// maxIdle is how long a note stays that nobody has asked for.
	maxIdle = 30 * 24 * time.Hour
	// touchEvery is how often the time of a note is renewed.
	touchEvery = 24 * time.Hour
)

var noteName = regexp.MustCompile(`^[0-9a-f]{64}$`)

// openShelf opens the folder, and removes from it what nobody has asked for in a
// long time.
func openShelf(dir string, limits archive.Limits, harmed func()) (*shelf, error) {
	s := &shelf{
		dir: filepath.Join(dir, "notes"), harmed: harmed,
		uses: map[string]map[string]bool{}, notes: map[string]*noted{}, open: map[string]weak.Pointer[archive.Tree]{},
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return nil, err
	}
	var err error
	if s.room, err = archive.OpenRoom(filepath.Join(dir, "trees"), limits); err != nil {
		return nil, err
	}
	if err := s.load(time.Now()); err != nil {
		return nil, err
	}
	ids, err := s.room.IDs()
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if len(s.uses[id]) == 0 {
			err = errors.Join(err, s.room.Remove(id))
		}
	}
	return s, err
}

func (s *shelf) load(now time.Time) error {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		path := filepath.Join(s.dir, e.Name())
		st, err := e.Info()
		if err != nil {
			return err
		}
		n, err := readNote(path)
		if err != nil || now.Sub(st.ModTime()) > maxIdle || !noteName.MatchString(e.Name()) {
			if err := os.Remove(path); err != nil {
				return err
			}
			continue
		}
		s.use(e.Name(), n.Tree, st.ModTime())
	}
	return nil
}

func readNote(path string) (*note, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	n := &note{}
	return n, json.Unmarshal(text, n)
}

// use notes in memory which tree a note has, and returns the tree that nobody
// has any more; "" if there is none.
func (s *shelf) use(name, tree string, at time.Time) string {
	old := s.notes[name]
	s.notes[name] = &noted{tree: tree, touched: at}
	if s.uses[tree] == nil {
		s.uses[tree] = map[string]bool{}
	}
	s.uses[tree][name] = true
	if old == nil || old.tree == tree {
		return ""
	}
	delete(s.uses[old.tree], name)
	if len(s.uses[old.tree]) > 0 {
		return ""
	}
	delete(s.uses, old.tree)
	return old.tree
}

// share returns the tree with the same content that is in memory already, or t.
func (s *shelf) share(t *archive.Tree) *archive.Tree {
	s.mu.Lock()
	defer s.mu.Unlock()
	if have := s.open[t.ID()].Value(); have != nil && !have.Damaged() {
		return have
	}
	for id, p := range s.open {
		if p.Value() == nil {
			delete(s.open, id)
		}
	}
	t.OnDamage(s.harmed)
	s.open[t.ID()] = weak.Make(t)
	return t
}

// keep writes a note, and removes the tree that it had before if that is
// nobody else's.
func (s *shelf) keep(name string, got *fetch.Got) error {
	text, err := json.Marshal(note{
		Ref: got.Ref, Revision: got.Revision, Digest: got.Digest, Verified: got.Verified,
		Metadata: got.Metadata, Marks: got.Marks, Pinned: got.Pinned, Tree: got.Tree.ID(),
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	tmp := filepath.Join(s.dir, name+".new")
	if err := os.WriteFile(tmp, text, 0o600); err != nil {
		return err
	}
	if err := os.Rename(tmp, filepath.Join(s.dir, name)); err != nil {
		return err
	}
	if unused := s.use(name, got.Tree.ID(), time.Now()); unused != "" {
		return s.room.Remove(unused)
	}
	return nil
}

// touch says that a note is still asked for.
func (s *shelf) touch(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if n := s.notes[name]; n != nil && now.Sub(n.touched) > touchEvery {
		n.touched = now
		_ = os.Chtimes(filepath.Join(s.dir, name), now, now)
	}
}

// recall reads a note and opens its tree.
func (s *shelf) recall(name string) (*fetch.Got, bool) {
	n, err := readNote(filepath.Join(s.dir, name))
	if err != nil {
		return nil, false
	}
	tree, err := s.tree(n.Tree)
	if err != nil {
		return nil, false
	}
	s.touch(name)
	return &fetch.Got{
		Ref: n.Ref, Revision: n.Revision, Digest: n.Digest, Verified: n.Verified,
		Metadata: n.Metadata, Marks: n.Marks, Pinned: n.Pinned, Tree: tree,
	}, true
}

func (s *shelf) tree(id string) (*archive.Tree, error) {
	s.mu.Lock()
	have := s.open[id].Value()
	s.mu.Unlock()
	if have != nil && !have.Damaged() {
		return have, nil
	}
	t, err := s.room.Open(id)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			err = errors.Join(err, s.room.Remove(id))
		}
		return nil, fmt.Errorf("recalling a tree: %w", err)
	}
	return s.share(t), nil
}
