package kustomize

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/fixpoint-cd/fixpoint/internal/render/manifest"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// objectJSON is a resource as canonical JSON, and its outermost fields. It is
// what decoding and encoding the value would give; ok is false for what only
// they can tell.
func objectJSON(n *yaml.Node) (text []byte, fields manifest.Fields, ok bool) {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil, nil, false
	}
	type span struct {
		name       string
		begin, end int
	}
	var spans []span
	pairs, ok := sortedPairs(n)
	if !ok {
		return nil, nil, false
	}
	text = append(make([]byte, 0, 1024), '{')
	for i, p := range pairs {
		if i > 0 {
			text = append(text, ',')
		}
		text = append(appendText(text, p.name), ':')
		begin := len(text)
		if text, ok = appendJSON(text, p.value); !ok {
			return nil, nil, false
		}
		spans = append(spans, span{p.name, begin, len(text)})
	}
	text = append(text, '}')
	fields = make(manifest.Fields, len(spans))
	for _, s := range spans {
		fields[s.name] = text[s.begin:s.end:s.end]
	}
	return text, fields, true
}

type pair struct {
	name  string
	value *yaml.Node
}

// sortedPairs are the fields of a map by name; ok is false if a name is no
// string, or there twice.
func sortedPairs(n *yaml.Node) (pairs []pair, ok bool) {
	pairs = make([]pair, 0, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		if key := n.Content[i]; key.Kind != yaml.ScalarNode || key.ShortTag() != yaml.NodeTagString {
			return nil, false
		}
		pairs = append(pairs, pair{n.Content[i].Value, n.Content[i+1]})
	}
	slices.SortFunc(pairs, func(a, b pair) int { return strings.Compare(a.name, b.name) })
	for i := 1; i < len(pairs); i++ {
		if pairs[i].name == pairs[i-1].name {
			return nil, false
		}
	}
	return pairs, true
}

func appendJSON(text []byte, n *yaml.Node) (_ []byte, ok bool) {
	switch n.Kind {
	case yaml.MappingNode:
		pairs, ok := sortedPairs(n)
		if !ok {
			return nil, false
		}
		text = append(text, '{')
		for i, p := range pairs {
			if i > 0 {
				text = append(text, ',')
			}
			text = append(appendText(text, p.name), ':')
			if text, ok = appendJSON(text, p.value); !ok {
				return nil, false
			}
		}
		return append(text, '}'), true
	case yaml.SequenceNode:
		text = append(text, '[')
		for i, item := range n.Content {
			if i > 0 {
				text = append(text, ',')
			}
			if text, ok = appendJSON(text, item); !ok {
				return nil, false
			}
		}
		return append(text, ']'), true
	case yaml.ScalarNode:
		return appendScalar(text, n)
	}
	return nil, false
}

func appendScalar(text []byte, n *yaml.Node) (_ []byte, ok bool) {
	switch tag := n.ShortTag(); {
	case tag == yaml.NodeTagString:
		return appendText(text, n.Value), true
	case tag == yaml.NodeTagInt && isPlainInt(n.Value):
		return append(text, n.Value...), true
	case tag == yaml.NodeTagBool && (n.Value == "true" || n.Value == "false"):
		return append(text, n.Value...), true
	case tag == yaml.NodeTagNull && (n.Value == "null" || n.Value == "~" || n.Value == ""):
		return append(text, "null"...), true
	}
	var v any
	if n.Decode(&v) != nil {
		return nil, false
	}
	scalar, err := json.Marshal(v)
	return append(text, scalar...), err == nil
}

// isPlainInt reports whether an integer is written as JSON writes it.
func isPlainInt(s string) bool {
	digits := strings.TrimPrefix(s, "-")
	if digits == "" || len(digits) > 18 || digits[0] == '0' && s != "0" {
		return false
	}
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return false
		}
	}
	return true
}

// appendText appends a string as encoding/json writes it.
func appendText(text []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' || c >= utf8.RuneSelf {
			quoted, _ := json.Marshal(s) // a string can be written
			return append(text, quoted...)
		}
	}
	return append(append(append(text, '"'), s...), '"')
}
