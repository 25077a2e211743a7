package substitute

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// budget is how many bytes the substitution in one object may make and look
	// at; it ends text that multiplies itself.
	budget = 64 << 20
	// maxDepth is how deep defaults may lie inside each other.
	maxDepth = 50
)

// problem says what is wrong where.
type problem struct {
	// at is the position of the ${.
	at int
	// name of the variable; "" if there is none.
	name   string
	reason string
}

// use is a variable that was replaced, and the line of the result that it
// begins on.
type use struct {
	line int
	name string
}

// expander replaces the variables in a text.
type expander struct {
	text   string
	pos    int
	vars   map[string]string
	strict bool
	// left is what remains of budget.
	left  int
	depth int
	used  []use
}

// all is the text with every expression replaced. $$ stands for $.
func (e *expander) all() (string, *problem) {
	var out strings.Builder
	line := 1
	for e.pos < len(e.text) {
		rest := e.text[e.pos:]
		n := strings.IndexByte(rest, '$')
		if n < 0 || n == len(rest)-1 {
			out.WriteString(rest)
			break
		}
		out.WriteString(rest[:n])
		line += strings.Count(rest[:n], "\n")
		e.pos += n
		switch rest[n+1] {
		case '$':
			out.WriteByte('$')
			e.pos += 2
		case '{':
			value, problem := e.expression()
			if problem != nil {
				return "", problem
			}
			e.used[len(e.used)-1].line = line
			out.WriteString(value)
			line += strings.Count(value, "\n")
		default:
			out.WriteByte('$')
			e.pos++
		}
	}
	return out.String(), nil
}

// call is an expression: a variable, an operator, and what it is given.
type call struct {
	name, op string
	args     []string
}

// expression reads from ${ to } and evaluates it, inner expressions first. It
// appends the variable to used.
func (e *expander) expression() (string, *problem) {
	at := e.pos
	if e.depth++; e.depth > maxDepth {
		return "", &problem{at: at, reason: "expressions are nested too deep"}
	}
	defer func() { e.depth-- }()
	e.pos += len("${")
	c, fault := e.call()
	if fault == nil {
		var value string
		if value, fault = e.value(c); fault == nil {
			e.used = append(e.used, use{name: c.name})
			return value, nil
		}
	}
	if fault.name == "" && fault.at == 0 {
		fault.at, fault.name = at, c.name
	}
	return "", fault
}

func fault(reason string) *problem { return &problem{reason: reason} }

// call reads what stands between the braces, and the closing one.
func (e *expander) call() (c call, f *problem) {
	if e.next('#') {
		return e.length()
	}
	if c.name = e.ident(); c.name == "" {
		return c, fault("no name of a variable; write $${ for the text ${")
	}
	switch e.peek() {
	case ':':
		return e.defaultOrPart(c)
	case '=':
		return e.operator(c, 1, e.words)
	case ',', '^':
		return e.operator(c, e.run(",^", ",^"), e.none)
	case '/':
		return e.operator(c, e.run("/", "/#%"), e.replacement)
	case '#':
		return e.operator(c, e.run("#", "#"), e.pattern)
	case '%':
		return e.operator(c, e.run("%", "%"), e.pattern)
	}
	return e.operator(c, 0, e.none)
}

// length is ${#name}.
func (e *expander) length() (c call, f *problem) {
	if c.name = e.ident(); c.name == "" {
		return c, fault("no name of a variable after ${#")
	}
	return e.closed(call{name: c.name, op: "#"})
}

// defaultOrPart tells ${v:=default} and its like from ${v:offset:length}.
func (e *expander) defaultOrPart(c call) (call, *problem) {
	switch after := e.at(1); {
	case after != 0 && strings.IndexByte("=-?+", after) >= 0:
		return e.operator(c, 2, e.words)
	case after >= utf8.RuneSelf:
		return c, fault("after : a number has to follow, or = and a default")
	}
	return e.operator(c, 1, e.part)
}

