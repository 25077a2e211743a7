package web

import (
	"io/fs"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var token = regexp.MustCompile(`--([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)`)

// TestContrast: text is readable in both themes on all grounds (WCAG 2.2, 1.4.3), and
// the edges of fields can be seen (1.4.11).
func TestContrast(t *testing.T) {
	css, err := fs.ReadFile(files, "assets/css/base.css")
	if err != nil {
		t.Fatal(err)
	}
	colors := map[string][2]float64{}
	for _, m := range token.FindAllStringSubmatch(string(css), -1) {
		colors[m[1]] = [2]float64{luminance(m[2]), luminance(m[3])}
	}
	least := map[string]float64{"ink": 7, "dim": 4.5, "good": 4.5, "busy": 4.5, "warn": 4.5, "bad": 4.5, "focus": 3, "line-firm": 3}
	for name, want := range least {
		for _, ground := range []string{"paper", "surface", "sunk"} {
			for theme, of := range []string{"light", "dark"} {
				a, b := colors[name][theme], colors[ground][theme]
				if a == 0 && b == 0 {
					t.Fatalf("no color %s or %s", name, ground)
				}
				if got := (max(a, b) + .05) / (min(a, b) + .05); got < want {
					t.Errorf("%s on %s, %s: contrast %.2f, want %.1f", name, ground, of, got, want)
				}
			}
		}
	}
}

var (
	cssRule = regexp.MustCompile(`([^{}]+)\{([^{}]*)\}`)
	toned   = regexp.MustCompile(`(?:^|[;\s])color: var\(--(?:good|busy|warn|bad)\)`)
	bare    = regexp.MustCompile(`(?:^|[\s>+~])(?:table|thead|tbody|tr|th|td|li|p|dt|dd)$`)
)

// TestColorIsForStates: what is coloured says something, so no rule colours all cells of a
// table or all lines of a list.
func TestColorIsForStates(t *testing.T) {
	for _, name := range []string{"base.css", "pages.css", "app.css"} {
		css, err := fs.ReadFile(files, "assets/css/"+name)
		if err != nil {
			t.Fatal(err)
		}
		rules := cssRule.FindAllStringSubmatch(string(css), -1)
		if len(rules) < 50 {
			t.Errorf("%s: %d rules were read", name, len(rules))
		}
		for _, rule := range rules {
			for selector := range strings.SplitSeq(rule[1], ",") {
				if selector = strings.TrimSpace(selector); toned.MatchString(rule[2]) && bare.MatchString(selector) {
					t.Errorf("%s: %s has the colour of a state", name, selector)
				}
			}
		}
	}
}

// luminance is that of WCAG for a color such as #1c1f23.
func luminance(hex string) float64 {
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, _ := strconv.ParseUint(hex[1+2*i:3+2*i], 16, 8) // the pattern has hexadecimal digits only
		c := float64(n) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}
