package health

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"sigs.k8s.io/yaml"
)

// declared are the rules of kinds outside Kubernetes; see rules/README.md.
//
//go:embed rules/*.yaml
var declared embed.FS

// presetsFile has the rules that many kinds share.
const presetsFile = "presets.yaml"

// entry is an element of a file of rules: what holds for some kinds of a group.
type entry struct {
	Group names `json:"group"`
	Kind  names `json:"kind"`
	// Rules come before those of the preset.
	Rules []rule `json:"rules,omitempty"`
	// Use names the preset, With are its parameters.
	Use  string         `json:"use,omitempty"`
	With map[string]any `json:"with,omitempty"`
}

// rule is a verdict and the condition for it.
type rule struct {
	When    string `json:"when,omitempty"`
	Status  string `json:"status"`
	Message string `json:"message,omitempty"`
	// Needs names a parameter of the preset: where it is empty, there is no such rule.
	Needs string `json:"needs,omitempty"`
}

// preset are rules with parameters and their defaults.
type preset struct {
	With  map[string]any `json:"with,omitempty"`
	Rules []rule         `json:"rules"`
}

// names is a name or a list of them.
type names []string

// UnmarshalJSON reads either form.
func (n *names) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*n = names{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(n))
}

// table finds the rules of a kind. Those for patterns of names come after those
// for names, in the order of the files.
type table struct {
	exact    map[kind]*ruleset
	patterns []pattern
}

type pattern struct {
	kind
	set *ruleset
}

// declaredRules is the embedded table. It is read when it is first needed; that
// it can be read is tested.
var declaredRules = sync.OnceValue(func() *table {
	t, err := loadTable()
	if err != nil {
		panic(err)
	}
	return t
})

// find is what is declared for a kind; nil if nothing is.
func (t *table) find(k kind) *ruleset {
	if set, ok := t.exact[k]; ok {
		return set
	}
	for _, p := range t.patterns {
		if matches(p.group, k.group) && matches(p.name, k.name) {
			return p.set
		}
	}
	return nil
}

// matches reports whether a name fits a pattern, in which one * stands for any text.
func matches(pattern, name string) bool {
	before, after, found := strings.Cut(pattern, "*")
	if !found {
		return pattern == name
	}
	return len(name) >= len(before)+len(after) && strings.HasPrefix(name, before) && strings.HasSuffix(name, after)
}

func loadTable() (*table, error) {
	var presets map[string]preset
	if err := readRules(presetsFile, &presets); err != nil {
		return nil, err
	}
	files, err := declared.ReadDir("rules")
	if err != nil {
		return nil, err
	}
	t := &table{exact: map[kind]*ruleset{}}
	for _, f := range files {
		if f.Name() == presetsFile {
			continue
		}
		var entries []entry
		if err := readRules(f.Name(), &entries); err != nil {
			return nil, err
		}
		for _, e := range entries {
			if err := t.add(e, presets); err != nil {
				return nil, fmt.Errorf("%s: %s %s: %w", f.Name(), strings.Join(e.Group, ", "), strings.Join(e.Kind, ", "), err)
			}
		}
	}
	return t, nil
}

func readRules(name string, into any) error {
	data, err := declared.ReadFile("rules/" + name)
	if err != nil {
		return err
	}
	if err := yaml.UnmarshalStrict(data, into); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// kinds are those of the entry; none if a name is missing.
func (e entry) kinds() []kind {
	var out []kind
	for _, group := range e.Group {
		for _, name := range e.Kind {
			if group == "" || name == "" {
				return nil
			}
			out = append(out, kind{group, name})
		}
	}
	return out
}

func (t *table) add(e entry, presets map[string]preset) error {
	kinds := e.kinds()
	if len(kinds) == 0 {
		return errors.New("group and kind are needed")
	}
	set, err := newRuleset(e, presets)
	if err != nil {
		return err
	}
	for _, k := range kinds {
		if strings.Count(k.group, "*") > 1 || strings.Count(k.name, "*") > 1 {
			return errors.New("a pattern has one * only")
		}
		if strings.Contains(k.group+k.name, "*") {
			t.patterns = append(t.patterns, pattern{k, set})
			continue
		}
		if t.exact[k] != nil || builtin[k] != nil {
			return fmt.Errorf("%s has rules already", k.name)
		}
		t.exact[k] = set
	}
	return nil
}
