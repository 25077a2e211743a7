package plugin

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// workspace is the folder of one run: what a plugin sees of its app, and a home.
type workspace struct{ top string }

func (w workspace) source() string { return filepath.Join(w.top, "source") }
func (w workspace) home() string   { return filepath.Join(w.top, "home") }

// newWorkspace copies a directory of a tree to a new folder in parent that
// nobody else may look into. Links become what they lead to. The caller removes
// it.
func newWorkspace(parent string, tree model.Tree, dir string, modes bool, maxBytes int64) (w workspace, err error) {
	top, err := os.MkdirTemp(parent, "fixpoint-plugin-")
	if err != nil {
		return w, model.As(model.ErrTransient, fmt.Errorf("making a folder for the plugin: %w", err))
	}
	w = workspace{top}
	defer func() {
		if err != nil {
			w.remove()
		}
	}()
	for _, folder := range []string{w.source(), w.home()} {
		if err := os.Mkdir(folder, 0o700); err != nil {
			return w, model.As(model.ErrTransient, err)
		}
	}
	root, err := os.OpenRoot(w.source())
	if err != nil {
		return w, model.As(model.ErrTransient, err)
	}
	defer root.Close()
	c := &copying{tree: tree, dir: dir, root: root, modes: modes, left: maxBytes, max: maxBytes}
	return w, reading(tree, c.enter, c.file).dir(dir, 0, 0)
}

// copying writes below root, which nothing leads out of.
type copying struct {
	tree      model.Tree
	dir       string
	root      *os.Root
	modes     bool
	left, max int64
}

// at is where a name of the tree is in the copy.
func (c *copying) at(name string) string {
	if c.dir == "." {
		return name
	}
	return strings.TrimPrefix(name, c.dir+"/")
}

func (c *copying) enter(name string) error { return c.failed(c.root.Mkdir(c.at(name), 0o700)) }

func (c *copying) file(name string) error {
	info, err := c.tree.Stat(name)
	if err != nil {
		return err
	}
	if c.left -= info.Size(); c.left < 0 {
		return model.Invalidf("%s: the files up to here have more than the limit of %d bytes for a plugin; "+
			"split the app or name a smaller path", name, c.max)
	}
	data, err := c.tree.ReadFile(name)
	if err != nil {
		return err
	}
	mode := fs.FileMode(0o600)
	if c.modes && info.Mode()&0o111 != 0 {
		mode = 0o700
	}
	f, err := c.root.OpenFile(c.at(name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return c.failed(err)
	}
	_, err = f.Write(data)
	if closing := f.Close(); err == nil {
		err = closing
	}
	return c.failed(err)
}

// failed is an error of the disk.
func (c *copying) failed(err error) error {
	if err == nil {
		return nil
	}
	return model.As(model.ErrTransient, fmt.Errorf("copying the app for the plugin: %w", err))
}

// remove removes the folder, whatever modes it was left with. All that could
// write to it has to have ended.
func (w workspace) remove() {
	if os.RemoveAll(w.top) == nil {
		return
	}
	_ = filepath.WalkDir(w.top, func(name string, d fs.DirEntry, _ error) error {
		if d != nil && d.IsDir() {
			_ = os.Chmod(name, 0o700) //nolint:gosec // to remove it
		}
		return nil
	})
	_ = os.RemoveAll(w.top) // what is left is in a folder for temporary files
}

// exceeds reports whether more than most bytes are written in the folder, as
// far as it can be read. A file counts as something even if it is empty.
func (w workspace) exceeds(most int64) bool {
	var total int64
	_ = filepath.WalkDir(w.top, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		const perEntry = 4096
		total += perEntry
		if info, err := d.Info(); err == nil && info.Mode().IsRegular() {
			total += info.Size()
		}
		if total > most {
			return fs.SkipAll
		}
		return nil
	})
	return total > most
}
