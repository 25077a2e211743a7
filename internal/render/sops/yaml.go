package sops

import (
	"bytes"
	"errors"
	"strings"

	"go.yaml.in/yaml/v3"
)

var (
	errKey      = errors.New("a key that is no text")
	errRoot     = errors.New("it is no map")
	errNoYAML   = errors.New("it is no YAML")
	errRepeated = errors.New("a key stands there twice")
)

// splitYAML takes a file apart at the lines that begin a document, which go with
// what is behind them, and at those that end one, which go with what is before.
func splitYAML(data []byte) [][]byte {
	var docs [][]byte
	start, at := 0, 0
	for line := range bytes.Lines(data) {
		mark := bytes.TrimRight(line, " \t\r\n")
		if bytes.Equal(mark, []byte("---")) || bytes.HasPrefix(line, []byte("--- ")) {
			if at > start {
				docs = append(docs, data[start:at])
			}
			start = at
		}
		at += len(line)
		if bytes.Equal(mark, []byte("...")) {
			docs = append(docs, data[start:at])
			start = at
		}
	}
	return append(docs, data[start:])
}

// loadYAML reads one document. One without content is nil.
func loadYAML(doc []byte) (branch, error) {
	var n yaml.Node
	if err := yaml.Unmarshal(doc, &n); err != nil {
		return nil, errNoYAML
	}
	if n.Kind == 0 || len(n.Content) == 0 {
		return nil, nil
	}
	root := n.Content[0]
	if root.Kind != yaml.MappingNode {
		return nil, errRoot
	}
	b, err := yamlBranch(root, yamlNotes(nil, n.HeadComment))
	if err != nil {
		return nil, err
	}
	return yamlNotes(b, n.FootComment), nil
}

// yamlBranch reads a map. Comments come in the order in which SOPS reads them,
// since rules may depend on them.
func yamlBranch(n *yaml.Node, b branch) (branch, error) {
	b = yamlNotes(b, n.HeadComment, n.LineComment)
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		b = yamlNotes(b, key.HeadComment, key.LineComment)
		scalar := value.Kind == yaml.ScalarNode || value.Kind == yaml.AliasNode
		if scalar {
			b = yamlNotes(b, value.HeadComment, value.LineComment)
		}
		var name any
		if key.Decode(&name) != nil {
			return nil, errKey
		}
		text, ok := name.(string)
		if !ok {
			return nil, errKey
		}
		if seen[text] {
			return nil, errRepeated
		}
		seen[text] = true
		v, err := yamlValue(value, scalar)
		if err != nil {
			return nil, err
		}
		b = append(b, entry{text, v})
		if scalar {
			b = yamlNotes(b, value.FootComment)
		}
		b = yamlNotes(b, key.FootComment)
	}
	return yamlNotes(b, n.FootComment), nil
}

// yamlValue reads a value; its comments are read unless that was done.
func yamlValue(n *yaml.Node, commented bool) (any, error) {
	switch n.Kind {
	case yaml.AliasNode:
		return yamlValue(n.Alias, false)
	case yaml.MappingNode:
		if commented {
			bare := *n
			bare.HeadComment, bare.LineComment, bare.FootComment = "", "", ""
			n = &bare
		}
		return yamlBranch(n, branch{})
	case yaml.SequenceNode:
		return yamlList(n, commented)
	}
	var v any
	if n.Decode(&v) != nil {
		return nil, errType
	}
	if _, err := bytesOf(v); v != nil && err != nil {
		return nil, err
	}
	return v, nil
}

func yamlList(n *yaml.Node, commented bool) (any, error) {
	list := []any{}
	add := func(texts ...string) {
		for _, e := range yamlNotes(nil, texts...) {
			list = append(list, e.value)
		}
	}
	if !commented {
		add(n.HeadComment, n.LineComment)
	}
	for _, item := range n.Content {
		add(item.HeadComment, item.LineComment)
		v, err := yamlValue(item, true)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
		add(item.FootComment)
	}
	if !commented {
		add(n.FootComment)
	}
	return list, nil
}

func yamlNotes(b branch, texts ...string) branch {
	for _, text := range texts {
		for line := range strings.SplitSeq(text, "\n") {
			if line != "" {
				b = append(b, entry{value: comment(line[1:])})
			}
		}
	}
	return b
}

func emitYAML(b branch) ([]byte, error) {
	n, err := yamlNode(b)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	e := yaml.NewEncoder(&out)
	if err := e.Encode(n); err != nil {
		return nil, errType
	}
	return out.Bytes(), e.Close()
}

func yamlNode(v any) (*yaml.Node, error) {
	n := &yaml.Node{}
	add := func(values ...any) error {
		for _, v := range values {
			child, err := yamlNode(v)
			if err != nil {
				return err
			}
			n.Content = append(n.Content, child)
		}
		return nil
	}
	switch v := v.(type) {
	case branch:
		n.Kind = yaml.MappingNode
		for _, e := range v {
			if _, note := e.value.(comment); note {
				continue
			}
			if err := add(e.key, e.value); err != nil {
				return nil, err
			}
		}
		return n, nil
	case []any:
		n.Kind = yaml.SequenceNode
		return n, add(v...)
	}
	if n.Encode(v) != nil {
		return nil, errType
	}
	return n, nil
}
