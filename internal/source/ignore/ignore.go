// Package ignore reads rules in the grammar of .gitignore and says which paths
// they leave out. It knows no files: paths are relative, with slashes.
//
// It differs from Git in one point, as Flux does: the last rule that matches a
// path or a folder above it decides. So a file can be taken in again beneath a
// folder that is left out.
package ignore

import (
	"path"
	"slices"
	"strings"
)

// Rules are lines of one or more files, the later over the earlier. They are
// never changed.
type Rules []rule

type rule struct {
	domain   []string // the folder it holds for
	parts    []string // the pattern; "**" stands for any number of folders
	anchored bool     // it is for the whole path below domain, not for a name
	keep     bool     // it began with !
	dirOnly  bool     // it ended with /
}

// Parse reads the lines of a file that lies in the folder domain; "." is the
// root. A line that is no pattern matches nothing.
func Parse(text, domain string) Rules {
	var out Rules
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if strings.HasPrefix(line, "#") || strings.TrimSpace(line) == "" {
			continue
		}
		if r, ok := parse(line); ok {
			r.domain = split(domain)
			out = append(out, r)
		}
	}
	return out
}

func parse(line string) (rule, bool) {
	var r rule
	for strings.HasSuffix(line, " ") && !strings.HasSuffix(line, `\ `) {
		line = line[:len(line)-1]
	}
	line, r.keep = strings.CutPrefix(line, "!")
	line, r.dirOnly = strings.CutSuffix(line, "/")
	r.anchored = strings.Contains(line, "/")
	for part := range strings.SplitSeq(strings.TrimPrefix(line, "/"), "/") {
		if part == "**" && len(r.parts) > 0 && r.parts[len(r.parts)-1] == "**" {
			continue
		}
		part = strings.ReplaceAll(part, "[!", "[^")
		if _, err := path.Match(part, ""); err != nil || part == "" {
			return r, false
		}
		r.parts = append(r.parts, part)
	}
	return r, true
}

func split(name string) []string {
	if name == "." || name == "" {
		return nil
	}
	return strings.Split(name, "/")
}

// Ignore reports whether a path is left out.
func (rs Rules) Ignore(name string, dir bool) bool {
	parts := split(name)
	for _, r := range slices.Backward(rs) {
		if r.matches(parts, dir) {
			return !r.keep
		}
	}
	return false
}

// IgnoreAll reports whether a folder is left out with whatever is beneath it.
func (rs Rules) IgnoreAll(name string) bool {
	parts := split(name)
	for _, r := range slices.Backward(rs) {
		if r.keep {
			return false // it may take in something beneath
		}
		if r.matches(parts, true) {
			return true
		}
	}
	return false
}

// matches reports whether the rule is about a path or a folder above it.
func (r rule) matches(name []string, dir bool) bool {
	if len(name) <= len(r.domain) {
		return false
	}
	for i, part := range r.domain {
		if name[i] != part {
			return false
		}
	}
	name = name[len(r.domain):]
	for n := 1; n <= len(name); n++ {
		if r.dirOnly && n == len(name) && !dir {
			return false
		}
		if r.anchored && glob(r.parts, name[:n]) || !r.anchored && match(r.parts[0], name[n-1]) {
			return true
		}
	}
	return false
}

// match is for one part of a path. "**" inside of it is as "*".
func match(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return ok && err == nil
}

// glob matches a whole path. "**" at the end stands for at least one part. at
// holds which numbers of parts the pattern so far can have used up, so that many
// "**" cost no more than their number.
func glob(pattern, name []string) bool {
	at := make([]bool, len(name)+1)
	at[0] = true
	for i, part := range pattern {
		next := make([]bool, len(name)+1)
		for used, ok := range at {
			switch {
			case !ok:
			case part != "**":
				if used < len(name) && match(part, name[used]) {
					next[used+1] = true
				}
			default:
				least := used
				if i == len(pattern)-1 {
					least++
				}
				for n := least; n <= len(name); n++ {
					next[n] = true
				}
			}
		}
		at = next
	}
	return at[len(name)]
}
