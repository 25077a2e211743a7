package argo

import "testing"

func TestGlob(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"", "", true},
		{"", "apps", false},
		{"*", "", true},
		{"*.example.com", "a.b.example.com", true},
		{"*.example.com", "example.com", false},
		{"*.example.com", "a.examplescom", false},
		{"https://*", "https://a/b", true},
		{"?pps", "apps", true},
		{"{apps,batch}", "batch", true},
		{"{apps,batch}", "apps,batch", false},
		{"{Daemon,Stateful}Set", "StatefulSet", true},
		{"[ab]c", "bc", true},
		{"[ab]c", "cc", false},
		{"a,b", "a,b", true},
		{"a}", "a}", true},
		{"a+(b)", "a+(b)", true},
	} {
		g, err := readGlob(c.pattern)
		if err != nil || g.MatchString(c.text) != c.want {
			t.Errorf("%q matches %q: %v, %v", c.pattern, c.text, !c.want, err)
		}
	}
	for _, pattern := range []string{"[a", "{a", "{a,{b}", "[]"} {
		if _, err := readGlob(pattern); err == nil {
			t.Errorf("%q is a pattern", pattern)
		}
	}
}

func TestNearest(t *testing.T) {
	for word, want := range map[string]string{
		"Prun=false": "Prune=false", "prunelast=true": "PruneLast=true", "Replace=ture": "Replace=true",
		"SkipDryRunOnMissingResources=true": "SkipDryRunOnMissingResource=true", "": "", "x": "", "Prune=maybe": "",
	} {
		if got := nearest(word, optionTexts); got != want {
			t.Errorf("%q is like %q, want %q", word, got, want)
		}
	}
}
