package substitute

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// place is an object, for messages.
type place struct {
	object model.Object
	files  *Files
}

// String names the file, if it is known, and the object.
func (p place) String() string {
	if p.object.Origin == "" {
		return p.object.ObjectKey.String()
	}
	return p.object.Origin + ": " + p.object.ObjectKey.String()
}

// invalid is the error for a problem in the printed object.
func (p place) invalid(text string, f *problem) error {
	shown := "${…}"
	if name.MatchString(f.name) {
		shown = "${" + f.name + "}"
	}
	if at := p.lines(text, f); at != "" {
		return model.Invalidf("%s: %s: %s: %s", at, p.object.ObjectKey, shown, f.reason)
	}
	line := 1 + strings.Count(text[:f.at], "\n")
	return model.Invalidf("%s, line %d of its YAML: %s: %s", p, line, shown, f.reason)
}

// lines are the file and its lines where the expression stands: the object's
// own file, or the first that it stands in; "" if there is none.
func (p place) lines(text string, f *problem) string {
	if p.files == nil {
		return ""
	}
	sought := expressionAt(text, f)
	for _, name := range append([]string{p.object.Origin}, p.files.Names()...) {
		if data, err := p.files.Read(name); err == nil {
			if at := linesIn(data, sought); at != "" {
				return name + ", " + at
			}
		}
	}
	return ""
}

// linesIn are the lines that match; "" if there is none.
func linesIn(data []byte, sought *regexp.Regexp) string {
	var found []string
	for n, line := range strings.Split(string(data), "\n") {
		if sought.MatchString(line) {
			found = append(found, strconv.Itoa(n+1))
		}
	}
	const most = 3
	switch {
	case len(found) == 0:
		return ""
	case len(found) == 1:
		return "line " + found[0]
	case len(found) > most:
		return "lines " + strings.Join(found[:most], ", ") + ", …"
	}
	return "lines " + strings.Join(found, ", ")
}

// expressionAt finds the beginning of a problem's expression in other text.
func expressionAt(text string, f *problem) *regexp.Regexp {
	const enough = 40
	rest, _, _ := strings.Cut(text[f.at:], "\n")
	n := len("${#") + len(f.name) + 1
	if f.name == "" {
		n = enough
	}
	return regexp.MustCompile(regexp.QuoteMeta(strings.TrimRight(rest[:min(n, len(rest))], `'"`)))
}

var yamlLine = regexp.MustCompile(`line (\d+): `)

// noYAML is the error for text that is no YAML any more. The parser's own text
// is not in it: it may hold values.
func (p place) noYAML(text string, used []use, err error) error {
	what := "after substitution it is no YAML: a value has to be put in quotes"
	m := yamlLine.FindStringSubmatch(err.Error())
	if m == nil {
		return model.Invalidf("%s: %s", p, what)
	}
	line, _ := strconv.Atoi(m[1])
	var names []string
	for _, u := range used {
		// The parser may notice only on the next line.
		if shown := "${" + u.name + "}"; (u.line == line || u.line == line-1) && !slices.Contains(names, shown) {
			names = append(names, shown)
		}
	}
	if len(names) > 0 {
		what = fmt.Sprintf("%s, see %s", what, strings.Join(names, ", "))
	}
	return model.Invalidf("%s, line %d of its YAML: %s", p, min(line, 1+strings.Count(text, "\n")), what)
}
