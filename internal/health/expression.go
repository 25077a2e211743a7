package health

import (
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/ext"
)

// costLimit bounds one evaluation, in CEL's units of about an operation each: a
// rule needs some dozens, and some more per element of a list that it goes through.
const costLimit = 100_000

// variables are what an expression reads: the object, three of its fields, each
// an empty map where it is absent, and the parameters of a preset.
var variables = []string{"object", "spec", "status", "metadata", "with"}

// ofConditions read a condition of whatever has a list of them: of the status,
// where only the condition's type is given.
var ofConditions = map[string]func(object, string) any{
	"isTrue":    func(o object, name string) any { return o.owned(name).isTrue() },
	"isFalse":   func(o object, name string) any { return o.owned(name).isFalse() },
	"isUnknown": func(o object, name string) any { return o.owned(name).status == "Unknown" },
	"reason":    func(o object, name string) any { return o.owned(name).reason },
	"message":   func(o object, name string) any { return o.owned(name).message },
	"why":       func(o object, name string) any { return o.owned(name).why(name) },
}

// ofFields read a field by its path, with dots: of the whole object, where only
// the path is given. A field that is absent reads as the zero value.
var ofFields = map[string]func(object, string) any{
	"text":    func(o object, path string) any { return o.text(strings.Split(path, ".")...) },
	"num":     func(o object, path string) any { return o.number(strings.Split(path, ".")...) },
	"flag":    func(o object, path string) any { return o.flag(strings.Split(path, ".")...) },
	"present": func(o object, path string) any { return o.has(strings.Split(path, ".")...) },
	"stale":   func(o object, name string) any { return o.unseen(name) },
}

var results = map[string]*cel.Type{
	"isTrue": cel.BoolType, "isFalse": cel.BoolType, "isUnknown": cel.BoolType,
	"reason": cel.StringType, "message": cel.StringType, "why": cel.StringType,
	"text": cel.StringType, "num": cel.IntType, "flag": cel.BoolType, "present": cel.BoolType, "stale": cel.BoolType,
}

// environment is what expressions are compiled in.
var environment = sync.OnceValue(func() *cel.Env {
	options := []cel.EnvOption{
		cel.OptionalTypes(), ext.Strings(), cel.CrossTypeNumericComparisons(true),
		cel.Function("either", cel.Overload("either_string_string",
			[]*cel.Type{cel.StringType, cel.StringType}, cel.StringType, cel.BinaryBinding(either))),
		cel.Macros(cel.GlobalMacro("stale", 0, callWith("stale", "object", types.String("")))),
	}
	for _, name := range variables {
		options = append(options, cel.Variable(name, cel.MapType(cel.StringType, cel.DynType)))
	}
	for name, read := range ofConditions {
		options = append(options, reader(name, "status", read)...)
	}
	for name, read := range ofFields {
		options = append(options, reader(name, "object", read)...)
	}
	env, err := cel.NewEnv(options...)
	if err != nil {
		panic(err)
	}
	return env
})

// reader declares name(holder, text), and name(text) which is of the variable.
func reader(name, variable string, read func(object, string) any) []cel.EnvOption {
	call := func(holder, arg ref.Val) ref.Val {
		text, _ := arg.Value().(string)
		return types.DefaultTypeAdapter.NativeToValue(read(mapOf(holder), text))
	}
	return []cel.EnvOption{
		cel.Function(name, cel.Overload(name+"_dyn_string",
			[]*cel.Type{cel.DynType, cel.DynType}, results[name], cel.BinaryBinding(call))),
		cel.Macros(cel.GlobalMacro(name, 1, callWith(name, variable, nil))),
	}
}

// callWith calls the function with a variable before its argument; preset is the
// argument of a call without one.
func callWith(function, variable string, preset ref.Val) cel.MacroFactory {
	return func(eh cel.MacroExprFactory, _ ast.Expr, args []ast.Expr) (ast.Expr, *common.Error) {
		args = append([]ast.Expr{eh.NewIdent(variable)}, args...)
		if preset != nil {
			args = append(args, eh.NewLiteral(preset))
		}
		return eh.NewCall(function, args...), nil
	}
}

// mapOf is the JSON object behind a value; nil if it is none.
func mapOf(v ref.Val) object {
	m, _ := v.Value().(map[string]any)
	return m
}

// either is the first text that is not empty.
func either(a, b ref.Val) ref.Val {
	if a == types.String("") {
		return b
	}
	return a
}

// compile makes a program of an expression that has the type of want, or none
// that is known before it is evaluated.
func compile(expression string, want *cel.Type) (cel.Program, error) {
	env := environment()
	checked, issues := env.Compile(expression)
	if issues.Err() != nil {
		return nil, issues.Err()
	}
	if out := checked.OutputType(); !out.IsAssignableType(want) && !out.IsExactType(cel.DynType) {
		return nil, &typeError{expression, out, want}
	}
	return env.Program(checked, cel.EvalOptions(cel.OptOptimize), cel.CostLimit(costLimit))
}

// typeError says that an expression yields what its place has no use for.
type typeError struct {
	expression string
	is, want   *cel.Type
}

func (e *typeError) Error() string {
	return e.expression + " is " + e.is.String() + ", not " + e.want.String()
}

// input is what an expression is evaluated with.
type input struct {
	object object
	with   map[string]any
}

var _ cel.Activation = input{}

// ResolveName is the value of a variable.
func (in input) ResolveName(name string) (any, bool) {
	switch name {
	case "object":
		return map[string]any(in.object), true
	case "with":
		return in.with, true
	case "spec", "status", "metadata":
		return map[string]any(in.object.child(name)), true
	}
	return nil, false
}

// Parent is nil: there are no other variables.
func (in input) Parent() cel.Activation { return nil }
