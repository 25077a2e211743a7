package substitute

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/fluxcd/pkg/envsubst/path"
)

// value applies an operator to its variable.
func (e *expander) value(c call) (string, *problem) {
	v, known := e.vars[c.name]
	if !known && e.strict && !hasDefault(c.op) {
		return "", fault("the variable has no value; add it, or give it a default: ${" + c.name + ":=default}")
	}
	if f := e.spend(cost(c, v)); f != nil {
		return "", f
	}
	return apply(c, v), nil
}

// hasDefault reports whether an operator copes with a variable without value.
func hasDefault(op string) bool {
	return slices.Contains([]string{"=", ":=", ":-", ":?", ":+"}, op)
}

// cost is about how many bytes have to be written or looked at for a call.
func cost(c call, v string) int {
	n := len(v) + 1
	for _, arg := range c.args {
		n += len(arg)
	}
	switch c.op {
	case "#", "##", "%", "%%":
		if len(c.args) > 0 {
			// A pattern is tried on every prefix, and * makes it start anew.
			return times(times(len(v), len(v)), len(c.args[0])+1)
		}
	case "/", "//", "/#":
		if len(c.args) == 2 {
			return n + times(strings.Count(v, c.args[0]), len(c.args[1]))
		}
	}
	return n
}

// times is a product that does not overflow.
func times(a, b int) int {
	if a > budget || b > budget {
		return 2 * budget
	}
	return a * b
}

// apply is what an operator makes of a value.
func apply(c call, v string) string {
	switch c.op {
	case ",":
		return first(v, unicode.ToLower)
	case ",,":
		return strings.ToLower(v)
	case "^":
		return first(v, unicode.ToUpper)
	case "^^":
		return strings.ToUpper(v)
	case ":":
		return part(v, c.args)
	case "#", "##", "%", "%%":
		if len(c.args) == 0 {
			return strconv.Itoa(len(v))
		}
		return trim(v, c.op, c.args[0])
	case "/", "//", "/#", "/%":
		return replace(v, c.op, c.args)
	}
	// All forms of defaults, those that mean something else in a shell too.
	if v == "" {
		return strings.Join(c.args, "")
	}
	return v
}

// first changes the first character.
func first(v string, to func(rune) rune) string {
	if v == "" {
		return ""
	}
	r, n := utf8.DecodeRuneInString(v)
	return string(to(r)) + v[n:]
}

// part is ${v:offset} or ${v:offset:length}, counted in bytes. What is no
// number leaves the value as it is.
func part(v string, args []string) string {
	from, err := strconv.Atoi(args[0])
	if err != nil {
		return v
	}
	if from < 0 {
		from = max(len(v)+from, 0)
	}
	to := len(v)
	if len(args) > 1 {
		n, err := strconv.Atoi(args[1])
		if err != nil {
			return v
		}
		switch {
		case n < 0:
			to = len(v) + n
		case n < len(v)-from:
			to = from + n
		}
	}
	if from >= len(v) || to < from {
		return ""
	}
	return v[from:to]
}

func replace(v, op string, args []string) string {
	old, by := args[0], ""
	if len(args) > 1 {
		by = args[1]
	}
	anchored := op == "/#" || op == "/%"
	switch {
	case anchored && len(args) < 2:
		return v
	case op == "//":
		return strings.ReplaceAll(v, old, by)
	case op == "/%":
		if rest, ok := strings.CutSuffix(v, old); ok {
			return rest + by
		}
		return v
	case op == "/#" && !strings.HasPrefix(v, old):
		return v
	}
	return strings.Replace(v, old, by, 1)
}

// trim takes away what a pattern matches: the shortest (#, %) or longest (##,
// %%) match at the beginning (#) or end (%). Like Flux, it matches ends by
// turning value and pattern around, whatever that makes of the pattern.
func trim(v, op, pattern string) string {
	if op[0] == '%' {
		return reverse(cutPrefix(reverse(v), reverse(pattern), len(op) > 1))
	}
	return cutPrefix(v, pattern, len(op) > 1)
}

func cutPrefix(v, pattern string, longest bool) string {
	cut := 0
	for n := len(v); n > 0; n-- {
		match, err := path.Match(pattern, v[:n])
		if err != nil {
			return v
		}
		if match {
			cut = n
			if longest {
				break
			}
		}
	}
	return v[cut:]
}

func reverse(v string) string {
	runes := []rune(v)
	slices.Reverse(runes)
	return string(runes)
}
