package jsonnet

import (
	"errors"
	"strings"

	"github.com/google/go-jsonnet"
	"github.com/google/go-jsonnet/ast"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// problem is the interpreter's error for people: where, and what.
func problem(name string, err error) error {
	const enough = 500
	at := name
	text := err.Error()
	if static, ok := errors.AsType[interface {
		error
		Loc() ast.LocationRange
	}](err); ok {
		loc := static.Loc()
		at = placeOf(loc, name)
		text = strings.TrimSpace(strings.TrimPrefix(text, loc.String()))
	}
	if runtime, ok := errors.AsType[jsonnet.RuntimeError](err); ok {
		text = runtime.Msg
		// The last frame is the innermost. The standard library has no file.
		for _, frame := range runtime.StackTrace {
			if frame.Loc.IsSet() && frame.Loc.FileName != "" {
				at = placeOf(frame.Loc, name)
			}
		}
	}
	if strings.HasPrefix(text, "(CRASH)") {
		text = "the interpreter of Jsonnet failed; please report it with the files"
	}
	if len(text) > enough {
		text = strings.ToValidUTF8(text[:enough], "") + "…"
	}
	return model.Invalidf("%s: %s", at, text)
}

// placeOf is file and line.
func placeOf(loc ast.LocationRange, name string) string {
	file := strings.TrimPrefix(loc.FileName, "/")
	if file == "" {
		// A variable: its code is in the app.
		file = name
		if loc.File != nil {
			file = name + ", " + string(loc.File.DiagnosticFileName)
		}
	}
	if !loc.Begin.IsSet() {
		return file
	}
	line, _, _ := strings.Cut(loc.Begin.String(), ":")
	return file + ", line " + line
}
