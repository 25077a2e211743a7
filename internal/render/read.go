package render

import (
	"errors"
	"io/fs"
	"slices"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// read is something that a render asked of a tree, with the answer.
type read struct {
	name   string
	what   question
	answer string
	// hash, for a listing, is that of the directory: equal hashes spare the
	// comparison of the entries.
	hash string
}

type question byte

const (
	askContent question = iota // the hash of a file's content
	askEntries                 // the names and types in a directory
	askKind                    // whether it is a file, a directory, or nothing
)

// Answers for what has no content.
const (
	answerNone = "-" // nothing there
	answerBad  = "!" // a symbolic link that leads out of the tree
)

// unchanged reports whether tree would answer all reads the same.
func unchanged(reads []read, tree model.Tree) bool {
	for _, r := range reads {
		if !r.holds(tree) {
			return false
		}
	}
	return true
}

func (r read) holds(tree model.Tree) bool {
	switch r.what {
	case askContent:
		return contentOf(tree, r.name) == r.answer
	case askEntries:
		if r.hash != "" && contentOf(tree, r.name) == r.hash {
			return true
		}
		entries, err := tree.ReadDir(r.name)
		return err == nil && listing(entries) == r.answer
	default:
		kind, err := kindOf(tree, r.name)
		return err == nil && kind.String() == r.answer
	}
}

// contentOf is the hash of what is there, or an answer for what has none; ""
// if it can't be told.
func contentOf(tree model.Tree, name string) string {
	hash, err := tree.Hash(name)
	switch {
	case err == nil:
		return hash
	case errors.Is(err, fs.ErrNotExist):
		return answerNone
	case errors.Is(err, fs.ErrInvalid):
		return answerBad
	}
	return ""
}

// listing is a text that differs if names or types in a directory do.
func listing(entries []fs.DirEntry) string {
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name() + "\x00" + e.Type().Type().String()
	}
	slices.Sort(names)
	return model.DigestOf([]byte(strings.Join(names, "\x00"))).String()
}

// kind is what a name stands for.
type kind byte

const (
	kindNone kind = iota
	kindFile
	kindDir
	kindBad // leads out of the tree
	kindModule
)

func (k kind) String() string { return []string{answerNone, "file", "dir", answerBad, "submodule"}[k] }

func kindOf(tree model.Tree, name string) (kind, error) {
	info, err := tree.Stat(name)
	switch {
	case err == nil && isSubmodule(info.Mode()):
		return kindModule, nil
	case err == nil && info.IsDir():
		return kindDir, nil
	case err == nil:
		return kindFile, nil
	case errors.Is(err, fs.ErrNotExist):
		return kindNone, nil
	case errors.Is(err, fs.ErrInvalid):
		return kindBad, nil
	}
	return kindNone, err
}

// isSubmodule reports whether a mode is that of a submodule; see model.Tree.
func isSubmodule(mode fs.FileMode) bool { return mode.IsDir() && mode&fs.ModeIrregular != 0 }
