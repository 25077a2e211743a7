package render

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// DirTree is the directory dir of the disk as a tree, as it is at each moment.
// Symbolic links are followed inside of dir; one that leads out of it is an
// error that satisfies errors.Is(err, fs.ErrInvalid). Entries named .git are
// not part of it.
func DirTree(dir string) (model.Tree, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		kind := model.ErrTransient
		if errors.Is(err, fs.ErrNotExist) {
			kind = model.ErrNotFound
		}
		return nil, model.As(kind, fmt.Errorf("opening the directory to render: %w", err))
	}
	return &dirTree{root: root, files: root.FS()}, nil
}

type dirTree struct {
	root  *os.Root
	files fs.FS
}

const gitDir = ".git"

// confined gives errors of os.Root about leaving it, and of links without end,
// the kind that model.Tree promises.
func confined(name string, err error) error {
	if err != nil && (errors.Is(err, syscall.ELOOP) || strings.Contains(err.Error(), "path escapes from parent")) {
		return &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	return err
}

func hidden(op, name string) error {
	if slices.Contains(strings.Split(name, "/"), gitDir) {
		return &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	return nil
}

// Open opens a file or directory.
func (t *dirTree) Open(name string) (fs.File, error) {
	if err := hidden("open", name); err != nil {
		return nil, err
	}
	f, err := t.files.Open(name)
	return f, confined(name, err)
}

// ReadFile reads a file whole.
func (t *dirTree) ReadFile(name string) ([]byte, error) {
	if err := hidden("read", name); err != nil {
		return nil, err
	}
	data, err := fs.ReadFile(t.files, name)
	return data, confined(name, err)
}

// ReadDir lists a directory.
func (t *dirTree) ReadDir(name string) ([]fs.DirEntry, error) {
	if err := hidden("readdir", name); err != nil {
		return nil, err
	}
	entries, err := fs.ReadDir(t.files, name)
	entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return e.Name() == gitDir })
	return entries, confined(name, err)
}

// Stat describes what is there, behind symbolic links.
func (t *dirTree) Stat(name string) (fs.FileInfo, error) {
	if err := hidden("stat", name); err != nil {
		return nil, err
	}
	info, err := fs.Stat(t.files, name)
	return info, confined(name, err)
}

// Hash is the SHA-256 of the content.
func (t *dirTree) Hash(name string) (string, error) {
	info, err := t.Stat(name)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	if info.IsDir() {
		err = t.hashDir(h, name)
	} else {
		err = t.hashFile(h, name)
	}
	return hex.EncodeToString(h.Sum(nil)), err
}

func (t *dirTree) hashFile(h io.Writer, name string) error {
	f, err := t.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(h, f)
	return err
}

// hashDir writes the names, types and hashes of the entries. Links count as
// what they lead to if that is a file, else as their text, which ends loops.
func (t *dirTree) hashDir(h io.Writer, name string) error {
	entries, err := t.ReadDir(name)
	if err != nil {
		return err
	}
	for _, e := range entries {
		at := path.Join(name, e.Name())
		hash := ""
		info, statErr := t.Stat(at)
		if e.Type()&fs.ModeSymlink != 0 && (statErr != nil || info.IsDir()) {
			hash, err = t.root.Readlink(at)
		} else if e.Type().IsRegular() || e.IsDir() || statErr == nil && info.Mode().IsRegular() {
			hash, err = t.Hash(at)
		}
		if err != nil {
			return err
		}
		fmt.Fprintf(h, "%q %s %q\n", e.Name(), e.Type(), hash)
	}
	return nil
}
