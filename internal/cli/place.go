package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// place is a directory inside the tree that it may read from.
type place struct {
	tree model.Tree
	// top is the tree's directory on the disk, path the one to render in it.
	top, path string
	// revision is the commit that the tree is taken for; "" if there is none.
	revision string
}

// placeOf finds the tree of a directory: root if that is given, else the Git
// work tree that the directory is in, else the directory itself.
func placeOf(deps Deps, dir, root string) (place, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return place{}, fmt.Errorf("finding %s: %w", dir, err)
	}
	info, err := os.Stat(abs)
	if err != nil {
		return place{}, fmt.Errorf("there is no directory %s: correct the name", dir)
	}
	if !info.IsDir() {
		return place{}, fmt.Errorf("%s is a file: name the directory that it is in", dir)
	}
	top := worktree(abs)
	if root != "" {
		if top, err = filepath.Abs(root); err != nil {
			return place{}, fmt.Errorf("finding %s: %w", root, err)
		}
	}
	rel, err := filepath.Rel(top, abs)
	if err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return place{}, fmt.Errorf("%s is not below --root %s: name a directory that holds it", dir, root)
	}
	tree, err := deps.Tree(top)
	if err != nil {
		return place{}, fmt.Errorf("%w: correct the name", err)
	}
	return place{tree: tree, top: top, path: filepath.ToSlash(rel)}, nil
}

// worktree is the nearest directory above dir, or dir, that has a .git; dir if
// there is none.
func worktree(dir string) string {
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, ".git")); err == nil {
			return at
		}
		if at == filepath.Dir(at) {
			return dir
		}
	}
}

// place is where a directory is rendered. Outside of Git work trees, files may
// be used from the current directory if that is above it.
func (r *renderFlags) place(deps Deps, dir string) (place, error) {
	root := r.root
	if abs, err := filepath.Abs(dir); root == "" && len(r.files) == 0 && err == nil && !inWorktree(abs) && filepath.IsLocal(dir) {
		root = "."
	}
	return placeOf(deps, dir, root)
}

// inWorktree reports whether a directory is in a Git work tree.
func inWorktree(dir string) bool {
	_, err := os.Stat(filepath.Join(worktree(dir), ".git"))
	return err == nil
}

// file is the name in the tree, from its root, of a file of the disk.
func (p place) file(name string) (string, error) {
	abs, err := filepath.Abs(name)
	if err != nil {
		return "", fmt.Errorf("finding %s: %w", name, err)
	}
	rel, err := filepath.Rel(p.top, abs)
	if err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return "", fmt.Errorf("%s is not below %s, outside of which nothing is read: copy it there, or name a directory above both with --root", name, p.top)
	}
	return "/" + filepath.ToSlash(rel), nil
}

// existing is file for one that a flag names.
func (p place) existing(flag, name string) (string, error) {
	if info, err := os.Stat(name); err != nil || info.IsDir() {
		return "", fmt.Errorf("--%s %s: there is no such file; name it from the current directory", flag, name)
	}
	return p.file(name)
}

func directories(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return nil, cobra.ShellCompDirectiveFilterDirs
}
