package web

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// yamlLine is a line of a manifest, in pieces that differ in colour.
type yamlLine struct{ Pieces []yamlPiece }

// yamlPiece is a run of text. Class is "" of punctuation, else k (key), s (text),
// n (number, true, false, null) or m (a masked value).
type yamlPiece struct{ Class, Text string }

// yamlLines writes an object as YAML, keys sorted, at most limit lines; more reports
// whether something was left out.
func yamlLines(object map[string]any, limit int) (lines []yamlLine, more bool) {
	w := yamlWriter{limit: limit}
	w.mapping(object, 0)
	w.end()
	return w.lines, w.full
}

// yamlText is the whole object as YAML.
func yamlText(object map[string]any) string {
	lines, _ := yamlLines(object, 0)
	var b strings.Builder
	for _, l := range lines {
		for _, p := range l.Pieces {
			b.WriteString(p.Text)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

type yamlWriter struct {
	limit int
	lines []yamlLine
	line  []yamlPiece
	full  bool
}

func (w *yamlWriter) put(class, text string) {
	if text != "" && !w.full {
		w.line = append(w.line, yamlPiece{class, text})
	}
}

func (w *yamlWriter) end() {
	if len(w.line) == 0 || w.full {
		return
	}
	if w.limit > 0 && len(w.lines) == w.limit {
		w.full, w.line = true, nil
		return
	}
	w.lines = append(w.lines, yamlLine{w.line})
	w.line = nil
}

func indent(depth int) string { return strings.Repeat("  ", depth) }

func (w *yamlWriter) mapping(m map[string]any, depth int) {
	for i, key := range slices.Sorted(maps.Keys(m)) {
		if w.full {
			return
		}
		if i > 0 || len(w.line) == 0 {
			w.end()
			w.put("", indent(depth))
		}
		w.key(yamlScalar(key), depth)
		w.value(m[key], depth)
	}
}

// longKey is above how many bytes a key is written as an explicit one: readers take
// none of more than 1024 characters without its question mark (YAML 1.2, 7.4.2).
const longKey = 1000

// key writes a key and its colon.
func (w *yamlWriter) key(text string, depth int) {
	if len(text) > longKey {
		w.put("", "? ")
		w.put("k", text)
		w.end()
		w.put("", indent(depth)+":")
		return
	}
	w.put("k", text)
	w.put("", ":")
}

// value writes what follows a key's colon.
func (w *yamlWriter) value(v any, depth int) {
	switch v := v.(type) {
	case map[string]any:
		if len(v) == 0 {
			w.put("", " {}")
			return
		}
		if depth >= deepest {
			w.put("", " ")
			w.nested(v)
			return
		}
		w.end()
		w.mapping(v, depth+1)
	case []any:
		if len(v) == 0 {
			w.put("", " []")
			return
		}
		if depth >= deepest {
			w.put("", " ")
			w.nested(v)
			return
		}
		w.sequence(v, depth)
	default:
		w.put("", " ")
		w.scalar(v, depth+1)
	}
}

func (w *yamlWriter) sequence(items []any, depth int) {
	for _, v := range items {
		if w.full {
			return
		}
		w.end()
		w.put("", indent(depth)+"- ")
		switch v := v.(type) {
		case map[string]any:
			if len(v) == 0 {
				w.put("", "{}")
			} else {
				w.mapping(v, depth+1)
			}
		case []any:
			w.nested(v)
		default:
			w.scalar(v, depth+1)
		}
	}
}

// deepest is how deep values are written in lines of their own: each level indents all
// below it, so that a small object could be a very long text.
const deepest = 100

// nested writes in one line a list in a list, of which no Kubernetes kind is full, and
// what is very deep.
func (w *yamlWriter) nested(v any) {
	text, err := json.Marshal(v)
	if err != nil {
		text = []byte("[]")
	}
	w.put("", string(text))
}

func (w *yamlWriter) scalar(v any, depth int) {
	text, ok := v.(string)
	switch {
	case !ok:
		w.put("n", yamlNumber(v))
	case masked(text) && text[0] != '*': // which begins an alias
		w.put("m", text)
	case masked(text):
		w.put("m", yamlQuoted(text))
	case strings.Contains(text, "\n") && literal(text):
		w.block(text, depth)
	default:
		w.put("s", yamlScalar(text))
	}
}

func yamlNumber(v any) string {
	if v == nil {
		return "null"
	}
	text, err := json.Marshal(v)
	if err != nil {
		return "null"
	}
	return string(text)
}

// block writes a text of several lines as it is.
func (w *yamlWriter) block(text string, depth int) {
	head, body := "|-", text
	if trimmed, ok := strings.CutSuffix(text, "\n"); ok {
		head, body = "|", trimmed
	}
	w.put("", head)
	w.end()
	for line := range strings.SplitSeq(body, "\n") {
		if line == "" {
			w.line = append(w.line, yamlPiece{})
		} else {
			w.put("", indent(depth))
			w.put("s", line)
		}
		w.end()
		if w.full {
			return
		}
	}
}

// literal reports whether a text of several lines can be written as a block: no line
// begins the block with blanks, none ends it, and every character can be printed.
func literal(text string) bool {
	body := strings.TrimSuffix(text, "\n")
	if body == "" || body[0] == ' ' || body[0] == '\n' || strings.HasSuffix(body, "\n") {
		return false
	}
	return !strings.ContainsFunc(body, func(r rune) bool {
		return r != '\n' && !strconv.IsPrint(r) && r != '\t'
	}) && !strings.HasPrefix(body, "\t") && !strings.Contains(body, "\n\t")
}

// yamlPlain matches texts that mean themselves without quotes.
var yamlPlain = regexp.MustCompile(`^[A-Za-z_/.(][A-Za-z0-9_./()+=$*@,;-]*(?:[ :][A-Za-z0-9_./()+=$*@,;-]+)*$`)

// yamlWords are plain texts that YAML takes for something else.
var yamlWords = regexp.MustCompile(`(?i)^(?:y|n|yes|no|on|off|true|false|null|~|\.nan|[-+]?\.inf|=|<<|\.[0-9_.e+-]*)$`)

// yamlEnd begins a line that ends a document.
const yamlEnd = "..."

// yamlScalar is a text as YAML of one line, in quotes where it needs them.
func yamlScalar(text string) string {
	if yamlPlain.MatchString(text) && !yamlWords.MatchString(text) && !strings.HasPrefix(text, yamlEnd) {
		return text
	}
	return yamlQuoted(text)
}

// yamlQuoted is a text in double quotes; what can't be printed is escaped.
func yamlQuoted(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteRune('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case strconv.IsPrint(r):
			b.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08X`, r)
		default:
			fmt.Fprintf(&b, `\u%04X`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// yamlMasked matches what stands for the hidden value of a Secret.
var yamlMasked = regexp.MustCompile(`^(?:\(hidden value \d+\)|[*+•]{3,})$`)

// masked reports whether a text stands for a hidden value.
func masked(text string) bool { return yamlMasked.MatchString(text) }
