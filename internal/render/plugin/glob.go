package plugin

import (
	"path"
	"strings"
)

// matches reports whether a name matches a pattern, part by part. With stars,
// a part ** of the pattern matches any number of parts.
func matches(pattern, name string, stars bool) bool {
	return matchParts(strings.Split(path.Clean(pattern), "/"), strings.Split(name, "/"), stars)
}

func matchParts(pattern, name []string, stars bool) bool {
	for i, part := range pattern {
		if part == "**" && stars {
			for n := i; n <= len(name); n++ {
				if matchParts(pattern[i+1:], name[n:], stars) {
					return true
				}
			}
			return false
		}
		if i >= len(name) {
			return false
		}
		if ok, err := path.Match(part, name[i]); err != nil || !ok {
			return false
		}
	}
	return len(pattern) == len(name)
}

// maxStars bounds the ** of a pattern: matching takes a time that grows with
// the name's length to that power.
const maxStars = 4

func checkPattern(pattern string) error {
	if strings.Count(pattern, "**") > maxStars {
		return path.ErrBadPattern
	}
	_, err := path.Match(pattern, "")
	return err
}
