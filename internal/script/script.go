package script

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	kjson "k8s.io/apimachinery/pkg/util/json"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Action is what a discovery script says that can be done with an object.
type Action struct {
	Name     string
	Disabled bool
	// IconClass and DisplayName are for user interfaces; "" is their default.
	IconClass, DisplayName string
	Params                 []Param
}

// Param is a parameter of an action.
type Param struct{ Name, Type, Default string }

// The operations of a Change.
const (
	OperationPatch  = "patch"
	OperationCreate = "create"
)

// Change is what an action script wants to be done.
type Change struct {
	Operation string
	// Object is the whole object: that which the script was given, as it is to be,
	// or a new one. Numbers are int64 or float64.
	Object map[string]any
}

// Health runs a health check: a script that returns a table of a status and a
// message. openLibs lets it use all libraries of Lua. The zero Health is the answer
// of a script that returns nothing or an empty table.
//
// A script that is wrong or goes beyond its limits is model.ErrInvalid.
func (p *Pool) Health(ctx context.Context, src string, openLibs bool, obj map[string]any) (model.Health, error) {
	a, err := p.ask(ctx, "health script", question{Task: taskHealth, Source: src, OpenLibs: openLibs}, obj)
	if err != nil {
		return model.Health{}, err
	}
	return readHealth(a.Status, a.Message), nil
}

// Discover runs a discovery script: it returns a table of actions by name. They
// come in the order of their names. Errors are those of Health.
func (p *Pool) Discover(ctx context.Context, src string, obj map[string]any) ([]Action, error) {
	a, err := p.ask(ctx, "discovery script", question{Task: taskDiscover, Source: src}, obj)
	return a.Actions, err
}

// Act runs an action script: it returns the object as it is to be, or a list of
// tables of an operation and a resource. A patch is always of obj. Errors are those
// of Health.
func (p *Pool) Act(ctx context.Context, src string, obj map[string]any, params map[string]string) ([]Change, error) {
	a, err := p.ask(ctx, "action script", question{Task: taskAct, Source: src, Params: params}, obj)
	if err != nil {
		return nil, err
	}
	subject := subjectOf("action script", obj)
	var changes []Change
	for _, c := range a.Changes {
		var object map[string]any
		if err := kjson.Unmarshal(c.Object, &object); err != nil {
			return nil, model.Invalidf("%s returns something that is no object", subject)
		}
		if err := checkChange(subject, c.Operation, object, obj); err != nil {
			return nil, err
		}
		changes = append(changes, Change{c.Operation, object})
	}
	return changes, nil
}

// Paths are the paths that path expressions of jq select in obj, each a list of
// strings (keys) and ints (indices, from 0); slices and negative indices are
// resolved. None is there twice, and what comes later in a list comes first, so that
// they can be deleted one after the other. A path that does not exist in obj is left
// out, and so are all paths of an expression that fails on it: jq's del would change
// nothing.
//
// An expression that can't be compiled, selects the whole object or goes beyond a
// limit is model.ErrInvalid, naming it.
func (p *Pool) Paths(ctx context.Context, exprs []string, obj map[string]any) ([][]any, error) {
	if len(exprs) == 0 {
		return nil, nil
	}
	what := expressions(exprs...)
	a, err := p.ask(ctx, what, question{Task: taskPaths, Expressions: exprs}, obj)
	if err != nil || a.Paths == nil {
		return nil, err
	}
	var paths [][]any
	if err := kjson.Unmarshal(a.Paths, &paths); err != nil {
		return nil, model.Invalidf("%s: the worker answered no paths; please report it", what)
	}
	return paths, readPaths(what, paths)
}

func (p *Pool) ask(ctx context.Context, what string, q question, obj map[string]any) (answer, error) {
	data, err := json.Marshal(obj)
	if err != nil {
		return answer{}, fmt.Errorf("passing an object to a script: %w", err)
	}
	if q.Task != taskPaths {
		what = subjectOf(what, obj)
	}
	return p.do(ctx, what, q, data)
}

// expressions names expressions of jq.
func expressions(exprs ...string) string {
	if len(exprs) == 1 {
		return fmt.Sprintf("jq path expression %q", clipped(exprs[0]))
	}
	return fmt.Sprintf("one of the jq path expressions %s", clipped(fmt.Sprintf("%q", exprs)))
}

// subjectOf names a script by what it is and the kind that it is for.
func subjectOf(what string, obj map[string]any) string {
	kind, _ := obj["kind"].(string)
	if group := groupOf(obj); group != "" {
		kind = group + "/" + kind
	}
	return what + " of " + kind
}

func groupOf(obj map[string]any) string {
	version, _ := obj["apiVersion"].(string)
	group, _, ok := strings.Cut(version, "/")
	if !ok {
		return ""
	}
	return group
}

// readHealth is a health as a script says it. It says nothing if both are empty.
func readHealth(status, message string) model.Health {
	switch s := model.HealthStatus(status); s {
	case "", model.Healthy, model.Suspended, model.Progressing, model.Missing, model.Degraded, model.Unknown:
		return model.Health{Status: s, Message: clipped(message)}
	}
	return model.Health{Status: model.Unknown, Message: fmt.Sprintf("the health script returned the status %q, which there is not", clipped(status))}
}

// checkChange sees to it that a script changes only its object, and makes only
// what has a name.
func checkChange(subject, operation string, object, obj map[string]any) error {
	kind, _ := object["kind"].(string)
	version, _ := object["apiVersion"].(string)
	switch operation {
	case OperationPatch:
		if identity(object) != identity(obj) {
			return model.Invalidf("%s patches another object than its own, %s; let it create that one instead", subject, clipped(identity(object)))
		}
	case OperationCreate:
		meta, _ := object["metadata"].(map[string]any)
		if kind == "" || version == "" || meta["name"] == nil && meta["generateName"] == nil {
			return model.Invalidf("%s creates an object without apiVersion, kind or metadata.name", subject)
		}
	default:
		return model.Invalidf("%s returns the operation %q: there are %q and %q", subject, clipped(operation), OperationPatch, OperationCreate)
	}
	return nil
}

// identity names an object for comparisons and messages.
func identity(obj map[string]any) string {
	kind, _ := obj["kind"].(string)
	meta, _ := obj["metadata"].(map[string]any)
	namespace, _ := meta["namespace"].(string)
	name, _ := meta["name"].(string)
	return model.ObjectKey{Group: groupOf(obj), Kind: kind, Namespace: namespace, Name: name}.String()
}

// readPaths makes the indices of paths ints.
func readPaths(what string, paths [][]any) error {
	for _, path := range paths {
		for i, step := range path {
			switch s := step.(type) {
			case string:
			case int64:
				path[i] = int(s)
			default:
				return model.Invalidf("%s: the worker answered no path; please report it", what)
			}
		}
	}
	return nil
}
