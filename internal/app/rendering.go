package app

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render"
	"github.com/fixpoint-cd/fixpoint/internal/render/input"
	"github.com/fixpoint-cd/fixpoint/internal/render/job"
	"github.com/fixpoint-cd/fixpoint/internal/render/sandbox"
	"github.com/fixpoint-cd/fixpoint/internal/render/sops"
	"github.com/fixpoint-cd/fixpoint/internal/render/worker"
)

// renderOptions say how everything is rendered. A zero value is the default.
type renderOptions struct {
	// Plugins is the folder of the config management plugins; "" is none.
	Plugins string
	// Memory and Timeout bound a render, Workers how many run at a time.
	Memory  int64
	Timeout time.Duration
	Workers int
	// Keep is how many workers are kept although they have nothing to do.
	Keep int
}

// rendering renders in confined processes.
type rendering struct {
	*render.Renderer
	pool *worker.Pool
}

func newRendering(o renderOptions) (*rendering, error) {
	r := &rendering{pool: worker.NewPool(worker.Config{Workers: o.Workers, Memory: o.Memory, Keep: o.Keep})}
	r.Renderer = render.New(render.Config{Run: r.run, Timeout: o.Timeout, Workers: o.Workers})
	return r, nil
}

// run does one render in a worker. What needs keys or starts commands is done
// here for it.
func (r *rendering) run(ctx context.Context, in model.RenderInput, limits job.Limits) job.Outcome {
	var hooks input.Hooks
	if in.Decrypt != nil {
		keys, err := sops.NewKeys(*in.Decrypt, sops.Options{})
		if err != nil {
			return job.Outcome{Err: err, Lasting: true}
		}
		hooks.Unwrap = keys.Unwrap
	}
	return job.Outcome(r.pool.Run(ctx, in, worker.Limits(limits), hooks))
}

// Close ends the workers.
func (r *rendering) Close() { r.pool.Close() }

// sandboxCommand is the argument with which the program confines itself and
// becomes a command.
const sandboxCommand = "sandbox-exec"

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
	case sandboxCommand:
		err = sandbox.ExecMain()
	default:
		return 0, false
	}
	if err != nil {
		fmt.Fprintf(stderr, "error: %v\n", err)
		return 1, true
	}
	return 0, true
}
