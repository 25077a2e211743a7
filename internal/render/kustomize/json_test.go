package kustomize

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/render/manifest"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// FuzzObjectJSON: what is written without the library is what it would write.
func FuzzObjectJSON(f *testing.F) {
	for _, seed := range []string{
		"a: 1\nb: [x, 2, {c: ~}]", "a: yes\nb: 'no'\nc: 0o17\nd: 017\ne: 1e3\nf: .5\ng: -0\nh: +1", "a: 2020-01-02",
		"a: \"\\u00e9<&>\\u2028\\x00\"", "a: !!binary aGk=\nb: !!int '5'\nc: !!str 5", "1: a\ntrue: b", "a: 1\na: 2",
		"a: &x {b: 1}\nc: *x\nd: {<<: *x}", "a: 123456789012345678901234567890\nb: 9007199254740993", "a: {}\nb: []\nc: ''",
		"a: .inf", "a: ! x", "a: !!bool yes", "a: !!null x", "? a\n: b",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var doc yaml.Node
		if manifest.Guard([]byte(text)) != nil || yaml.NewDecoder(strings.NewReader(text)).Decode(&doc) != nil {
			return
		}
		n := yaml.NewRNode(&doc)
		got, fields, ok := objectJSON(n.YNode())
		if !ok {
			return
		}
		m, err := n.Map()
		if err != nil {
			t.Fatalf("%q: %s is written although the library fails: %v", text, got, err)
		}
		want, err := json.Marshal(m)
		if err != nil {
			t.Fatalf("%q: %s is written although the library fails: %v", text, got, err)
		}
		if string(got) != string(want) {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
		if len(fields) != len(m) {
			t.Errorf("%q has %d fields, want %d", text, len(fields), len(m))
		}
	})
}
