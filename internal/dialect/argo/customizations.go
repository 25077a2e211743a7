package argo

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Keys of argocd-cm that customize kinds: one map of all, or a key for each kind.
const (
	keyCustomizations  = "resource.customizations"
	keyCompareOptions  = "resource.compareoptions"
	customHealth       = "health"
	customOpenLibs     = "useOpenLibs"
	customActions      = "actions"
	customIgnore       = "ignoreDifferences"
	customIgnoreUpdate = "ignoreResourceUpdates"
	customKnownTypes   = "knownTypeFields"
)

// Actions are what users have configured as resource actions of a kind: Lua.
type Actions struct {
	// Discovery says which of them an object has.
	Discovery   string
	Definitions []ActionDefinition
	// MergeBuiltin keeps the built-in actions of the kind beside these.
	MergeBuiltin bool
}

// ActionDefinition is the script of one action.
type ActionDefinition struct{ Name, Script string }

// customization is what is configured of the kinds that two globs match.
type customization struct {
	group, kind string
	groups      glob
	kinds       glob
	health      string // Lua; "" is nothing
	openLibs    bool
	actions     *Actions
	ignore      *model.IgnoredFields
	known       map[string]string
}

// customizations are by their "<group>/<kind>".
type customizations struct {
	all map[string]*customization
	// patterns are those with wildcards, the most specific first.
	patterns []*customization
}

// find is the customization of a kind that has what is looked for: its own, else
// that of the pattern that says most.
func (c customizations) find(group, kind string, has func(*customization) bool) (*customization, bool) {
	if own := c.all[group+"/"+kind]; own != nil && has(own) {
		return own, true
	}
	for _, p := range c.patterns {
		if has(p) && p.groups.MatchString(group) && p.kinds.MatchString(kind) {
			return p, true
		}
	}
	return nil, false
}

// HealthScript is the Lua that says how healthy objects of a kind are; false if
// none is configured. openLibs gives it Lua's whole standard library.
func (s *Settings) HealthScript(group, kind string) (script string, openLibs, ok bool) {
	found, ok := s.customized.find(group, kind, func(c *customization) bool { return c.health != "" })
	if !ok {
		return "", false, false
	}
	return found.health, found.openLibs, true
}

// ActionScripts are the resource actions that are configured of a kind.
func (s *Settings) ActionScripts(group, kind string) (Actions, bool) {
	found, ok := s.customized.find(group, kind, func(c *customization) bool { return c.actions != nil })
	if !ok {
		return Actions{}, false
	}
	return *found.actions, true
}

// sorted are all customizations in the order of their names.
func (c customizations) sorted() []*customization {
	var out []*customization
	for _, key := range slices.Sorted(maps.Keys(c.all)) {
		out = append(out, c.all[key])
	}
	return out
}

// of is the customization with that name, made if there is none.
func (c *customizations) of(group, kind string) (*customization, error) {
	key := group + "/" + kind
	if c.all[key] == nil {
		groups, err := readGlob(group)
		if err != nil {
			return nil, err
		}
		kinds, err := readGlob(kind)
		if err != nil {
			return nil, err
		}
		if c.all == nil {
			c.all = map[string]*customization{}
		}
		c.all[key] = &customization{group: group, kind: kind, groups: groups, kinds: kinds}
	}
	return c.all[key], nil
}

// readCustomizations reads all of them. A key of one kind counts more than the map.
func readCustomizations(data map[string]string, add func(key string, err error)) customizations {
	var out customizations
	if text := data[keyCustomizations]; strings.TrimSpace(text) != "" {
		out.readMap(text, func(err error) { add(keyCustomizations, err) })
	}
	for _, key := range slices.Sorted(maps.Keys(data)) {
		if rest, ok := strings.CutPrefix(key, keyCustomizations+"."); ok {
			add(key, out.readKey(rest, data[key]))
		}
	}
	for _, c := range out.sorted() {
		if strings.ContainsAny(c.group+c.kind, "*?[{") {
			out.patterns = append(out.patterns, c)
		}
	}
	slices.SortStableFunc(out.patterns, func(a, b *customization) int {
		return cmp.Compare(len(b.group+b.kind), len(a.group+a.kind))
	})
	return out
}

// readKey reads a key of the form <what>.<group>_<kind>, <what>.<kind> or, of
// what counts for every kind, <what>.all.
func (c *customizations) readKey(key, text string) error {
	what, of, ok := strings.Cut(key, ".")
	group, kind, hasGroup := strings.Cut(of, "_")
	if !hasGroup {
		group, kind = "", of
	}
	if !ok || kind == "" || strings.Contains(kind, "_") {
		return errors.New("write <group>_<Kind> after it, and wildcards as a key of the map " + keyCustomizations)
	}
	if of == "all" {
		group, kind = "*", "*"
	}
	if what == customIgnoreUpdate {
		return nil // what only reads of updates is nothing here: nothing is done about one that changes nothing
	}
	into, err := c.of(group, kind)
	if err != nil {
		return err
	}
	return into.read(what, []byte(text))
}

