package access

import (
	"encoding/csv"
	"fmt"
	"slices"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Rule is a p line.
type Rule struct {
	// Subject is whom it is for; the rest are patterns.
	Subject, Resource, Action, Object string
	Deny                              bool
	// Place is where it stands, Text what it says there.
	Place, Text string

	resource, action, object pattern
	// shut: it stands for a line that can't be read.
	shut bool
}

// matches reports whether the rule is for that resource and action.
func (r *Rule) matches(resource, action string) bool {
	return r.resource.match(resource) && r.action.match(action)
}

// Binding is a g line: Subject is a Role, too.
type Binding struct{ Subject, Role, Place string }

// reading reads a word of a p line as a pattern.
type reading func(string) (pattern, error)

// lines are what some lines say.
type lines struct {
	rules    []*Rule
	bindings []Binding
	problems []error
}

func (l *lines) problem(place, format string, args ...any) {
	l.problems = append(l.problems, model.Invalidf("%s: %s", place, fmt.Sprintf(format, args...)))
}

// readCSV reads lines of a policy, which is called name.
func (l *lines) readCSV(name, text string, read reading) {
	for i, line := range strings.Split(text, "\n") {
		l.readLine(fmt.Sprintf("%s line %d", name, i+1), line, read)
	}
}

// readLine reads one line. Empty ones and those that begin with # say nothing.
func (l *lines) readLine(place, line string, read reading) {
	line = strings.TrimSpace(line)
	if line == "" || strings.HasPrefix(line, "#") {
		return
	}
	words, err := split(line)
	switch {
	case err != nil:
		l.problem(place, "its quotes are wrong: write each word plainly, or in a pair of quotes")
	case strings.TrimSpace(words[0]) == "p":
		l.readRule(place, line, words, read)
		return
	case strings.TrimSpace(words[0]) == "g":
		l.readBinding(place, line, words)
		return
	default:
		l.problem(place, "it begins with %s: begin it with p for a right, with g for a role, or with # for a comment", quoted(words[0]))
	}
	l.shut(place, line, words)
}

// split reads a line of CSV as well as it can be.
func split(line string) ([]string, error) {
	r := csv.NewReader(strings.NewReader(line))
	r.TrimLeadingSpace = true
	words, err := r.Read()
	if err == nil && len(words) > 0 {
		return words, nil
	}
	return strings.Split(line, ","), fmt.Errorf("reading a line: %w", err)
}

// shut denies everything to the subject of a line that is no good, unless the line
// plainly says allow.
func (l *lines) shut(place, line string, words []string) {
	if saysAllow(words) {
		return
	}
	for _, subject := range subjects(line, words) {
		l.rules = append(l.rules, &Rule{
			Subject: subject, Resource: "*", Action: "*", Object: "*", Deny: true, Place: place, Text: line,
			resource: anything, action: anything, object: anything, shut: true,
		})
	}
}

// subjects are the names that a line is for, as it may be understood.
func subjects(line string, words []string) []string {
	fields := strings.FieldsFunc(line, func(c rune) bool { return strings.ContainsRune(", \t\"'", c) })
	var out []string
	add := func(name string) {
		if name != "" && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	typed := len(fields) > 0 && (fields[0] == "p" || fields[0] == "g")
	if !typed && len(fields) > 0 {
		add(fields[0])
	}
	if len(fields) > 1 {
		add(fields[1])
	}
	if typed && len(words) > 1 {
		add(word(words[1]))
	}
	return out
}

// saysAllow reports whether the last word, whatever follows in it, is allow.
func saysAllow(words []string) bool {
	last := strings.ToLower(word(words[len(words)-1]))
	return strings.HasPrefix(last, "allow")
}

// word is a word of a line that was split at its commas.
func word(s string) string { return strings.Trim(s, " \t\"'") }

// readRule reads a p line.
func (l *lines) readRule(place, line string, words []string, read reading) {
	if len(words) != 6 {
		l.problem(place, "it has %d words: a right has 6, p, subject, resource, action, object, and allow or deny; one with a comma in it stands in quotes", len(words))
		l.shut(place, line, words)
		return
	}
	rule := &Rule{
		Subject: word(words[1]), Resource: word(words[2]), Action: word(words[3]), Object: word(words[4]),
		Place: place, Text: line,
		resource: anything, action: anything, object: anything,
	}
	good := true
	bad := func(what, text, why string) {
		good = false
		l.problem(place, "the %s %s %s", what, quoted(text), why)
	}
	for i, what := range []string{"type", "subject", "resource", "action", "object", "effect"} {
		if text := words[i]; strings.TrimSpace(text) != text {
			bad(what, text, "ends with a space: remove it")
		} else if text == "" {
			bad(what, text, "is empty: name it, or write * where all are meant")
		}
	}
	for _, part := range []struct {
		what, text string
		to         *pattern
	}{{"resource", rule.Resource, &rule.resource}, {"action", rule.Action, &rule.action}, {"object", rule.Object, &rule.object}} {
		p, err := read(part.text)
		if err != nil {
			bad(part.what, part.text, err.Error())
			continue
		}
		*part.to = p
	}
	if effect := word(words[5]); effect != "allow" && effect != "deny" {
		bad("effect", effect, "is neither allow nor deny: write one of them")
	}
	if rule.Deny = !saysAllow(words); good || rule.Deny {
		l.rules = append(l.rules, rule)
	}
}

// readBinding reads a g line.
func (l *lines) readBinding(place, line string, words []string) {
	if len(words) != 3 || word(words[1]) == "" || word(words[2]) == "" {
		l.problem(place, "it has not 3 words: a role is given by g, subject, role")
		l.shut(place, line, words)
		return
	}
	for _, text := range words {
		if strings.TrimSpace(text) != text {
			l.problem(place, "the name %s ends with a space: remove it", quoted(text))
			return
		}
	}
	l.bindings = append(l.bindings, Binding{Subject: words[1], Role: words[2], Place: place})
}

// quoted is a text of a user in a message, of bounded length.
func quoted(text string) string {
	if len(text) > 80 {
		text = text[:80] + "…"
	}
	return fmt.Sprintf("%q", text)
}
