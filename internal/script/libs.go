package script

import (
	"context"
	"encoding/json"

	lua "github.com/yuin/gopher-lua"
)

// What a state may use: more than any script that works elsewhere needs, and all
// of it bounded by the memory of the process.
const (
	callDepth   = 1 << 10
	registry    = 1 << 12
	maxRegistry = 1 << 20
)

// safeLibs are open to every script, openLibs to those that ask for all.
var (
	safeLibs = []library{
		{lua.LoadLibName, lua.OpenPackage}, {lua.BaseLibName, lua.OpenBase}, {lua.TabLibName, lua.OpenTable},
		{lua.StringLibName, lua.OpenString}, {lua.MathLibName, lua.OpenMath}, {lua.OsLibName, lua.OpenOs},
	}
	openLibs = []library{
		{lua.DebugLibName, lua.OpenDebug}, {lua.ChannelLibName, lua.OpenChannel}, {lua.CoroutineLibName, lua.OpenCoroutine},
	}
)

type library struct {
	name string
	open lua.LGFunction
}

// state is a fresh state of Lua whose scripts end with ctx.
func (r *luaRunner) state(ctx context.Context, open bool) *lua.LState {
	l := lua.NewState(lua.Options{
		SkipOpenLibs: true, CallStackSize: callDepth, MinimizeStackMemory: true,
		RegistrySize: registry, RegistryMaxSize: maxRegistry,
	})
	l.SetContext(ctx)
	libs := safeLibs
	if open {
		libs = append(append([]library{}, safeLibs...), openLibs...)
		if r.confined {
			libs = append(libs, library{lua.IoLibName, lua.OpenIo})
		}
	}
	for _, lib := range libs {
		l.Push(l.NewFunction(lib.open))
		l.Push(lua.LString(lib.name))
		l.Call(1, 0)
	}
	l.PreloadModule("json", loadJSON)
	tame(l, open)
	return l
}

// outside are functions that reach beyond a script. They are there, so that a
// script learns why they don't work.
var outside = map[string][]string{
	lua.OsLibName: {"execute", "exit", "remove", "rename", "setenv", "setlocale", "tmpname"},
	lua.IoLibName: {"popen"},
	"_G":          {"dofile", "loadfile"},
}

// tame takes from the libraries what reaches beyond the script. Without open
// libraries os tells times only.
func tame(l *lua.LState, open bool) {
	for lib, names := range outside {
		t, ok := l.GetGlobal(lib).(*lua.LTable)
		if !ok {
			continue
		}
		for _, name := range names {
			full := name
			if lib != "_G" {
				full = lib + "." + name
			}
			t.RawSetString(name, l.NewFunction(func(l *lua.LState) int {
				l.RaiseError("%s is not available here", full)
				return 0
			}))
		}
	}
	if os, ok := l.GetGlobal(lua.OsLibName).(*lua.LTable); ok && !open {
		os.RawSetString("getenv", lua.LNil)
	}
	l.SetGlobal("print", l.NewFunction(func(*lua.LState) int { return 0 })) // nobody would read it
	if pkg, ok := l.GetGlobal(lua.LoadLibName).(*lua.LTable); ok {
		// There are no files to load from.
		pkg.RawSetString("path", lua.LString(""))
		if loaders, ok := pkg.RawGetString("loaders").(*lua.LTable); ok {
			loaders.RawSetInt(2, lua.LNil)
		}
	}
}

// loadJSON is the module json, with encode and decode.
func loadJSON(l *lua.LState) int {
	l.Push(l.SetFuncs(l.NewTable(), map[string]lua.LGFunction{
		"decode": func(l *lua.LState) int {
			v, err := decode([]byte(l.CheckString(1)))
			if err != nil {
				l.Push(lua.LNil)
				l.Push(lua.LString(err.Error()))
				return 2
			}
			l.Push(newConverter(l).toLua(v))
			return 1
		},
		"encode": func(l *lua.LState) int {
			v, err := newConverter(l).toGo(l.CheckAny(1))
			if err != nil {
				l.Push(lua.LNil)
				l.Push(lua.LString(err.Error()))
				return 2
			}
			text, err := json.Marshal(v)
			if err != nil {
				l.RaiseError("%v", err)
			}
			l.Push(lua.LString(text))
			return 1
		},
	}))
	return 1
}
