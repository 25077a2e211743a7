package script

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	lua "github.com/yuin/gopher-lua"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// read reads what a script of a kind returned.
func read(t task, v lua.LValue, c *converter) (answer, error) {
	if v == lua.LNil && t == taskHealth {
		return answer{}, nil
	}
	table, ok := v.(*lua.LTable)
	if !ok {
		return answer{}, fmt.Errorf("it has to return a table, not a %s", v.Type())
	}
	switch t {
	case taskHealth:
		return returnedHealth(table)
	case taskDiscover:
		return returnedActions(table, c)
	case taskAct:
		return returnedChanges(table, c)
	}
	return answer{}, fmt.Errorf("nobody knows how to run a script for %q", t)
}

// returnedHealth reads a table of status and message.
func returnedHealth(t *lua.LTable) (a answer, err error) {
	if key, _ := t.Next(lua.LNil); key == lua.LNil {
		return a, nil
	}
	if a.Status, err = text(t, "status"); err != nil {
		return a, err
	}
	if a.Message, err = text(t, "message"); err != nil {
		return a, err
	}
	if a.Status == "" {
		return answer{Status: string(model.Unknown), Message: "the health script returned no status"}, nil
	}
	return a, nil
}

func text(t *lua.LTable, field string) (string, error) {
	switch v := t.RawGetString(field).(type) {
	case *lua.LNilType:
		return "", nil
	case lua.LString, lua.LNumber, lua.LBool:
		return v.String(), nil
	default:
		return "", fmt.Errorf("it returns a %s as %s, which has to be a text", v.Type(), field)
	}
}

// returnedActions reads a table of actions by name. A list in place of an action
// is one without properties.
func returnedActions(t *lua.LTable, c *converter) (a answer, err error) {
	v, err := c.toGo(t)
	if err != nil {
		return a, err
	}
	byName, ok := v.(map[string]any)
	if list, isList := v.([]any); !ok && (!isList || len(list) > 0) {
		return a, fmt.Errorf("it has to return a table of actions by name")
	}
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		action := Action{Name: name}
		switch fields := byName[name].(type) {
		case []any:
		case map[string]any:
			if err := action.fill(fields); err != nil {
				return a, fmt.Errorf("action %s: %w", name, err)
			}
		default:
			return a, fmt.Errorf("action %s: it has to be a table", name)
		}
		a.Actions = append(a.Actions, action)
	}
	return a, nil
}

func (a *Action) fill(fields map[string]any) (err error) {
	switch v := fields["disabled"].(type) {
	case nil:
	case bool:
		a.Disabled = v
	default:
		return fmt.Errorf("disabled has to be true or false")
	}
	if a.IconClass, err = plain(fields, "iconClass"); err != nil {
		return err
	}
	if a.DisplayName, err = plain(fields, "displayName"); err != nil {
		return err
	}
	params, ok := fields["params"].([]any)
	if !ok && fields["params"] != nil {
		return fmt.Errorf("params has to be a list")
	}
	for _, item := range params {
		m, _ := item.(map[string]any)
		var p Param
		for field, to := range map[string]*string{"name": &p.Name, "type": &p.Type, "default": &p.Default} {
			if *to, err = plain(m, field); err != nil {
				return fmt.Errorf("params: %w", err)
			}
		}
		if p.Name == "" {
			return fmt.Errorf("params: one has no name")
		}
		a.Params = append(a.Params, p)
	}
	return nil
}

// plain is a field that is a text, or can be written as one.
func plain(fields map[string]any, name string) (string, error) {
	switch v := fields[name].(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	case bool:
		return strconv.FormatBool(v), nil
	case int:
		return strconv.Itoa(v), nil
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64), nil
	}
	return "", fmt.Errorf("%s has to be a text", name)
}

// returnedChanges reads an object, which is a patch, or a list of operations with
// their resources.
func returnedChanges(t *lua.LTable, c *converter) (a answer, err error) {
	v, err := c.toGo(t)
	if err != nil {
		return a, err
	}
	list, ok := v.([]any)
	if !ok {
		list = []any{map[string]any{"operation": OperationPatch, "resource": v}}
	}
	for i, item := range list {
		m, _ := item.(map[string]any)
		operation, _ := m["operation"].(string)
		resource, isMap := m["resource"].(map[string]any)
		if operation == "" || !isMap {
			return a, fmt.Errorf("change %d of its list has to have an operation and a resource", i+1)
		}
		text, err := json.Marshal(resource)
		if err != nil {
			return a, err
		}
		a.Changes = append(a.Changes, change{operation, text})
	}
	return a, nil
}
