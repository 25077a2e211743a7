package model

import (
	"fmt"
	"strings"
	"unicode"
)

// Visible is a text in which nothing acts on what stands around it: what steers terminals
// and what turns the direction of writing is written as \u202E. Line ends and tabs stay.
func Visible(text string) string {
	if !strings.ContainsFunc(text, acts) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if acts(r) {
			fmt.Fprintf(&b, `\u%04X`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// acts reports whether a character steers terminals, or turns the direction of what
// follows it.
func acts(r rune) bool {
	return unicode.IsControl(r) && r != '\n' && r != '\t' || unicode.Is(unicode.Bidi_Control, r)
}
