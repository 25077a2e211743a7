package plain

import (
	"regexp"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// compileGlob reads a glob as Argo CD does for include and exclude: it has to
// match the whole path, * and ** match any text, / included, ? any character,
// [a-z] and [!a-z] a character of a set, {a,b} one of several globs, and \
// takes the next character as it is.
func compileGlob(glob string) (*regexp.Regexp, error) {
	var out strings.Builder
	out.WriteString(`\A(?s:`)
	depth := 0
	for i := 0; i < len(glob); i++ {
		switch c := glob[i]; {
		case c == '*':
			out.WriteString(`.*`)
		case c == '?':
			out.WriteByte('.')
		case c == '[':
			set, n := globSet(glob[i:])
			if n == 0 {
				return nil, model.Invalidf("glob %q: [ without ]", glob)
			}
			out.WriteString(set)
			i += n - 1
		case c == '{':
			depth++
			out.WriteString(`(?:`)
		case c == '}' && depth > 0:
			depth--
			out.WriteByte(')')
		case c == ',' && depth > 0:
			out.WriteByte('|')
		case c == '\\' && i+1 < len(glob):
			i++
			out.WriteString(regexp.QuoteMeta(glob[i : i+1]))
		default:
			out.WriteString(quoteByte(c))
		}
	}
	if depth > 0 {
		return nil, model.Invalidf("glob %q: { without }", glob)
	}
	out.WriteString(`)\z`)
	re, err := regexp.Compile(out.String())
	if err != nil {
		return nil, model.Invalidf("glob %q is malformed", glob)
	}
	return re, nil
}

// quoteByte leaves the bytes of longer characters together.
func quoteByte(c byte) string {
	if c >= 0x80 {
		return string([]byte{c})
	}
	return regexp.QuoteMeta(string(rune(c)))
}

// globSet is the character set that s begins with as a regular expression, and
// its length in s; 0 if it does not end.
func globSet(s string) (string, int) {
	end := strings.IndexByte(s[1:], ']')
	if end <= 0 {
		return "", 0
	}
	body, negated := strings.CutPrefix(s[1:end+1], "!")
	body = strings.NewReplacer(`\`, `\\`, `^`, `\^`, `[`, `\[`).Replace(body)
	if negated {
		body = "^" + body
	}
	return "[" + body + "]", end + 2
}
