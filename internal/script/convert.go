package script

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"

	lua "github.com/yuin/gopher-lua"
)

// decode reads JSON; numbers are int or float64.
func decode(text []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("reading JSON: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("reading JSON: there is more after the value")
	}
	return numbers(v)
}

// numbers makes the numbers of a value, in place, what they are.
func numbers(v any) (any, error) {
	switch v := v.(type) {
	case json.Number:
		if i, err := strconv.Atoi(v.String()); err == nil {
			return i, nil
		}
		return v.Float64()
	case []any:
		for i := range v {
			var err error
			if v[i], err = numbers(v[i]); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		for k := range v {
			var err error
			if v[k], err = numbers(v[k]); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}

// converter turns values into those of Lua and back. Lua has one kind of table,
// one kind of number, and no null in a table: what a table was made of tells what
// has become of it.
type converter struct {
	l *lua.LState
	// origins are the maps and lists that tables were made of.
	origins map[*lua.LTable]any
}

func newConverter(l *lua.LState) *converter {
	return &converter{l: l, origins: map[*lua.LTable]any{}}
}

func (c *converter) toLua(v any) lua.LValue {
	switch v := v.(type) {
	case bool:
		return lua.LBool(v)
	case int:
		return lua.LNumber(v)
	case float64:
		return lua.LNumber(v)
	case string:
		return lua.LString(v)
	case []any:
		t := c.l.CreateTable(len(v), 0)
		for _, item := range v {
			t.Append(c.toLua(item))
		}
		c.origins[t] = v
		return t
	case map[string]any:
		t := c.l.CreateTable(0, len(v))
		for k, item := range v {
			t.RawSetString(k, c.toLua(item))
		}
		c.origins[t] = v
		return t
	}
	return lua.LNil
}

// toGo is the value of Lua as one of JSON.
func (c *converter) toGo(v lua.LValue) (any, error) {
	return (&reader{c, map[*lua.LTable]bool{}}).read(v, nil)
}

// reader reads one value; within are the tables that it is in.
type reader struct {
	*converter
	within map[*lua.LTable]bool
}

// read reads a value that stands where was stood, or nil.
func (r *reader) read(v lua.LValue, was any) (any, error) {
	switch v := v.(type) {
	case *lua.LNilType:
		return nil, nil
	case lua.LBool:
		return bool(v), nil
	case lua.LString:
		return string(v), nil
	case lua.LNumber:
		return number(float64(v), was)
	case *lua.LTable:
		if r.within[v] {
			return nil, fmt.Errorf("a table contains itself")
		}
		r.within[v] = true
		defer delete(r.within, v)
		return r.table(v, was)
	}
	return nil, fmt.Errorf("it returns a %s where there can only be data", v.Type())
}

// number is that which stood there if it is still the same to Lua, which knows no
// integers beyond 2^53.
func number(f float64, was any) (any, error) {
	if i, ok := was.(int); ok && float64(i) == f {
		return i, nil
	}
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, fmt.Errorf("it returns %v as a number", f)
	}
	if f == math.Trunc(f) && math.Abs(f) < 1<<63 {
		return int(f), nil
	}
	return f, nil
}

func (r *reader) table(t *lua.LTable, was any) (any, error) {
	origin, ok := r.origins[t]
	if !ok {
		origin = was
	}
	key, _ := t.Next(lua.LNil)
	_, wasMap := origin.(map[string]any)
	switch key.(type) {
	case lua.LString:
		return r.object(t, origin)
	case lua.LNumber:
		return r.list(t, origin)
	case *lua.LNilType:
		if wasMap {
			return r.object(t, origin)
		}
		return r.list(t, origin)
	}
	return nil, fmt.Errorf("it returns a table whose keys are of the type %s", key.Type())
}

// object reads a table whose keys are texts. Nulls stay where nothing took their
// place.
func (r *reader) object(t *lua.LTable, origin any) (any, error) {
	was, _ := origin.(map[string]any)
	out := map[string]any{}
	for k, v := range was {
		if v == nil {
			out[k] = nil
		}
	}
	for key, value := t.Next(lua.LNil); key != lua.LNil; key, value = t.Next(key) {
		k, ok := key.(lua.LString)
		if !ok {
			return nil, fmt.Errorf("it returns a table with both names and numbers as keys")
		}
		before := was[string(k)]
		if before == nil && aMap[string(k)] {
			before = map[string]any{}
		}
		v, err := r.read(value, before)
		if err != nil {
			return nil, err
		}
		out[string(k)] = v
	}
	return out, nil
}

// aMap are fields that are maps wherever Kubernetes has them: an empty table there
// is an empty map, and elsewhere an empty list.
var aMap = map[string]bool{
	"annotations": true, "emptyDir": true, "labels": true, "matchLabels": true,
	"namespaceSelector": true, "nodeSelector": true, "podSelector": true, "securityContext": true,
}

// list reads a table whose keys are 1, 2, 3 and so on.
func (r *reader) list(t *lua.LTable, origin any) (any, error) {
	was, _ := origin.([]any)
	if len(was) != t.Len() {
		was = withoutNulls(was)
	}
	out := []any{}
	for key, value := t.Next(lua.LNil); key != lua.LNil; key, value = t.Next(key) {
		k, ok := key.(lua.LNumber)
		if !ok {
			return nil, fmt.Errorf("it returns a table with both names and numbers as keys")
		}
		if int(k) != len(out)+1 {
			return nil, fmt.Errorf("it returns a list with holes")
		}
		var before any
		if len(out) < len(was) {
			before = was[len(out)]
		}
		v, err := r.read(value, before)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return restoreNulls(out, origin), nil
}

func withoutNulls(list []any) []any {
	var out []any
	for _, v := range list {
		if v != nil {
			out = append(out, v)
		}
	}
	return out
}

// restoreNulls puts nulls back between the items of a list that has as many others
// as it had.
func restoreNulls(list []any, origin any) []any {
	was, _ := origin.([]any)
	if len(was) == len(list) || len(withoutNulls(was)) != len(list) {
		return list
	}
	out := make([]any, len(was))
	for i, v := range was {
		if v != nil {
			out[i], list = list[0], list[1:]
		}
	}
	return out
}
