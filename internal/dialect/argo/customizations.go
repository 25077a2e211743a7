package argo

import (
	"fmt"
	"maps"
	"slices"

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

// healthDigest is of all checks of health; zero for none.
func (c customizations) healthDigest() model.Digest {
	var parts [][]byte
	for _, one := range c.sorted() {
		if one.health != "" {
			parts = append(parts, []byte(one.group), []byte(one.kind), []byte(one.health), fmt.Append(nil, one.openLibs))
		}
	}
	if len(parts) == 0 {
		return model.Digest{}
	}
	return model.DigestOf(parts...)
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
