package argo

import (
	"errors"
	"fmt"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

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
