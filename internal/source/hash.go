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
// on the smallest folder around it that holds what its links lead to.
func (t *tree) Hash(name string) (string, error) {
	n, err := t.find("hash", name, true)
	if err != nil {
		return "", err
	}
	if !n.isTree() {
		return fmt.Sprintf("%o:%s", n.mode, n.id), nil
	}
	hash, err := t.hashDir(n)
	if err != nil {
		return "", &fs.PathError{Op: "hash", Path: name, Err: err}
	}
	return hash, nil
}

func (t *tree) hashDir(n node) (string, error) {
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

// climbs tells how many levels the links beneath a folder lead above it, at
// most; it depends on the tree object only.
func (t *tree) climbs(dir node) (int, error) {
	if up, ok := t.access.store.climb.load(dir.id); ok {
		return up, nil
	}
	entries, err := t.entries(dir)
	if err != nil {
		return 0, err
	}
	most := 0
	for _, e := range entries {
		child := node{path: path.Join(dir.path, e.name), entry: e}
		up := 0
		switch {
		case e.isTree():
			up, err = t.climbs(child)
			up--
		case e.isLink():
			up, err = t.climb(child)
		}
		if err != nil {
			return 0, err
		}
		most = max(most, up)
	}
	t.access.store.climb.store(dir.id, most, 1)
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
