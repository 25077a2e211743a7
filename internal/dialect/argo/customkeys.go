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
)

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
