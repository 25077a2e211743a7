package model

import "testing"

func TestVisible(t *testing.T) {
	for text, want := range map[string]string{
		"":                                 "",
		"a\tb\nc ä 漢 ‑ é":                  "a\tb\nc ä 漢 ‑ é",
		"\x1b[2Jgone":                      `\u001B[2Jgone`,
		"\x1b]0;title\x07":                 `\u001B]0;title\u0007`,
		"over\rwritten, \b\b":              `over\u000Dwritten, \u0008\u0008`,
		"\u009b31mred":                     `\u009B31mred`,
		"is\u202eadmin\u2066x\u2069\u200f": `is\u202Eadmin\u2066x\u2069\u200F`,
		"\x7f\x00":                         `\u007F\u0000`,
	} {
		if got := Visible(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
