package source

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// Hash is the id of the Git object, with the mode for a file. A folder with a
// symbolic link that leads out of it (and stays in the repository) also depends
// on the smallest folder around it that holds what its links lead to. Where
// submodules or LFS files are read, the same objects are other content.
func (t *tree) Hash(name string) (string, error) {
	n, err := t.find("hash", name, true)
	if err != nil {
		return "", err
	}
	if n.isFile() {
		return t.mark(fmt.Sprintf("%o:%s", n.mode, n.id), treeFlags{lfs: t.flags.lfs}), nil
	}
	hash, err := t.hashDir(n)
	if err != nil {
		return "", &fs.PathError{Op: "hash", Path: name, Err: err}
	}
	return t.mark(hash, t.flags), nil
}

// mark tells a hash apart from that of the same objects read in another way.
func (t *tree) mark(hash string, flags treeFlags) string {
	if flags == (treeFlags{}) {
		return hash
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %v", hash, flags))
	return hex.EncodeToString(sum[:])
}

func (t *tree) hashDir(n node) (string, error) {
	n, err := t.inside(n)
	if err != nil {
		return "", err
	}
	if n.isRepo() {
		return fmt.Sprintf("%o:%s", n.mode, n.id), nil
	}
	up, err := t.climbs(n)
	if err != nil {
		return "", err
	}
	if up <= 0 || n.path == "." {
		return n.id.String(), nil
	}
	around := n.path
	for ; up > 0 && around != "."; up-- {
		around = path.Dir(around)
	}
	outer, err := t.walk(around, true)
	if err != nil {
		return "", err
	}
	outerHash, err := t.hashDir(outer)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(n.id.String() + " in " + outerHash))
	return hex.EncodeToString(sum[:]), nil
}

// climbKey is what the answer of climbs depends on.
type climbKey struct {
	id    oid
	flags treeFlags
}

// climbs tells how many levels the links beneath a folder lead above it, at
// most. A submodule that can't be read has none that could be followed.
func (t *tree) climbs(dir node) (int, error) {
	cache, key := t.top.access.store.climb, climbKey{dir.id, t.flags}
	if up, ok := cache.load(key); ok {
		return up, nil
	}
	entries, err := t.entries(dir)
	if err != nil {
		return 0, err
	}
	most, certain := 0, true
	for _, e := range entries {
		child := dir.child(e)
		up := 0
		switch {
		case e.isLink():
			up, err = t.climb(child)
		case e.isRepo():
			if child, err = t.inside(child); err != nil || child.isRepo() {
				certain, err = certain && err == nil, nil
				continue
			}
			fallthrough
		case e.isTree():
			up, err = t.climbs(child)
			up--
		}
		if err != nil {
			return 0, err
		}
		most = max(most, up)
	}
	if certain {
		cache.store(key, most, 1)
	}
	return most, nil
}

// climb tells how far one link leads up. With ".." only at its beginning that is
// their number, as the folders above are no links; anything else might lead
// anywhere.
func (t *tree) climb(link node) (int, error) {
	const anywhere = 1 << 20
	data, err := t.blob(link, 4096)
	if err != nil {
		return 0, err
	}
	to := string(data)
	if path.IsAbs(to) {
		return 0, nil // an error, whatever else is in the repository
	}
	up := 0
	for rest, more := to, true; more; {
		var part string
		part, rest, more = strings.Cut(rest, "/")
		if part != ".." {
			if strings.Contains("/"+rest+"/", "/../") {
				return anywhere, nil
			}
			break
		}
		up++
	}
	return up, nil
}
