package app

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render"
	"github.com/fixpoint-cd/fixpoint/internal/render/input"
	"github.com/fixpoint-cd/fixpoint/internal/render/job"
	"github.com/fixpoint-cd/fixpoint/internal/render/plugin"
	"github.com/fixpoint-cd/fixpoint/internal/render/sandbox"
	"github.com/fixpoint-cd/fixpoint/internal/render/sops"
	"github.com/fixpoint-cd/fixpoint/internal/render/worker"
	"github.com/fixpoint-cd/fixpoint/internal/script"
)

// renderOptions say how everything is rendered. A zero value is the default.
type renderOptions struct {
	// Plugins is the folder of the config management plugins; "" is none.
	Plugins string
	// Vaults are the HashiCorp Vaults that a token for SOPS may be sent to.
	Vaults []string
	// Memory and Timeout bound a render, Workers how many run at a time.
	Memory  int64
	Timeout time.Duration
	Workers int
	// Keep is how many workers are kept although they have nothing to do.
	Keep int
	Log  *slog.Logger
}

// rendering renders in confined processes.
type rendering struct {
	renderer *render.Renderer
	pool     *worker.Pool
	// plugins is nil where there are none.
	plugins *plugin.Runner
	vaults  []string
}

func newRendering(o renderOptions) (*rendering, error) {
	r := &rendering{vaults: o.Vaults}
	if o.Plugins != "" {
		plugins, warnings, err := plugin.Load(o.Plugins)
		if err != nil {
			return nil, fmt.Errorf("%w: correct it, or choose another folder with --plugins", err)
		}
		for _, w := range warnings {
			o.Log.Warn("a config management plugin is not used as it is written", "warning", w)
		}
		r.plugins = &plugin.Runner{Plugins: plugins}
	}
	r.pool = worker.NewPool(worker.Config{Workers: o.Workers, Memory: o.Memory, Keep: o.Keep})
	r.renderer = render.New(render.Config{Run: r.run, Timeout: o.Timeout, Workers: o.Workers})
	return r, nil
}

// Render renders; see render.Renderer. Files of the source may change the
// settings before. What a plugin finds to be its own is rendered by it.
func (r *rendering) Render(ctx context.Context, in model.RenderInput) (model.Rendered, error) {
	in, warnings, err := render.Override(in)
	if err != nil {
		return model.Rendered{}, err
	}
	if r.plugins != nil {
		if in, err = r.plugins.Choose(ctx, in); err != nil {
			return model.Rendered{}, err
		}
	}
	out, err := r.renderer.Render(ctx, in)
	out.Warnings = slices.Concat(warnings, out.Warnings) // the renderer's own are shared
	return out, err
}

// Stats are those of the renderer and of its workers.
func (r *rendering) Stats() (render.Stats, worker.Stats) { return r.renderer.Stats(), r.pool.Stats() }

// run does one render in a worker. What needs keys or starts commands is done
// here for it.
func (r *rendering) run(ctx context.Context, in model.RenderInput, limits job.Limits) job.Outcome {
	var hooks input.Hooks
	if in.Decrypt != nil {
		keys, err := sops.NewKeys(*in.Decrypt, sops.Options{Vaults: r.vaults})
		if err != nil {
			return job.Outcome{Err: err, Lasting: true}
		}
		hooks.Unwrap = keys.Unwrap
	}
	if r.plugins != nil {
		hooks.Plugin = r.plugins.Hook(in)
	}
	return job.Outcome(r.pool.Run(ctx, in, worker.Limits(limits), hooks))
}

// Close ends the workers.
func (r *rendering) Close() { r.pool.Close() }

// internalCommand does what this program is started for by itself: to render as
// a confined process, or to confine itself and become a command. It is called
// before anything else; false if it is none of that.
func internalCommand(args []string, stderr io.Writer) (exitCode int, ok bool) {
	if len(args) == 0 {
		return 0, false
	}
	var err error
	switch args[0] {
	case worker.Command:
		err = worker.Main(func(ctx context.Context, in model.RenderInput, limits worker.Limits, hooks input.Hooks) worker.Outcome {
			return worker.Outcome(job.Run(ctx, in, job.Limits(limits), hooks))
		})
	case plugin.Command:
		err = sandbox.ExecMain()
	case script.Command:
		err = script.Main()
	default:
		return 0, false
	}
	if err != nil {
		fmt.Fprintf(stderr, "error: %v\n", err)
		return 1, true
	}
	return 0, true
}

// rendering are the options for renders.
func (o Options) rendering(log *slog.Logger) renderOptions {
	return renderOptions{
		Plugins: o.Plugins, Vaults: o.Vaults, Memory: o.RenderMemory, Timeout: o.RenderTimeout, Workers: o.RenderWorkers,
		Keep: 1, Log: log,
	}
}