// operator takes n bytes as the operator and reads its arguments.
func (e *expander) operator(c call, n int, args func() ([]string, *problem)) (_ call, f *problem) {
	c.op = e.text[e.pos : e.pos+n]
	e.pos += n
	if c.args, f = args(); f != nil {
		return c, f
	}
	return e.closed(c)
}

func (e *expander) closed(c call) (call, *problem) {
	if !e.next('}') {
		return c, fault("the closing brace is missing, or something stands before it that is no operator; " +
			"write $${ for the text ${")
	}
	return c, nil
}

func (e *expander) none() ([]string, *problem) { return nil, nil }

// words are text and expressions up to the brace.
func (e *expander) words() (args []string, f *problem) {
	for e.peek() != '}' {
		arg, f := e.param("}", false)
		if f != nil {
			return nil, f
		}
		args = append(args, arg)
	}
	return args, nil
}

// pattern is one text or expression up to the brace.
func (e *expander) pattern() ([]string, *problem) {
	arg, f := e.param("}", false)
	return []string{arg}, f
}

// part is offset, or offset:length.
func (e *expander) part() ([]string, *problem) {
	offset, f := e.param(":}", false)
	if f != nil || e.peek() != ':' {
		return []string{offset}, f
	}
	e.skip(':')
	length, f := e.param("}", false)
	return []string{offset, length}, f
}

// replacement is pattern/text. \/ and \\ stand for themselves, $$ for $.
func (e *expander) replacement() ([]string, *problem) {
	old, f := e.param("/", true)
	if f != nil {
		return nil, f
	}
	if e.peek() != '/' {
		return nil, fault("a / is missing between what is replaced and what it is replaced by")
	}
	e.skip('/')
	if e.peek() == '}' {
		return []string{old}, nil
	}
	by, f := e.param("}", true)
	return []string{old, by}, f
}

// param is an expression, or text up to one of stops or an expression. It is
// not empty.
func (e *expander) param(stops string, escapes bool) (string, *problem) {
	if strings.HasPrefix(e.text[e.pos:], "${") {
		value, problem := e.expression()
		return value, problem
	}
	var out strings.Builder
	for e.pos < len(e.text) && !strings.HasPrefix(e.text[e.pos:], "${") {
		c := e.text[e.pos]
		if next := e.at(1); escapes && (c == '$' && next == '$' || c == '\\' && (next == '/' || next == '\\')) {
			out.WriteByte(next)
			e.pos += 2
			continue
		}
		if strings.IndexByte(stops, c) >= 0 {
			break
		}
		out.WriteByte(c)
		e.pos++
	}
	if out.Len() == 0 {
		return "", fault("something is missing after the operator")
	}
	return out.String(), e.spend(out.Len())
}

// ident is a name; "" if there is none.
func (e *expander) ident() string {
	rest := e.text[e.pos:]
	n := strings.IndexFunc(rest, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	if n < 0 {
		n = len(rest)
	}
	e.pos += n
	return rest[:n]
}

// run is the length of an operator of one or two bytes.
func (e *expander) run(first, second string) int {
	n := 0
	for _, set := range []string{first, second} {
		if c := e.at(n); c == 0 || strings.IndexByte(set, c) < 0 {
			break
		}
		n++
	}
	return n
}

func (e *expander) skip(c byte) {
	for e.peek() == c {
		e.pos++
	}
}

func (e *expander) next(c byte) bool {
	if e.peek() != c {
		return false
	}
	e.pos++
	return true
}

func (e *expander) peek() byte { return e.at(0) }

// at is the byte n behind the position; 0 at the end.
func (e *expander) at(n int) byte {
	if e.pos+n >= len(e.text) {
		return 0
	}
	return e.text[e.pos+n]
}

func (e *expander) spend(n int) *problem {
	if e.left -= n; e.left < 0 {
		return fault("the text becomes too big, or takes too long to make")
	}
	return nil
}
