package worker

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	_ "time/tzdata" // templates may name time zones, and there are no files

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/input"
	"github.com/fixpoint-cd/fixpoint/internal/render/sandbox/child"
)

// Limits bound one render, as those of package job do.
type Limits struct {
	// MaxBytes is the size of all files that are read.
	MaxBytes int64
	// MaxObjects is how many objects are made.
	MaxObjects int
}

// Outcome is what a render came to, as that of package job.
type Outcome struct {
	Rendered model.Rendered
	Err      error
	// Reads are what the outcome depends on.
	Reads []input.Read
	// Lasting: the same reads will always give the same outcome.
	Lasting bool
}

// Job does one render.
type Job func(context.Context, model.RenderInput, Limits, input.Hooks) Outcome

// Main is all that a worker does: it confines itself, and renders what it is
// told to until the process that started it has enough. It has to be called
// before anything else is done, and returns only if it was not started by a
// Pool.
func Main(run Job) error {
	in, out, err := child.Pipes()
	if err != nil {
		return err
	}
	debug.SetGCPercent(garbage)
	c := newClient(in, out)
	var s child.Setup
	c.receive(kindSetup, &s)
	c.send(kindHello, s.Confine())
	for {
		var t task
		c.receive(kindTask, &t)
		c.send(kindBegun, struct{}{})
		c.work(t, run)
	}
}

// garbage is how much more garbage a worker collects before it is removed than
// a Go program does by itself: its heap is small, and its life bounded.
const garbage = 400

// work does a task and sends what came of it.
func (c *client) work(t task, run Job) {
	in, hooks := c.input(t)
	out := protected(run, in, t.Limits, hooks)
	if out.Err != nil {
		c.send(kindResult, result{Err: failed(out.Err)})
		return
	}
	c.sendObjects(out.Rendered.Objects)
	c.send(kindResult, result{
		Tool: out.Rendered.Tool, Partial: out.Rendered.Partial, Warnings: out.Rendered.Warnings,
	})
}

// chunk is about how many bytes of objects go into one message.
const chunk = 1 << 20

func (c *client) sendObjects(objects []model.Object) {
	var batch []object
	size := 0
	for _, o := range objects {
		batch = append(batch, object{o.JSON, o.Origin})
		if size += len(o.JSON); size > chunk {
			c.send(kindObjects, batch)
			batch, size = nil, 0
		}
	}
	if len(batch) > 0 {
		c.send(kindObjects, batch)
	}
}

// protected makes a panic an error, naming where it happened and not with
// what, since that may be a secret.
func protected(run Job, in model.RenderInput, limits Limits, hooks input.Hooks) (out Outcome) {
	defer func() {
		if recover() != nil {
			out = Outcome{Err: model.Invalidf("rendering %s panicked in %s; please report it with the files",
				in.Path, panicked())}
		}
	}()
	return run(context.Background(), in, limits, hooks)
}

// panicked is the innermost function below a panic that is not the runtime's.
func panicked() string {
	pcs := make([]uintptr, 32)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)])
	for {
		f, more := frames.Next()
		if !strings.HasPrefix(f.Function, "runtime.") {
			return fmt.Sprintf("%s (line %d)", f.Function, f.Line)
		}
		if !more {
			return "Go's runtime"
		}
	}
}
