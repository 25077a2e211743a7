package helm

import (
	"cmp"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Texts in quotes may be values.
var quoted = regexp.MustCompile("(?s)`[^`]*`|\"(?:[^\"\\\\]|\\\\.)*\"|'[^']*'")

// scrub takes what may be a value out of a library's message.
func scrub(text string) string {
	text = quoted.ReplaceAllStringFunc(text, func(quote string) string {
		// A parser names the sign that it expects.
		if len(quote) == len(`','`) {
			return quote
		}
		return "…"
	})
	const most = 400
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}

// yamlProblem is a YAML parser's error without values.
func yamlProblem(err error) string {
	text := err.Error()
	for _, wrapper := range []string{"cannot unmarshal yaml document: ", "error reading yaml document: ",
		"error converting YAML to JSON: ", "error unmarshaling JSON: ", "while decoding JSON: ", "yaml: ", "unmarshal errors:\n  "} {
		text = strings.TrimPrefix(text, wrapper)
	}
	if strings.HasPrefix(text, "json: cannot unmarshal") {
		return "not a map: values are keys, each followed by a colon and its value"
	}
	if strings.HasPrefix(text, "unsupported map key") {
		return "a key of a map is null, a list or a map; write it as a string"
	}
	text, _, _ = strings.Cut(text, "\n")
	return scrub(text)
}

// hide keeps the texts in a value out of messages.
func (r *run) hide(value any) {
	switch v := value.(type) {
	case string:
		const short = 4
		if text := strings.TrimSpace(v); len(text) >= short {
			r.secrets = append(r.secrets, text)
		}
	case []any:
		for _, e := range v {
			r.hide(e)
		}
	case map[string]any:
		for _, e := range v {
			r.hide(e)
		}
	}
}

// conceal takes the hidden texts out of a message, the longest first.
func (r *run) conceal(text string) string {
	slices.SortFunc(r.secrets, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	for _, s := range r.secrets {
		text = strings.ReplaceAll(text, s, "(hidden)")
	}
	return text
}

var (
	// told is what the template itself says by required or fail.
	told = regexp.MustCompile(`(?s)^execution error at \((.+?):(\d+)(?::\d+)?\): (.*)$`)
	// unparsed is a template that can't be parsed: its message shows the
	// template's own text.
	unparsed = regexp.MustCompile(`(?s)^parse error (?:at|in) \((.+?)(?::(\d+))?(?::\d+)?\): (.*)$`)
	// location is a line of the engine's trace, or what stands before each part of
	// an error that the engine has left as it is.
	location = regexp.MustCompile(`(?ms)^(\S[^\n]*?):(\d+)(?::\d+)?$|template: ([^\n]+?):(\d+)(?::\d+)?: executing "[^"]*" at <.*?>: `)
	// undefined names a template that there is not.
	undefined = regexp.MustCompile(`(?:template: )?no template "([^"]*)" associated with template "[^"]*"`)
	// named are the messages whose quoted texts are names out of the template.
	named = regexp.MustCompile(`^(?:map has no entry for key|rendering template has a nested reference name)`)
	// ranged is a message that shows the value itself.
	ranged = regexp.MustCompile(`(?s)range can't iterate over .*`)
	// given is where the text of a template follows that a value held.
	given = regexp.MustCompile(`(?s)error calling tpl: (?:cannot parse template|error during tpl function execution for) .*`)
)

// explain says where a template failed and why: its place in the source, the
// line, and the message without values.
func (r *run) explain(chartName string, err error, sites map[string]site) error {
	text := unmark(err.Error(), sites)
	if m := told.FindStringSubmatch(text); m != nil {
		return model.Invalidf("%s, line %s: %s", r.origin(chartName, m[1]), m[2], r.conceal(m[3]))
	}
	if m := unparsed.FindStringSubmatch(text); m != nil {
		place := r.origin(chartName, m[1])
		if m[2] != "" {
			place += ", line " + m[2]
		}
		return model.Invalidf("%s: %s", place, m[3])
	}
	text = given.ReplaceAllString(text, "the text given to tpl is no template that works with these values")
	places := location.FindAllStringSubmatchIndex(text, -1)
	if len(places) == 0 {
		return model.Invalidf("chart %s: %s", r.dir, r.message(text))
	}
	at, message := r.innermost(text, places[len(places)-1])
	return model.Invalidf("%s: %s", path.Join(r.dir, strings.TrimPrefix(at, chartName+"/")), message)
}

// innermost is the place of the last location, and the message behind it.
func (r *run) innermost(text string, m []int) (at, message string) {
	name, line := 2, 4
	if m[name] < 0 {
		name, line = 6, 8
	}
	at = text[m[name]:m[name+1]] + ", line " + text[m[line]:m[line+1]]
	rest := text[m[1]:]
	if _, after, ok := strings.Cut(rest, "\n    "); ok && name == 2 {
		rest = after
	}
	return at, r.message(rest)
}

// message is the engine's without values.
func (r *run) message(text string) string {
	text = strings.Join(strings.Fields(undefined.ReplaceAllString(text, "there is no template $1")), " ")
	if named.MatchString(text) {
		return r.conceal(text)
	}
	text = ranged.ReplaceAllString(text, "range can't iterate over a value of this kind")
	return r.conceal(scrub(text))
}

// unmark gives the functions of sites the names that the author wrote.
func unmark(text string, sites map[string]site) string {
	if !strings.Contains(text, separator) {
		return text
	}
	for marked, s := range sites {
		text = regexp.MustCompile(regexp.QuoteMeta(marked)+`\b`).ReplaceAllString(text, s.function)
	}
	return text
}
