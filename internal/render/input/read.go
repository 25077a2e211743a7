package input

import (
	"errors"
	"io/fs"
	"slices"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Read is something that a render asked, with the answer.
type Read struct {
	// in is what was asked: the app's tree, another, or the host.
	in     origin
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
	askCluster                 // the target's version or API versions, by name
	askURL                     // the digest of a download
)

// Answers for what has no content.
const (
	answerNone = "-" // nothing there
	answerBad  = "!" // a symbolic link that leads out of the tree
)

// ofWorld reports whether the host was asked, and not a tree of the app.
func (r Read) ofWorld() bool {
	return r.in.remote != "" || r.what == askCluster || r.what == askURL
}

// holds reports whether tree gives the same answer.
func (r Read) holds(tree model.Tree) bool {
	switch r.what {
	case askContent:
		return ContentOf(tree, r.name) == r.answer
	case askEntries:
		if r.hash != "" && ContentOf(tree, r.name) == r.hash {
			return true
		}
		entries, err := tree.ReadDir(r.name)
		return err == nil && listing(entries) == r.answer
	default:
		kind, err := KindOf(tree, r.name)
		return err == nil && kind.String() == r.answer
	}
}

// ContentOf is the hash of what is there, or an answer for what has none; ""
// if it can't be told.
func ContentOf(tree model.Tree, name string) string {
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

// Kind is what a name stands for.
type Kind byte

// The kinds.
const (
	None Kind = iota
	File
	Dir
	Bad    // leads out of the tree
	Module // a submodule that is not read
)

// String is the kind as it is noted.
func (k Kind) String() string { return []string{answerNone, "file", "dir", answerBad, "submodule"}[k] }

// KindOf tells what name is in tree.
func KindOf(tree model.Tree, name string) (Kind, error) {
	info, err := tree.Stat(name)
	switch {
	case err == nil && IsSubmodule(info.Mode()):
		return Module, nil
	case err == nil && info.IsDir():
		return Dir, nil
	case err == nil:
		return File, nil
	case errors.Is(err, fs.ErrNotExist):
		return None, nil
	case errors.Is(err, fs.ErrInvalid):
		return Bad, nil
	}
	return None, err
}

// IsSubmodule reports whether a mode is that of a submodule; see model.Tree.
func IsSubmodule(mode fs.FileMode) bool { return mode.IsDir() && mode&fs.ModeIrregular != 0 }
