package argo

import (
	"fmt"
	"regexp"
	"strings"
)

// glob is a pattern in which * is any text, ? any character, [ab] one of some and
// {a,b} one of several texts.
type glob struct{ *regexp.Regexp }

// readGlob reads a pattern.
func readGlob(pattern string) (glob, error) { return readGlobOf(pattern, ".*", ".") }

// readPathGlob reads a pattern in which only ** goes beyond a slash.
func readPathGlob(pattern string) (glob, error) { return readGlobOf(pattern, "[^/]*", "[^/]") }

// readGlobOf reads a pattern in which * and ? are those regular expressions.
func readGlobOf(pattern, some, one string) (glob, error) {
	var b strings.Builder
	depth, class := 0, false
	for i, c := range pattern {
		switch {
		case class:
			if b.WriteRune(c); c == ']' {
				class = false
			}
		case c == '[':
			b.WriteRune(c)
			class = true
		case c == '*' && strings.HasPrefix(pattern[i:], "**"):
			b.WriteString(".*")
		case c == '*':
			b.WriteString(some)
		case c == '?':
			b.WriteString(one)
		case c == '{':
			b.WriteString("(?:")
			depth++
		case c == '}' && depth > 0:
			b.WriteString(")")
			depth--
		case c == ',' && depth > 0:
			b.WriteString("|")
		default:
			b.WriteString(regexp.QuoteMeta(string(c)))
		}
	}
	re, err := regexp.Compile(`^(?s:` + b.String() + `)$`)
	if err != nil {
		return glob{}, fmt.Errorf("%q is not a pattern: close its brackets and braces", pattern)
	}
	return glob{re}, nil
}

// globs are several patterns, of which one has to match. None at all match
// everything.
type globs []glob

func readGlobs(patterns []string) (globs, error) {
	var out globs
	for _, p := range patterns {
		g, err := readGlob(p)
		if err != nil {
			return nil, err
		}
		out = append(out, g)
	}
	return out, nil
}

func (gs globs) match(text string) bool {
	for _, g := range gs {
		if g.MatchString(text) {
			return true
		}
	}
	return len(gs) == 0
}
