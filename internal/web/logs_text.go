package web

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// logText is a line of a log without what steers terminals: escape sequences of ECMA-48
// and control characters, of which only the tab stays. A line is cut at limit bytes.
func logText(line string, limit int) string {
	var b strings.Builder
	for i := 0; i < len(line) && b.Len() < limit; {
		if n := escape(line[i:]); n > 0 {
			i += n
			continue
		}
		r, size := utf8.DecodeRuneInString(line[i:])
		if r == '\t' || !unicode.IsControl(r) && !unicode.Is(unicode.Bidi_Control, r) {
			b.WriteRune(r)
		}
		i += size
	}
	if b.Len() >= limit {
		b.WriteRune('…')
	}
	return b.String()
}

// escape is the length of the escape sequence at the start of s; 0 if there is none.
func escape(s string) int {
	if len(s) < 2 || s[0] != 0x1b {
		return 0
	}
	switch s[1] {
	case '[':
		for i := 2; i < len(s); i++ {
			if s[i] >= 0x40 && s[i] <= 0x7e {
				return i + 1
			}
			if s[i] < 0x20 || s[i] > 0x7e {
				return i
			}
		}
		return len(s)
	case ']', 'P', 'X', '^', '_': // up to a bell or a string terminator
		for i := 2; i < len(s); i++ {
			if s[i] == 0x07 {
				return i + 1
			}
			if s[i] == 0x1b && i+1 < len(s) && s[i+1] == '\\' {
				return i + 2
			}
		}
		return len(s)
	}
	i := 1
	for i < len(s) && s[i] >= 0x20 && s[i] <= 0x2f {
		i++
	}
	if i < len(s) && s[i] >= 0x30 && s[i] <= 0x7e {
		return i + 1
	}
	return i
}
