package render

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// The values of model.Render.Tool.
const (
	toolDirectory = "directory"
	toolKustomize = "kustomize"
)

// Config are the limits of a Renderer. A zero or negative field is the default.
type Config struct {
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
	return Config{
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

// Render makes objects of the files of tree as spec says. The outcome is shared
// with other callers: never change it.
//
// What is wrong in the files or in spec is model.ErrInvalid, and a path that
// does not exist model.ErrNotFound too; a tree that can't be read or a render
// that takes too long is model.ErrTransient. A done ctx gives its own error.
//
// Kustomize can't be interrupted: when the time is over, Render returns and
// leaves a goroutine behind that ends at the next file that it reads. There
// are never more than five for each worker.
func (r *Renderer) Render(ctx context.Context, tree model.Tree, spec model.Render) (model.Rendered, error) {
	dir, err := cleanPath(spec.Path)
	if err != nil {
		return model.Rendered{}, err
	}
	key, err := specDigest(spec)
	if err != nil {
		return model.Rendered{}, err
	}
	top := contentOf(tree, dir)
	leave, err := r.flights.enter(ctx, flight{key, top})
	if err != nil {
		return model.Rendered{}, err
	}
	defer leave()
	if done, ok := r.memo.find(key, top, tree); ok {
		r.hits.Add(1)
		return done.rendered, done.err
	}
	done := r.run(ctx, &job{config: r.config, tree: tree, spec: spec, dir: dir})
	if done.lasting {
		r.memo.add(key, top, done)
	}
	return done.rendered, done.err
}

// outcome is what a render came to.
type outcome struct {
	rendered model.Rendered
	err      error
	// reads are the paths that the outcome depends on.
	reads []read
	// lasting: the same reads will always give the same outcome.
	lasting bool
}

// run does a job under the limits of time and parallelism.
func (r *Renderer) run(ctx context.Context, j *job) outcome {
	limit, cancel := context.WithTimeoutCause(ctx, r.config.Timeout, errTooLong(r.config.Timeout))
	defer cancel()
	release, err := r.slots.acquire(limit)
	if err != nil {
		return outcome{err: err}
	}
	r.renders.Add(1)
	done := make(chan outcome, 1)
	go func() {
		defer release.finished()
		done <- j.do(limit)
	}()
	select {
	case out := <-done:
		return out
	case <-limit.Done():
		release.abandoned()
		return outcome{err: context.Cause(limit)}
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

// isInvalid reports whether err is the user's to mend.
func isInvalid(err error) bool { return errors.Is(err, model.ErrInvalid) }

func invalidf(format string, args ...any) error {
	return model.As(model.ErrInvalid, fmt.Errorf(format, args...))
}
