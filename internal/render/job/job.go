// Package job does one render: it picks the tool, runs it, and makes the
// outcome of what the tool returns. It is the same in the process that asks
// for the render and in a worker.
package job

import (
	"context"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/cue"
	"github.com/fixpoint-cd/fixpoint/internal/render/helm"
	"github.com/fixpoint-cd/fixpoint/internal/render/input"
	"github.com/fixpoint-cd/fixpoint/internal/render/kustomize"
	"github.com/fixpoint-cd/fixpoint/internal/render/manifest"
	"github.com/fixpoint-cd/fixpoint/internal/render/plain"
	"github.com/fixpoint-cd/fixpoint/internal/render/plugin"
)

// Limits bound one render; its time is that of its context.
type Limits struct {
	// MaxBytes is the size of all files that are read, a file counted as often
	// as it is read.
	MaxBytes int64
	// MaxObjects is how many objects are made.
	MaxObjects int
}

// Outcome is what a render came to.
type Outcome struct {
	Rendered model.Rendered
	Err      error
	// Reads are what the outcome depends on. They mean something only in the
	// process that has the trees.
	Reads []input.Read
	// Lasting: the same reads will always give the same outcome.
	Lasting bool
}

// Run renders. What is wrong in the files or in the settings is
// model.ErrInvalid; see render.Renderer.
func Run(ctx context.Context, in model.RenderInput, limits Limits, hooks input.Hooks) Outcome {
	inputs := input.Open(ctx, in, limits.MaxBytes)
	inputs.Hooks, inputs.MaxObjects = hooks, limits.MaxObjects
	return Do(inputs)
}

// Do renders with inputs that are open. Panics of the libraries that are fed
// with what users wrote become errors.
func Do(in *input.Inputs) (out Outcome) {
	dir, err := input.Clean(in.Render.Path)
	if err != nil {
		return Outcome{Err: err, Lasting: true}
	}
	defer func() {
		if p := recover(); p != nil {
			out = Outcome{Err: model.Invalidf("rendering %s panicked: %.300v; please report it with the files", dir, p)}
		}
	}()
	tool, objects, err := render(in, dir)
	if err == nil && in.Broken() == nil {
		objects, err = finish(in, objects)
	}
	if in.Broken() != nil {
		err = in.Broken()
	}
	if err == nil && in.MaxObjects > 0 && len(objects) > in.MaxObjects {
		err = model.Invalidf("%s makes %d objects, more than the limit of %d; split the app", dir, len(objects), in.MaxObjects)
	}
	reads, lasting := in.Noted()
	if !lasting {
		err = model.As(model.ErrElsewhere, err)
	}
	if err != nil {
		return Outcome{Err: err, Reads: reads, Lasting: lasting && isInvalid(err)}
	}
	if len(objects) == 0 {
		in.Warnf("no manifests in %s", dir)
	}
	rendered := model.Rendered{Objects: objects, Tool: tool, Digest: manifest.DigestOf(objects)}
	rendered.Warnings, rendered.Partial = in.Warnings()
	return Outcome{Rendered: rendered, Reads: reads, Lasting: lasting}
}

func render(in *input.Inputs, dir string) (tool string, objects []model.Object, err error) {
	if err := checkPath(in, dir); err != nil {
		return "", nil, err
	}
	if tool, err = detect(in, dir); err != nil {
		return "", nil, err
	}
	if err := in.Files.Prefetch(dir); err != nil {
		return "", nil, err
	}
	t := newTools(in)
	switch tool {
	case model.ToolHelm:
		objects, err = helm.Render(in, dir, t.helm())
	case model.ToolKustomize:
		objects, err = kustomize.Render(in, dir, t.kustomize())
	case model.ToolDirectory:
		objects, err = plain.Render(in, dir, t.plain())
	case model.ToolCUE:
		objects, err = cue.Render(in, dir)
	case model.ToolPlugin:
		objects, err = plugin.Render(in, dir)
	default:
		err = model.Invalidf("there is no tool %q; known are %q, %q, %q, %q and %q", tool,
			model.ToolDirectory, model.ToolKustomize, model.ToolHelm, model.ToolCUE, model.ToolPlugin)
	}
	return tool, objects, err
}
