package source

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// oid is the id of a Git object (SHA-1).
type oid [20]byte

func (o oid) String() string { return hex.EncodeToString(o[:]) }

func parseOID(s string) (oid, error) {
	var o oid
	if len(s) != 2*len(o) {
		return o, fmt.Errorf("%q is not an object id of 40 digits", s)
	}
	if _, err := hex.Decode(o[:], []byte(s)); err != nil {
		return o, fmt.Errorf("%q is not an object id", s)
	}
	return o, nil
}

// isCommitID reports whether s is a full commit id.
func isCommitID(s string) bool {
	_, err := parseOID(s)
	return err == nil
}

// entry is a line of a tree object.
type entry struct {
	name string
	mode uint32
	id   oid
}

const (
	modeType = 0o170000
	modeTree = 0o040000
	modeLink = 0o120000
	modeRepo = 0o160000 // a submodule
)

func (e entry) isTree() bool { return e.mode&modeType == modeTree }
func (e entry) isLink() bool { return e.mode&modeType == modeLink }
func (e entry) isRepo() bool { return e.mode&modeType == modeRepo }
func (e entry) isFile() bool { return !e.isTree() && !e.isLink() && !e.isRepo() }

func (e entry) fileMode() fs.FileMode {
	switch {
	case e.isTree():
		return fs.ModeDir | 0o555
	case e.isRepo():
		return fs.ModeDir | fs.ModeIrregular | 0o555
	case e.isLink():
		return fs.ModeSymlink | 0o777
	case e.mode&0o100 != 0:
		return 0o555
	default:
		return 0o444
	}
}

// parseTree reads a tree object, sorted by name. Names that no file can have are left out, and
// those that name a repository's own folder: git refuses to write them, so they
// come from a forged object.
func parseTree(data []byte) ([]entry, error) {
	var out []entry
	for len(data) > 0 {
		mode, rest, ok := bytes.Cut(data, []byte{' '})
		name, rest, ok2 := bytes.Cut(rest, []byte{0})
		m, err := strconv.ParseUint(string(mode), 8, 32)
		if !ok || !ok2 || err != nil || len(rest) < len(oid{}) {
			return nil, fmt.Errorf("malformed tree object")
		}
		e := entry{name: string(name), mode: uint32(m), id: oid(rest[:len(oid{})])}
		data = rest[len(oid{}):]
		if fs.ValidPath(e.name) && e.name != "." && !strings.Contains(e.name, "/") && !isDotGit(e.name) {
			out = append(out, e)
		}
	}
	// Git sorts a folder as if its name ended in a slash.
	slices.SortStableFunc(out, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	return out, nil
}

// called finds the first of a folder's entries that bears a name.
func called(entries []entry, name string) (at int, ok bool) {
	return slices.BinarySearchFunc(entries, name, func(e entry, name string) int { return strings.Compare(e.name, name) })
}

// isDotGit reports whether some file system takes a name for .git.
func isDotGit(name string) bool {
	plain := strings.Map(func(r rune) rune {
		// What HFS+ does not see.
		if r >= 0x200c && r <= 0x200f || r >= 0x202a && r <= 0x202e || r >= 0x206a && r <= 0x206f || r == 0xfeff {
			return -1
		}
		return r
	}, strings.ToLower(name))
	if end := strings.IndexAny(plain, `:\`); end >= 0 {
		plain = plain[:end]
	}
	plain = strings.TrimRight(plain, ". ")
	return plain == ".git" || plain == "git~1"
}

// parseCommit reads a commit object and its root tree.
func parseCommit(id string, data []byte) (model.Commit, oid, error) {
	c := model.Commit{ID: id}
	var tree oid
	head, message, _ := strings.Cut(string(data), "\n\n")
	for line := range strings.Lines(head) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		switch key {
		case "tree":
			t, err := parseOID(value)
			if err != nil {
				return c, tree, fmt.Errorf("malformed commit %s: %w", id, err)
			}
			tree = t
		case "author":
			c.Author, _ = parsePerson(value)
		case "committer":
			_, c.Time = parsePerson(value)
		}
	}
	if tree == (oid{}) {
		return c, tree, fmt.Errorf("malformed commit %s: it has no tree", id)
	}
	c.Subject, _, _ = strings.Cut(strings.TrimLeft(message, "\n"), "\n")
	c.Subject = strings.ToValidUTF8(c.Subject, "�")
	return c, tree, nil
}

// parsePerson splits "Name <mail> seconds zone".
func parsePerson(s string) (string, time.Time) {
	end := strings.LastIndexByte(s, '>')
	if end < 0 {
		return "", time.Time{}
	}
	who := strings.ToValidUTF8(s[:end+1], "�")
	seconds, _, _ := strings.Cut(strings.TrimSpace(s[end+1:]), " ")
	n, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return who, time.Time{}
	}
	return who, time.Unix(n, 0).UTC()
}
