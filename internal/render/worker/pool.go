package worker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/input"
	"github.com/fixpoint-cd/fixpoint/internal/render/sandbox"
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
		c.Program, c.Args = self(), []string{Command}
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

// Stats count since the Pool was made, but for Busy and Idle.
type Stats struct {
	// Started is how many workers were started.
	Started uint64
	// Jobs is how many renders they were given.
	Jobs uint64
	// Died is how many ended with a render undone, or on their own.
	Died uint64
	// Busy and Idle are how many there are now, with and without a render.
	Busy, Idle int
}

// Pool renders in workers, which it starts when they are needed and ends when
// they have not been for a while. It may be used by many goroutines at once.
type Pool struct {
	config Config
	// ctx ends with the pool.
	ctx   context.Context
	close context.CancelFunc
	slots chan struct{}
	// running are renders and the ends of workers.
	running sync.WaitGroup
	spawner spawner

	mu     sync.Mutex
	closed bool
	stats  Stats
	// idle are the workers without a render, the last one used at the end.
	idle []*process
}

// NewPool makes a Pool that has no workers yet.
func NewPool(c Config) *Pool {
	c = c.withDefaults()
	p := &Pool{config: c, slots: make(chan struct{}, c.Workers)}
	p.ctx, p.close = context.WithCancel(context.Background())
	return p
}

// Stats are the counts so far.
func (p *Pool) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.stats
	s.Idle = len(p.idle)
	return s
}

// Close ends all renders and all workers, and waits until they are gone.
func (p *Pool) Close() {
	p.mu.Lock()
	p.closed = true
	idle := p.idle
	p.idle = nil
	p.mu.Unlock()
	p.close()
	for _, w := range idle {
		w.idle.Stop()
		w.end()
	}
	p.running.Wait()
	p.spawner.stop()
}

// errClosed is the error of renders that a Pool's end has ended.
var errClosed = model.As(model.ErrTransient, errors.New("renders are no longer done here"))

// Run renders in a worker. Keys for decryption stay here; hooks are called
// here. When ctx is done the render ends at once, with the cause of that.
//
// A render that needs too much memory, or kills its worker in another way, is
// model.ErrInvalid, and not tried again; see Outcome.Lasting.
func (p *Pool) Run(ctx context.Context, in model.RenderInput, limits Limits, hooks input.Hooks) Outcome {
	if !p.enter() {
		return Outcome{Err: errClosed}
	}
	defer p.running.Done()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(p.ctx, func() { cancel(errClosed) })()
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return Outcome{Err: context.Cause(ctx)}
	}
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

// enter counts a render, unless the pool is closed.
func (p *Pool) enter() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.running.Add(1)
	return true
}

// render does the task in an idle worker or a new one. A worker that turns out
// to be gone before it began is replaced once; one that the task itself ended
// is not, as it would end the next one, too.
func (p *Pool) render(ctx context.Context, s *server) (model.Rendered, error) {
	w, err := p.take()
	if err != nil {
		return model.Rendered{}, err
	}
	rendered, err := p.use(ctx, w, s)
	if !errors.Is(err, errUntouched) {
		return rendered, err
	}
	if w, err = p.start(); err != nil {
		return model.Rendered{}, err
	}
	rendered, err = p.use(ctx, w, s)
	if errors.Is(err, errUntouched) {
		err = w.death(s.dir, p.config.Memory, err)
	}
	return rendered, err
}

func (p *Pool) use(ctx context.Context, w *process, s *server) (model.Rendered, error) {
	p.count(func(st *Stats) { st.Jobs++; st.Busy++ })
	rendered, healthy, err := w.do(ctx, s, p.config.Output)
	p.count(func(st *Stats) { st.Busy-- })
	if healthy {
		p.give(w)
		return rendered, err
	}
	p.count(func(st *Stats) { st.Died++ })
	w.bury(ctx)
	if ctx.Err() != nil || errors.Is(err, errUntouched) {
		return rendered, err
	}
	return rendered, w.death(s.dir, p.config.Memory, err)
}

func (p *Pool) count(change func(*Stats)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.stats)
}

// take is a worker that is idle, else a new one.
func (p *Pool) take() (*process, error) {
	p.mu.Lock()
	if n := len(p.idle); n > 0 {
		w := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		w.idle.Stop()
		return w, nil
	}
	p.mu.Unlock()
	return p.start()
}

func (p *Pool) start() (*process, error) {
	cmd := exec.Command(p.config.Program, p.config.Args...)
	cmd.Args[0] = os.Args[0]
	cmd.Env = []string{}
	cmd.Dir = "/"
	cmd.SysProcAttr = attributes()
	w, err := start(cmd, p.config.Memory, p.spawner.start)
	if err != nil {
		return nil, model.As(model.ErrTransient, fmt.Errorf("starting a render worker: %w", err))
	}
	p.count(func(st *Stats) { st.Started++ })
	return w, nil
}
