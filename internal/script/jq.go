package script

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"slices"

	"github.com/itchyny/gojq"
)

// jqRunner finds the paths that expressions select, and keeps these compiled.
type jqRunner struct {
	compiled *cache[string, *gojq.Code]
}

func newJQRunner() *jqRunner {
	return &jqRunner{newCache[string, *gojq.Code](maxCompiled)}
}

// errRoot: an expression selects all there is.
var errRoot = errors.New("it selects the whole object")

// run finds the paths of all expressions in the object.
func (r *jqRunner) run(q question, object []byte) answer {
	obj, err := decode(object)
	if err != nil {
		return answer{Problem: err.Error()}
	}
	ctx, cancel := context.WithTimeout(context.Background(), q.Time)
	defer cancel()
	paths := [][]any{}
	for _, e := range q.Expressions {
		code, err := r.compile(e)
		if err == nil {
			var found [][]any
			found, err = selected(ctx, code, obj)
			paths = append(paths, found...)
		}
		if ctx.Err() != nil {
			return answer{Late: true, Expression: e}
		}
		if err != nil {
			return answer{Problem: err.Error(), Expression: e}
		}
	}
	slices.SortFunc(paths, func(a, b []any) int { return gojq.Compare(b, a) })
	paths = slices.CompactFunc(paths, func(a, b []any) bool { return gojq.Compare(a, b) == 0 })
	text, err := json.Marshal(paths)
	if err != nil {
		return answer{Problem: err.Error()}
	}
	return answer{Paths: text}
}

// compile makes of an expression the query for the paths that it selects.
func (r *jqRunner) compile(e string) (*gojq.Code, error) {
	if c := r.compiled.get(e); c != nil {
		return c, nil
	}
	query, err := gojq.Parse(e)
	if err != nil {
		return nil, err
	}
	if query.Meta != nil || len(query.Imports) > 0 {
		return nil, errors.New("there are no modules here")
	}
	c, err := gojq.Compile(&gojq.Query{Term: &gojq.Term{
		Type: gojq.TermTypeFunc, Func: &gojq.Func{Name: "path", Args: []*gojq.Query{query}},
	}})
	if err != nil {
		return nil, err
	}
	r.compiled.put(e, c)
	return c, nil
}

// selected are the paths that exist, of an expression that works on the object;
// one that fails on it selects nothing.
func selected(ctx context.Context, code *gojq.Code, obj any) ([][]any, error) {
	var found [][]any
	results := code.RunWithContext(ctx, obj)
	for {
		v, ok := results.Next()
		if !ok {
			return found, nil
		}
		if _, failed := v.(error); failed {
			return nil, nil
		}
		path, _ := v.([]any)
		if len(path) == 0 {
			return nil, errRoot
		}
		found = append(found, resolve(nil, path, obj)...)
	}
}

// resolve makes a path of jq those that exist below prefix, where v is: with
// indices from the front and without slices.
func resolve(prefix, path []any, v any) [][]any {
	if len(path) == 0 {
		return [][]any{prefix}
	}
	below := func(step, v any) [][]any { return resolve(append(slices.Clone(prefix), step), path[1:], v) }
	switch step := path[0].(type) {
	case string:
		m, _ := v.(map[string]any)
		if item, ok := m[step]; ok {
			return below(step, item)
		}
	case int, float64:
		list, _ := v.([]any)
		if i := fromFront(index(step, math.Floor, 0), len(list)); i >= 0 && i < len(list) {
			return below(i, list[i])
		}
	case map[string]any:
		list, _ := v.([]any)
		return resolveSlice(prefix, path[1:], list, step)
	}
	return nil
}

// resolveSlice resolves a path that goes on within a part of a list.
func resolveSlice(prefix, rest []any, list []any, part map[string]any) [][]any {
	n := len(list)
	from := min(max(fromFront(index(part["start"], math.Floor, 0), n), 0), n)
	to := min(max(fromFront(index(part["end"], math.Ceil, n), n), from), n)
	if len(rest) == 0 {
		var all [][]any
		for i := from; i < to; i++ {
			all = append(all, append(slices.Clone(prefix), i))
		}
		return all
	}
	var all [][]any
	for _, p := range resolve(nil, rest, list[from:to]) {
		if i, ok := p[0].(int); ok {
			p[0] = from + i
		}
		all = append(all, append(slices.Clone(prefix), p...))
	}
	return all
}

// index is a number as an index; otherwise if it is none.
func index(v any, round func(float64) float64, otherwise int) int {
	switch v := v.(type) {
	case int:
		return v
	case float64:
		return int(round(v))
	}
	return otherwise
}

func fromFront(i, length int) int {
	if i < 0 {
		return i + length
	}
	return i
}
