package substitute

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/fluxcd/pkg/envsubst"
)

// grammar are expressions with what they become; "!" is an error. Every one is
// compared with Flux's own library, too.
var grammar = []struct{ text, want string }{
	{"plain", "plain"},
	{"${v}", "Value"},
	{"a${v}b${v}c", "aValuebValuec"},
	{"$v $(v) $", "$v $(v) $"},
	{"$${v} $$ $$${v} $$$${v}", "${v} $ $Value $${v}"},
	{"${#v}", "5"},
	{"${#é}", "2"},
	{"${v^} ${v^^} ${v,} ${v,,} ${v,^} ${v^,}", "Value VALUE value value Value Value"},
	{"${v:1}", "alue"},
	{"${v:1:2}", "al"},
	{"${v:1::2}", "al"},
	{"${v:9} ${v:9:1} ${v:2:99}", "  lue"},
	{"${v:-1}", "Value"},
	{"${v: -1}", "Value"},
	{"${v:1:-1}", "alu"},
	{"${v:4:-3}", ""},
	{"${v:${one}}", "alue"},
	{"${v:x}", "Value"},
	{"${v:1:x}", "Value"},
	{"${p#*/} ${p##*/} ${p%/*} ${p%%/*}", "b/c c a/b a"},
	{"${p#a} ${p%c} ${p#[ab]} ${p#x}", "/b/c a/b/ /b/c a/b/c"},
	{"${p#[} ${p#${one}}", "a/b/c a/b/c"},
	{"${none=d} ${none:=d} ${none:-d} ${none:+d} ${none:?d}", "d d d d d"},
	{"${v=d} ${v:=d} ${v:-d} ${v:+d} ${v:?d}", "Value Value Value Value Value"},
	{"${empty=d} ${empty:=d}", "d d"},
	{"${none:=}", ""},
	{"${none:=${v}} ${none:=a${v}b}", "Value aValueb"},
	{"${none:=${other:=x}}", "x"},
	{"${none:=a$$b}", "a$$b"},
	{"${none:=a/b:c=d#e}", "a/b:c=d#e"},
	{"${p/b/x} ${p//\\//-} ${p/#a/x} ${p/%c/x} ${p/b}", "!"},
	{"${p/b/x} ${p//\\//-} ${p/#a/x} ${p/%c/x} ${p/b/}", "a/x/c a-b-c x/b/c a/b/x a//c"},
	{"${p/#b/x} ${p/%b/x} ${p/#a/} ${p/%c/}", "a/b/c a/b/c a/b/c a/b/c"},
	{"${p/${one}/x}", "a/b/c"},
	{"${p/b/$$}", "a/$/c"},
	{"${p/b//x}", "a/x/c"},
	{"${p/}/x}", "a/b/c"},
	{"${1v}", ""},
	{"${none}", ""},
	{"${v-d}", "!"},
	{"${v+d}", "!"},
	{"${v?d}", "!"},
	{"${}", "!"},
	{"${{ x }}", "!"},
	{"${a.b}", "!"},
	{"${a-b}", "!"},
	{"${ v }", "!"},
	{"${v", "!"},
	{"${", "!"},
	{"${v:", "!"},
	{"${v:}", "!"},
	{"${v::1}", "!"},
	{"${v:1:}", "!"},
	{"${v:é}", "!"},
	{"${v:1${one}}", "!"},
	{"${v#}", "!"},
	{"${v/}", "!"},
	{"${v///x}", "!"},
	{"${v/a${one}/b}", "!"},
	{"${v/a/b${one}}", "!"},
	{"${#v.}", "!"},
	{"${##v}", "!"},
	{"${v,,,}", "!"},
	{"${v:=", "!"},
}

var oracleVars = map[string]string{
	"v": "Value", "p": "a/b/c", "one": "1", "empty": "", "é": "éclair"[:2], "many": strings.Repeat("a", 50),
}

func expand(text string, vars map[string]string, strict bool) (string, *problem) {
	e := expander{text: text, vars: vars, strict: strict, left: budget}
	return e.all()
}

var errPanic = errors.New("panic")

// oracle is what Flux's library makes of a text.
func oracle(text string, vars map[string]string, strict bool) (out string, err error) {
	defer func() {
		if recover() != nil {
			err = errPanic
		}
	}()
	return envsubst.Eval(text, func(name string) (string, bool) {
		v, ok := vars[name]
		return v, ok || !strict
	})
}

func TestGrammar(t *testing.T) {
	for _, tt := range grammar {
		got, problem := expand(tt.text, oracleVars, false)
		if problem != nil {
			got = "!"
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q (%v)", tt.text, got, tt.want, problem)
		}
	}
}

func TestGrammarAsFlux(t *testing.T) {
	for _, tt := range grammar {
		compare(t, tt.text, oracleVars, false)
		compare(t, tt.text, oracleVars, true)
	}
}

func compare(t *testing.T, text string, vars map[string]string, strict bool) {
	t.Helper()
	got, problem := expand(text, vars, strict)
	if problem != nil && (strings.Contains(problem.reason, "too deep") || strings.Contains(problem.reason, "too big")) {
		return
	}
	want, err := oracle(text, vars, strict)
	if errors.Is(err, errPanic) {
		return
	}
	if (problem != nil) != (err != nil) {
		t.Fatalf("%q, strict %t: %v, and Flux: %v", text, strict, problem, err)
	}
	if problem == nil && got != want {
		t.Fatalf("%q, strict %t: %q, and Flux makes %q", text, strict, got, want)
	}
}

// FuzzSubstitute compares with Flux's library, and looks for text that panics
// or never ends.
func FuzzSubstitute(f *testing.F) {
	for _, tt := range grammar {
		f.Add(tt.text, "Value")
	}
	f.Add("${v//a/${v//a/${v//a/${v}}}}", strings.Repeat("a", 100))
	f.Add("${v:1:9223372036854775807}", "x")
	f.Add(strings.Repeat("${v:=", 100)+strings.Repeat("}", 100), "")
	f.Fuzz(func(t *testing.T, text, value string) {
		vars := map[string]string{"v": value, "one": "1", "p": "a/b/c", "empty": ""}
		if strings.ContainsRune(text, 0) || len(text) > 1<<16 || !utf8.ValidString(text) {
			// The printed YAML has no such bytes; Flux's library ends at a zero.
			expand(text, vars, true)
			return
		}
		compare(t, text, vars, false)
		compare(t, text, vars, true)
	})
}

// TestBombs are texts that would need more memory or time than there is.
func TestBombs(t *testing.T) {
	for name, text := range map[string]string{
		"nested replacements": "${v//a/${v//a/${v//a/${v//a/${v//a/${v//a/${v//a/${v}}}}}}}}",
		"depth":               strings.Repeat("${none:=", 100_000) + strings.Repeat("}", 100_000),
		"patterns":            "${long%" + strings.Repeat("*a", 1000) + "}",
		"between all":         "${long//${empty}/${long}}",
		"often":               strings.Repeat("${long}", 100_000),
	} {
		vars := map[string]string{"v": strings.Repeat("a", 1000), "long": strings.Repeat("a", 100_000), "empty": ""}
		if out, problem := expand(text, vars, false); problem == nil {
			t.Errorf("%s: no error, %d bytes", name, len(out))
		}
	}
}
