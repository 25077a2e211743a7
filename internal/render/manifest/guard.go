package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

const (
	// maxNesting is how deep values may lie inside each other.
	maxNesting = 500
	// maxAliased is how many nodes aliases may add to a file.
	maxAliased = 100_000
)

// Guard refuses YAML that would become much more than it is: aliases of
// aliases, and nesting without end. It says nothing about text that can't be
// parsed; the parser will.
func Guard(data []byte) error {
	if !MayAlias(data) && !mayNest(data) {
		return nil
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	m := measure{sizes: map[*yaml.Node]int{}}
	for {
		var doc yaml.Node
		if err := decoder.Decode(&doc); err != nil {
			// The end, or what the parser will complain about.
			return nil
		}
		if _, err := m.size(&doc, 0); err != nil {
			return err
		}
	}
}

// MayAlias reports whether there could be an anchor and an alias to it.
func MayAlias(data []byte) bool {
	return marked(data, '&') && marked(data, '*')
}

// marked reports whether a sigil stands where a value may begin, directly
// before a name.
func marked(data []byte, sigil byte) bool {
	for i := 0; ; i++ {
		n := bytes.IndexByte(data[i:], sigil)
		if n < 0 {
			return false
		}
		i += n
		starts := i == 0 || strings.IndexByte(" \t\r\n[{,:-?", data[i-1]) >= 0
		if starts && i+1 < len(data) && strings.IndexByte(" \t\r\n[]{},", data[i+1]) < 0 {
			return true
		}
	}
}

// mayNest reports whether indentation or brackets could exceed maxNesting.
func mayNest(data []byte) bool {
	open, indent, atStart := 0, 0, true
	for _, c := range data {
		switch c {
		case '\n':
			indent, atStart = 0, true
			continue
		case '[', '{':
			if open++; open > maxNesting {
				return true
			}
		case ']', '}':
			open = max(open-1, 0)
		}
		if atStart && (c == ' ' || c == '-' || c == '?' || c == ':' || c == '\t') {
			if indent++; indent > maxNesting {
				return true
			}
			continue
		}
		atStart = false
	}
	return false
}

var errEndless = errors.New("an alias stands inside the anchor that it refers to")

// measure counts what a document becomes when its aliases are expanded.
type measure struct {
	// sizes of nodes with an anchor; -1 while they are being counted.
	sizes   map[*yaml.Node]int
	aliased int
}

func (m *measure) size(n *yaml.Node, depth int) (int, error) {
	if depth > maxNesting {
		return 0, fmt.Errorf("line %d: nested deeper than %d levels", n.Line, maxNesting)
	}
	if n.Kind == yaml.AliasNode {
		return m.alias(n)
	}
	if n.Anchor != "" {
		m.sizes[n] = -1
	}
	total := 1
	for _, child := range n.Content {
		size, err := m.size(child, depth+1)
		if err != nil {
			return 0, err
		}
		total += size
	}
	if n.Anchor != "" {
		m.sizes[n] = total
	}
	return total, nil
}

func (m *measure) alias(n *yaml.Node) (int, error) {
	size := m.sizes[n.Alias]
	if size < 0 {
		return 0, fmt.Errorf("line %d: *%s: %w", n.Line, n.Value, errEndless)
	}
	if m.aliased += size; m.aliased > maxAliased {
		return 0, fmt.Errorf("line %d: *%s: aliases expand to more than %d values; "+
			"write the values out or use fewer aliases", n.Line, n.Value, maxAliased)
	}
	return size, nil
}