// readMap reads the map by <group>/<kind>.
func (c *customizations) readMap(text string, add func(error)) {
	var all map[string]map[string]json.RawMessage
	if err := yaml.Unmarshal([]byte(text), &all); err != nil {
		add(fmt.Errorf("not a map of kinds to their customizations: %w", err))
		return
	}
	for _, key := range slices.Sorted(maps.Keys(all)) {
		group, kind, hasGroup := strings.Cut(strings.ReplaceAll(key, "_", "*"), "/")
		if !hasGroup {
			group, kind = "", group
		}
		if key == "all" {
			group, kind = "*", "*"
		}
		into, err := c.of(group, kind)
		if err != nil {
			add(err)
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(all[key])) {
			what, known := mapNames[name]
			switch {
			case !known:
				err = fmt.Errorf("not known; did you mean one of %s?", strings.Join(slices.Sorted(maps.Keys(mapNames)), ", "))
			case what == customIgnoreUpdate:
				continue
			default:
				err = into.read(what, unquoted(all[key][name]))
			}
			if err != nil {
				add(fmt.Errorf("%s: %s: %w", key, name, err))
			}
		}
	}
}

// mapNames are the names that things have in the map.
var mapNames = map[string]string{
	"health.lua": customHealth, "health.lua.useOpenLibs": customOpenLibs, "useOpenLibs": customOpenLibs,
	"actions": customActions, "ignoreDifferences": customIgnore, "ignoreResourceUpdates": customIgnoreUpdate,
	"knownTypeFields": customKnownTypes,
}

// unquoted is the text of a JSON string, or the JSON itself, which is YAML too.
func unquoted(raw json.RawMessage) []byte {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return []byte(text)
	}
	return raw
}

// read takes one thing that is configured.
func (c *customization) read(what string, text []byte) error {
	switch what {
	case customHealth:
		c.health = string(text)
	case customOpenLibs:
		c.openLibs = isTrue(strings.TrimSpace(string(text)))
	case customActions:
		return c.readActions(text)
	case customIgnore:
		return c.readIgnore(text)
	case customKnownTypes:
		return c.readKnownTypes(text)
	default:
		return fmt.Errorf("%s is not known; did you mean %s?", what, nearest(what, map[string]bool{
			customHealth: true, customOpenLibs: true, customActions: true, customIgnore: true, customKnownTypes: true, customIgnoreUpdate: true,
		}))
	}
	return nil
}

func (c *customization) readActions(text []byte) error {
	var raw struct {
		Discovery   string `json:"discovery.lua"`
		Definitions []struct {
			Name   string `json:"name"`
			Action string `json:"action.lua"`
		} `json:"definitions"`
		MergeBuiltin bool `json:"mergeBuiltinActions"`
	}
	if err := yaml.Unmarshal(text, &raw); err != nil {
		return fmt.Errorf("not YAML with discovery.lua and definitions: %w", err)
	}
	c.actions = &Actions{Discovery: raw.Discovery, MergeBuiltin: raw.MergeBuiltin}
	for _, d := range raw.Definitions {
		if d.Name == "" || d.Action == "" {
			return errors.New("a definition needs a name and an action.lua")
		}
		c.actions.Definitions = append(c.actions.Definitions, ActionDefinition{Name: d.Name, Script: d.Action})
	}
	return nil
}

func (c *customization) readIgnore(text []byte) error {
	var raw struct {
		Pointers []string `json:"jsonPointers"`
		JQ       []string `json:"jqPathExpressions"`
		Managers []string `json:"managedFieldsManagers"`
	}
	if err := yaml.Unmarshal(text, &raw); err != nil {
		return fmt.Errorf("not YAML with jsonPointers, jqPathExpressions and managedFieldsManagers: %w", err)
	}
	c.ignore = &model.IgnoredFields{Group: c.group, Kind: c.kind, JQ: raw.JQ, Managers: raw.Managers}
	var wrong error
	for _, p := range raw.Pointers {
		if err := checkPointer(p); err != nil {
			wrong = err
			continue
		}
		c.ignore.Pointers = append(c.ignore.Pointers, p)
	}
	return wrong
}

func (c *customization) readKnownTypes(text []byte) error {
	var raw []struct{ Field, Type string }
	if err := yaml.Unmarshal(text, &raw); err != nil {
		return fmt.Errorf("not a list of field and type: %w", err)
	}
	c.known = map[string]string{}
	for _, k := range raw {
		if k.Field == "" || k.Type == "" {
			return errors.New("an entry needs field, such as spec.template.spec, and type, such as core/v1/PodSpec")
		}
		c.known[k.Field] = k.Type
	}
	return nil
}
