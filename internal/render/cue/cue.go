// Package cue evaluates CUE packages to objects. Files come from the source
// alone: a package, the packages and the modules of its own source that it
// imports, what is vendored below cue.mod, and files that @embed names. No
// registry is asked.
package cue

import (
	"errors"
	"path"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/build"
	"cuelang.org/go/cue/cuecontext"
	"cuelang.org/go/cue/inject/embed"
	"cuelang.org/go/cue/load"
	"cuelang.org/go/cue/parser"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/input"
)

// Render evaluates the package in a directory, or the files that are in none.
// Its objects are all structs that have apiVersion and kind, at any level of
// the structs and lists of the package, or of what in.Render.CUE.Expression
// selects, in the order of their fields; a list of Kubernetes is taken apart.
// Hidden fields, definitions and optional fields are left out, as are all
// values beside structs and lists. What stands inside an object is part of it.
//
// Errors are model.ErrInvalid and name file and line.
func Render(in *input.Inputs, dir string) ([]model.Object, error) {
	objects, err := render(in, dir)
	if in.Broken() != nil {
		return nil, in.Broken()
	}
	return objects, err
}

func render(in *input.Inputs, dir string) ([]model.Object, error) {
	pkg, err := instance(in, dir)
	if err != nil {
		return nil, err
	}
	ctx := cuecontext.New(cuecontext.WithInjection(embed.New()))
	v := ctx.BuildInstance(pkg)
	if err := v.Validate(); err != nil {
		return nil, problem(dir, err)
	}
	if text := in.Render.CUE.Expression; text != "" {
		if v, err = selected(ctx, pkg, v, text); err != nil {
			return nil, err
		}
	}
	r := result{dir: dir, max: in.MaxObjects}
	if err := r.add(v); err != nil {
		return nil, err
	}
	return r.objects, nil
}

// instance loads the package in dir.
func instance(in *input.Inputs, dir string) (*build.Instance, error) {
	tree, err := newFiles(in.Files, dir)
	if err != nil {
		return nil, err
	}
	config := load.Config{
		FS: tree, FromFSPath: tree.shown, ParseFile: tree.parse, Dir: path.Join("/", dir), Tags: in.Render.CUE.Tags,
		AcceptLegacyModules: true, Registry: none{}, Env: []string{},
	}
	made := load.Instances([]string{"."}, &config)
	if _, isEmpty := errors.AsType[*load.NoFilesError](made[0].Err); isEmpty {
		// Files without a package clause are the package _.
		config.Package = "_"
		made = load.Instances([]string{"."}, &config)
	}
	if err := made[0].Err; err != nil {
		return nil, problem(dir, err)
	}
	return made[0], nil
}

// selected evaluates an expression in the scope of the package.
func selected(ctx *cue.Context, pkg *build.Instance, v cue.Value, text string) (cue.Value, error) {
	const name = "the expression of the app"
	expr, err := parser.ParseExpr(name, text)
	if err != nil {
		return v, problem(name, err)
	}
	v = ctx.BuildExpr(expr, cue.Scope(v), cue.InferBuiltins(true), cue.ImportPath(pkg.ID()))
	if err := v.Validate(); err != nil {
		return v, problem(name, err)
	}
	return v, nil
}
