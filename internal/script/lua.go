package script

import (
	"context"
	"errors"
	"regexp"
	"strings"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/parse"
)

// luaRunner runs scripts in Lua, each in a state of its own, and keeps them compiled.
type luaRunner struct {
	// confined: the process can't reach files, whatever a library offers.
	confined bool
	compiled *cache[string, *lua.FunctionProto]
}

// maxCompiled is how many scripts are kept compiled.
const maxCompiled = 256

func newLuaRunner() *luaRunner {
	return &luaRunner{compiled: newCache[string, *lua.FunctionProto](maxCompiled)}
}

// run runs a script on an object and reads what it returns.
func (r *luaRunner) run(q question, object []byte) answer {
	obj, err := decode(object)
	if err != nil {
		return answer{Problem: err.Error()}
	}
	proto, err := r.compile(q.Source)
	if err != nil {
		return answer{Problem: complaint(err)}
	}
	ctx, cancel := context.WithTimeout(context.Background(), q.Time)
	defer cancel()
	l := r.state(ctx, q.OpenLibs)
	defer l.Close()
	c := newConverter(l)
	l.SetGlobal("obj", c.toLua(obj))
	params := map[string]any{}
	for name, value := range q.Params {
		params[name] = value
	}
	l.SetGlobal("actionParams", c.toLua(params))
	l.Push(l.NewFunctionFromProto(proto))
	err = l.PCall(0, lua.MultRet, nil)
	if ctx.Err() != nil {
		return answer{Late: true}
	}
	if err != nil {
		return answer{Problem: complaint(err)}
	}
	a, err := read(q.Task, l.Get(-1), c)
	if err != nil {
		return answer{Problem: err.Error()}
	}
	return a
}

// scriptName is what Lua calls the script in its messages.
const scriptName = "script"

func (r *luaRunner) compile(src string) (*lua.FunctionProto, error) {
	if p := r.compiled.get(src); p != nil {
		return p, nil
	}
	chunk, err := parse.Parse(strings.NewReader(src), scriptName)
	if err != nil {
		return nil, err
	}
	p, err := lua.Compile(chunk, scriptName)
	if err != nil {
		return nil, err
	}
	r.compiled.put(src, p)
	return p, nil
}

var (
	// parseError is a message of the parser, runtimeError the beginning of one of a
	// script that ran.
	parseError   = regexp.MustCompile(`^` + scriptName + ` line:(\d+)\(column:\d+\) near '((?s).*)':\s+((?s).*)$`)
	compileError = regexp.MustCompile(`^compile error near line\((\d+)\) ` + scriptName + `: `)
	runtimeError = regexp.MustCompile(`^` + scriptName + `:(\d+): `)
	endError     = regexp.MustCompile(`^` + scriptName + ` at EOF:\s+`)
)

// complaint is an error of Lua, saying where it is and nothing of the interpreter.
func complaint(err error) string {
	text := err.Error()
	var api *lua.ApiError
	if errors.As(err, &api) {
		switch v := api.Object.(type) {
		case lua.LString, lua.LNumber:
			text = v.String()
		default:
			text = "it raised a " + v.Type().String() + " as an error"
		}
	}
	text = strings.TrimSpace(text)
	text = parseError.ReplaceAllString(text, "line $1: $3 near '$2'")
	text = compileError.ReplaceAllString(text, "line $1: ")
	text = endError.ReplaceAllString(text, "at its end: ")
	return runtimeError.ReplaceAllString(text, "line $1: ")
}
