package access

import (
	"fmt"
	"regexp"
	"strings"
)

// maxPattern bounds the length of a pattern. Names in Kubernetes have at most 253
// characters; what is longer was not written by a person.
const maxPattern = 4096

// pattern is what a word of a request has to match. The work of a match grows with the
// length of the word alone, whatever the pattern.
type pattern struct {
	// pieces are the texts between the asterisks of a pattern that has nothing else
	// that is special; nil if re is to be asked.
	pieces []string
	re     *regexp.Regexp
}

// anything matches every word.
var anything = pattern{pieces: []string{"", ""}}

func (p pattern) match(word string) bool {
	if p.pieces == nil {
		return p.re.MatchString(word)
	}
	first, rest := p.pieces[0], p.pieces[1:]
	if len(rest) == 0 {
		return word == first
	}
	word, ok := strings.CutPrefix(word, first)
	if !ok {
		return false
	}
	for _, piece := range rest[:len(rest)-1] {
		at := strings.Index(word, piece)
		if at < 0 {
			return false
		}
		word = word[at+len(piece):]
	}
	return strings.HasSuffix(word, rest[len(rest)-1])
}

// readRegex reads a regular expression. It matches anywhere in a word, as Argo CD's do.
func readRegex(text string) (pattern, error) {
	if len(text) > maxPattern {
		return pattern{}, fmt.Errorf("has more than %d characters: shorten it", maxPattern)
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return pattern{}, fmt.Errorf("is no regular expression: correct it, or set policy.matchMode to glob")
	}
	return pattern{re: re}, nil
}

// readGlob reads a glob: * is any text, slashes included, ? any character, [abc], [a-z],
// [!abc] and [!a-z] one character, {a,b} one of several globs; \ takes what follows as
// it is. These are the rules of github.com/gobwas/glob without separators.
func readGlob(text string) (pattern, error) {
	if len(text) > maxPattern {
		return pattern{}, fmt.Errorf("has more than %d characters: shorten it", maxPattern)
	}
	if !strings.ContainsAny(text, `?[]{}\`) {
		return pattern{pieces: strings.Split(text, "*")}, nil
	}
	g := &globReader{rest: []rune(text)}
	expr, err := g.sequence(0)
	if err != nil {
		return pattern{}, err
	}
	re, err := regexp.Compile(`^(?s:` + expr + `)$`)
	if err != nil {
		return pattern{}, fmt.Errorf("is too large a pattern: simplify it")
	}
	return pattern{re: re}, nil
}

// globReader makes a regular expression of a glob.
type globReader struct{ rest []rune }

func (g *globReader) next() (rune, bool) {
	if len(g.rest) == 0 {
		return 0, false
	}
	c := g.rest[0]
	g.rest = g.rest[1:]
	return c, true
}

// sequence reads up to the end, in a brace to its end.
func (g *globReader) sequence(depth int) (string, error) {
	if depth > 20 {
		return "", fmt.Errorf("has braces in braces in braces: simplify it")
	}
	var b strings.Builder
	for {
		c, ok := g.next()
		if !ok {
			if depth > 0 {
				return "", fmt.Errorf("has a brace that is not closed: add }")
			}
			return b.String(), nil
		}
		switch {
		case c == '*':
			b.WriteString(`.*`)
		case c == '?':
			b.WriteString(`.`)
		case c == '\\':
			c, ok = g.next()
			if !ok {
				return "", fmt.Errorf(`ends with a backslash: remove it, or write \\`)
			}
			b.WriteString(regexp.QuoteMeta(string(c)))
		case c == '[':
			class, err := g.class()
			if err != nil {
				return "", err
			}
			b.WriteString(class)
		case c == '{':
			inner, err := g.sequence(depth + 1)
			if err != nil {
				return "", err
			}
			b.WriteString(`(?:` + inner + `)`)
		case c == '}' && depth > 0:
			return b.String(), nil
		case c == ',' && depth > 0:
			b.WriteString(`|`)
		default:
			b.WriteString(regexp.QuoteMeta(string(c)))
		}
	}
}

// class reads a class of characters, whose bracket was read: a list of them, or a
// single range.
func (g *globReader) class() (string, error) {
	end := -1
	for i, c := range g.rest {
		if c == ']' {
			end = i
			break
		}
	}
	if end < 0 {
		return "", fmt.Errorf("has a bracket that is not closed: add ]")
	}
	inner := g.rest[:end]
	g.rest = g.rest[end+1:]
	not := ""
	if len(inner) > 0 && inner[0] == '!' {
		not, inner = "^", inner[1:]
	}
	if len(inner) == 0 {
		return "", fmt.Errorf("has brackets with nothing in them: remove them")
	}
	if len(inner) >= 2 && inner[1] == '-' {
		if len(inner) != 3 || inner[2] < inner[0] {
			return "", fmt.Errorf("has brackets with more than one range: write {[a-z],[0-9]}")
		}
		return fmt.Sprintf(`[%s\x{%x}-\x{%x}]`, not, inner[0], inner[2]), nil
	}
	var b strings.Builder
	for _, c := range inner {
		if c == '\\' {
			return "", fmt.Errorf(`has brackets with a backslash in them: take it out`)
		}
		fmt.Fprintf(&b, `\x{%x}`, c)
	}
	return `[` + not + b.String() + `]`, nil
}
