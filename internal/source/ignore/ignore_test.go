package ignore

import (
	"strings"
	"testing"
)

func TestIgnore(t *testing.T) {
	cases := map[string]struct {
		domain, rules string
		out, in       string // paths; a folder ends with a slash
	}{
		"a name is meant anywhere": {rules: "*.jpg\nbuild", out: "a.jpg d/e/a.jpg build build/ d/build/ d/build/x", in: "a.jpgx jpg builds"},
		"a slash anchors":          {rules: "/a\nb/c\nd/*.md", out: "a a/x b/c b/c/x d/x.md", in: "x/a x/b/c b b/d d/e/x.md"},
		"folders only":             {rules: "build/\n/top/", out: "build/ d/build/ build/x d/build/x/y top/ top/x", in: "build d/build top d/top/"},
		"stars":                    {rules: "**/a\nb/**\nc/**/d\n**/e/**", out: "a x/a x/y/a b/x b/x/y c/d c/x/d c/x/y/d e/x x/e/y", in: "b/ b c cd x/b/c c/e e/ x/e/"},
		"one star is one part":     {rules: "/*/x\nf*", out: "a/x foo a/foo", in: "x a/b/x"},
		"wildcards":                {rules: "a?c\n[0-9].txt\n[!a-z].md\n[^a-z].rst", out: "abc 7.txt 0.md 0.rst", in: "ac a.txt b.md b.rst"},
		"the last one decides":     {rules: "*.yaml\n!keep.yaml\n/x/keep.yaml", out: "a.yaml x/keep.yaml", in: "keep.yaml d/keep.yaml"},
		"all but a folder":         {rules: "/*\n!/deploy", out: "a a/b", in: "deploy/ deploy/x deploy/x/y"},
		"all but a deep folder":    {rules: "/*\n!/deploy/prod", out: "a deploy/test/x deploy/x", in: "deploy/prod/ deploy/prod/x"},
		"all but, less some":       {rules: "# all\n/*\n# but\n!/charts/\n/charts/**/*.md\n", out: "a charts/x.md charts/a/b/x.md", in: "charts/a charts/a/b/x.yaml"},
		"a file in a folder":       {rules: "build/\n!build/keep", out: "build/x", in: "build/keep"},
		"comments and escapes":     {rules: "#x\n\\#y\n\\!z\n a\nb \nc\\ \n\n   \n", out: "#y !z b", in: "#x z a x y c"},
		"Windows lines":            {rules: "a\r\nb/\r\n", out: "a b/", in: "c"},
		"no patterns":              {rules: "[\n/\n!\n//\na//b\n", in: "a b a/b ["},
		"a file further down":      {domain: "d/e", rules: "/a\nb\nc/", out: "d/e/a d/e/b d/e/x/b d/e/c/", in: "a b d/a d/b d/e d/e/x/a x/d/e/a"},
	}
	for name, c := range cases {
		domain := c.domain
		if domain == "" {
			domain = "."
		}
		rules := Parse(c.rules, domain)
		check := func(paths string, want bool) {
			for p := range strings.FieldsSeq(paths) {
				file, dir := strings.CutSuffix(p, "/")
				if got := rules.Ignore(file, dir); got != want {
					t.Errorf("%s: %q is left out: %v, want %v", name, p, got, want)
				}
			}
		}
		check(c.out, true)
		check(c.in, false)
	}
	if !Parse("c\\ ", ".").Ignore("c ", false) {
		t.Error("an escaped space at the end is cut off")
	}
}

func TestIgnoreAll(t *testing.T) {
	for rules, want := range map[string]bool{
		"d/": true, "/d": true, "*": true, "!x\nd": true, "d\n!x": false, "d/x": false, "": false,
	} {
		if got := Parse(rules, ".").IgnoreAll("d"); got != want {
			t.Errorf("%q leaves out all of d: %v, want %v", rules, got, want)
		}
	}
}

// A pattern that makes a backtracking matcher run for ever.
func TestManyStars(t *testing.T) {
	rules := Parse(strings.Repeat("**/a*a*a*a*/", 40)+"b", ".")
	name := strings.Repeat("aaaaaaaaaaaa/", 80) + "c"
	if rules.Ignore(name, false) {
		t.Error("it matches")
	}
}

func FuzzIgnore(f *testing.F) {
	f.Add("/*\n!/a/**/b\n[!x]*.md", "a/b/c.md")
	f.Fuzz(func(t *testing.T, text, name string) {
		rules := Parse(text, ".")
		all := rules.IgnoreAll(name)
		if all && !rules.Ignore(name+"/x", false) {
			t.Errorf("%q leaves out all of %q but not what is in it", text, name)
		}
	})
}
