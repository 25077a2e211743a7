package worker

import (
	"context"
	"errors"
	"runtime"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/input"
	"github.com/fixpoint-cd/fixpoint/internal/render/sandbox"
	"github.com/fixpoint-cd/fixpoint/internal/render/sandbox/child"
)

// Config says how workers are started and how long they are kept. The zero
// value of a field is its default.
type Config struct {
	// Program is started with Args; by default the program that runs already, with
	// the argument render-worker. It has to call Main.
	Program string
	Args    []string
	// Workers is how many there are at most; default GOMAXPROCS.
	Workers int
	// Idle is how long one without work is kept; default one minute.
	Idle time.Duration
	// Keep is how many are kept for longer.
	Keep int
	// Jobs is after how many a worker is replaced; default 1,000.
	Jobs int
	// Memory is what a render may use, in bytes; default 512 MiB. It costs its
	// worker the life.
	Memory int64
	// Resident is how much memory a worker may keep after a render, in bytes, to
	// be used again; default half of Memory.
	Resident int64
	// Output bounds the objects of one render, in bytes; default 64 MiB.
	Output int64
}

func (c Config) withDefaults() Config {
	if c.Program == "" {
		c.Program, c.Args = child.Self(), []string{Command}
	}
	c.Workers = positive(c.Workers, runtime.GOMAXPROCS(0))
	c.Idle = positive(c.Idle, time.Minute)
	c.Jobs = positive(c.Jobs, 1000)
	c.Memory = positive(c.Memory, 512<<20)
	c.Resident = positive(c.Resident, c.Memory/2)
	c.Output = positive(c.Output, 64<<20)
	return c
}

// Confinement is what this kernel lets workers be confined with. A worker that
// has less does not start.
func Confinement() sandbox.Confinement { return sandbox.Available() }

// Command is the argument with which a program is told to call Main.
const Command = "render-worker"

func positive[T ~int | ~int64](v, otherwise T) T {
	if v <= 0 {
		return otherwise
	}
	return v
}

// Stats count renders, which are the tasks, and workers.
type Stats = child.Stats

// Pool renders in workers, which it starts when they are needed and ends when
// they have not been for a while. It may be used by many goroutines at once.
type Pool struct {
	config Config
	crew   *child.Crew
}

// NewPool makes a Pool that has no workers yet.
func NewPool(c Config) *Pool {
	c = c.withDefaults()
	return &Pool{config: c, crew: child.New(child.Config{
		Name: "render worker", Program: c.Program, Args: c.Args, Greet: greet, Closed: errClosed,
		Workers: c.Workers, Keep: c.Keep, Idle: c.Idle, Tasks: c.Jobs,
		Memory: c.Memory, Resident: c.Resident, Measure: 1,
	})}
}

// Stats are the counts so far.
func (p *Pool) Stats() Stats { return p.crew.Stats() }

// Close ends all renders and all workers, and waits until they are gone.
func (p *Pool) Close() { p.crew.Close() }

// errClosed is the error of renders that a Pool's end has ended.
var errClosed = model.As(model.ErrTransient, errors.New("renders are no longer done here"))

// Run renders in a worker. Keys for decryption stay here; hooks are called
// here. When ctx is done the render ends at once, with the cause of that.
//
// A render that needs too much memory, or kills its worker in another way, is
// model.ErrInvalid, and not tried again; see Outcome.Lasting.
func (p *Pool) Run(ctx context.Context, in model.RenderInput, limits Limits, hooks input.Hooks) Outcome {
	ctx, leave, err := p.crew.Enter(ctx)
	if err != nil {
		return Outcome{Err: err}
	}
	defer leave()
	free, err := p.crew.Slot(ctx)
	if err != nil {
		return Outcome{Err: err}
	}
	defer free()
	s, err := newServer(ctx, in, limits, hooks)
	if err != nil {
		return Outcome{Err: err, Lasting: true}
	}
	rendered, err := p.render(ctx, s)
	reads, comparable := s.inputs.Noted()
	if !comparable {
		err = model.As(model.ErrElsewhere, err)
	}
	lasting := comparable && (err == nil || errors.Is(err, model.ErrInvalid))
	return Outcome{Rendered: rendered, Err: err, Reads: reads, Lasting: lasting}
}

// render does the task in a worker.
func (p *Pool) render(ctx context.Context, s *server) (r model.Rendered, err error) {
	err = p.crew.Do(ctx, func(w *child.Process) (healthy bool, err error) {
		r, healthy, err = process{w}.do(ctx, s, p.config.Output)
		return healthy, err
	})
	var death *child.Death
	if errors.As(err, &death) {
		err = died(death, s.dir, p.config.Memory)
	}
	return r, err
}
