package render

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/input"
	"github.com/fixpoint-cd/fixpoint/internal/render/job"
)

// Config is how a Renderer renders. A zero or negative field is the default.
type Config struct {
	// Run does a render that is not remembered, under limits of size; its time
	// is that of its context. It may do so in another process; default is
	// job.Run in this one, without hooks.
	Run func(context.Context, model.RenderInput, job.Limits) job.Outcome
	// MaxBytes bounds the size of all files that one render reads, a file
	// counted as often as it is read; default 10 MiB.
	MaxBytes int64
	// MaxObjects bounds what one render makes; default 50,000.
	MaxObjects int
	// Timeout bounds one render; default one minute.
	Timeout time.Duration
	// Workers is how many renders run at the same time; default GOMAXPROCS.
	Workers int
	// MemoEntries and MemoBytes bound what is remembered, the oldest use going
	// first; default 4,096 renders and 256 MiB of objects.
	MemoEntries int
	MemoBytes   int64
}

func (c Config) withDefaults() Config {
	run := c.Run
	if run == nil {
		run = func(ctx context.Context, in model.RenderInput, limits job.Limits) job.Outcome {
			return job.Run(ctx, in, limits, input.Hooks{})
		}
	}
	return Config{
		Run:         run,
		MaxBytes:    positive(c.MaxBytes, 10<<20),
		MaxObjects:  positive(c.MaxObjects, 50_000),
		Timeout:     positive(c.Timeout, time.Minute),
		Workers:     positive(c.Workers, runtime.GOMAXPROCS(0)),
		MemoEntries: positive(c.MemoEntries, 4096),
		MemoBytes:   positive(c.MemoBytes, 256<<20),
	}
}

func positive[T ~int | ~int64](v, otherwise T) T {
	if v <= 0 {
		return otherwise
	}
	return v
}

// Stats count since the Renderer was made.
type Stats struct {
	// Renders is how often files were read and objects made of them.
	Renders uint64
	// Hits is how often the outcome was remembered.
	Hits uint64
}

// Renderer renders. It may be used by many goroutines at once.
type Renderer struct {
	config  Config
	memo    *memo
	flights *flights
	slots   *slots
	renders atomic.Uint64
	hits    atomic.Uint64
}

// New makes a Renderer that remembers nothing yet.
func New(c Config) *Renderer {
	c = c.withDefaults()
	return &Renderer{
		config:  c,
		memo:    newMemo(c.MemoEntries, c.MemoBytes),
		flights: newFlights(),
		slots:   newSlots(c.Workers),
	}
}

// Stats are the counts so far.
func (r *Renderer) Stats() Stats {
	return Stats{Renders: r.renders.Load(), Hits: r.hits.Load()}
}

// Render makes objects of the files of in as it says. The outcome is shared
// with other callers: never change it.
//
// What is wrong in the files or in the settings is model.ErrInvalid, and a path
// that does not exist model.ErrNotFound too; what the operator does not allow
// is model.ErrDenied; a tree that can't be read or a render that takes too long
// is model.ErrTransient. A done ctx gives its own error.
//
// A render in this process can't be interrupted: when the time is over, Render
// returns and leaves a goroutine behind that ends at the next file that it
// reads. There are never more than five for each worker.
func (r *Renderer) Render(ctx context.Context, in model.RenderInput) (model.Rendered, error) {
	in.Render = expand(in.Render)
	dir, err := input.Clean(in.Path)
	if err != nil {
		return model.Rendered{}, err
	}
	key, err := specDigest(in.Render)
	if err != nil {
		return model.Rendered{}, err
	}
	top := input.ContentOf(in.Tree, dir)
	leave, err := r.flights.enter(ctx, flight{key, top})
	if err != nil {
		return model.Rendered{}, err
	}
	defer leave()
	if !in.Anew {
		if done, ok := r.memo.find(ctx, key, top, in); ok {
			r.hits.Add(1)
			return done.Rendered, done.Err
		}
	}
	done := r.run(ctx, in)
	if done.Lasting {
		r.memo.add(key, top, done)
	}
	return done.Rendered, done.Err
}

// run renders under the limits of time and parallelism.
func (r *Renderer) run(ctx context.Context, in model.RenderInput) job.Outcome {
	limit, cancel := context.WithTimeoutCause(ctx, r.config.Timeout, errTooLong(r.config.Timeout))
	defer cancel()
	release, err := r.slots.acquire(limit)
	if err != nil {
		return job.Outcome{Err: err}
	}
	r.renders.Add(1)
	done := make(chan job.Outcome, 1)
	go func() {
		defer release.finished()
		done <- r.config.Run(limit, in, job.Limits{MaxBytes: r.config.MaxBytes, MaxObjects: r.config.MaxObjects})
	}()
	select {
	case out := <-done:
		return out
	case <-limit.Done():
		release.abandoned()
		return job.Outcome{Err: context.Cause(limit)}
	}
}

func errTooLong(d time.Duration) error {
	return model.As(model.ErrTransient, fmt.Errorf("rendering took longer than the limit of %s; "+
		"split the app or raise the limit", d))
}

// specDigest identifies what was asked for.
func specDigest(spec model.Render) (model.Digest, error) {
	text, err := json.Marshal(spec)
	if err != nil {
		return model.Digest{}, model.As(model.ErrInvalid, fmt.Errorf("reading the render settings: %w", err))
	}
	return model.DigestOf(text), nil
}
