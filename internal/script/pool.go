package script

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Config says how scripts are run. The zero value of a field is its default.
type Config struct {
	// Program is started with Args; by default the program that runs already, with
	// Command. It has to call Main.
	Program string
	Args    []string
	// Workers is how many processes there are at most; default between 2 and 4, as
	// there are cores.
	Workers int
	// Keep is how many stay although they have nothing to do; the others end after
	// Idle, by default a minute.
	Keep int
	Idle time.Duration
	// Tasks is after how many a worker is replaced; default 100,000.
	Tasks int
	// Time is what a script may take; default one second. It does not count before
	// the script has begun.
	Time time.Duration
	// Memory is what a script may use, in bytes; default 128 MiB.
	Memory int64
	// Rest is how long a script that went beyond a limit is not tried again on the
	// same object, and if it has never worked on any; twice as long after each
	// further time, up to 30 times. Default ten seconds.
	Rest time.Duration
}

// Command is the argument with which a program is told to call Main.
const Command = "script-worker"

func (c Config) withDefaults() Config {
	if c.Program == "" {
		c.Program, c.Args = self(), []string{Command}
	}
	c.Workers = positive(c.Workers, min(max(2, runtime.GOMAXPROCS(0)), 4))
	c.Idle = positive(c.Idle, time.Minute)
	c.Tasks = positive(c.Tasks, 100_000)
	c.Time = positive(c.Time, time.Second)
	c.Memory = positive(c.Memory, 128<<20)
	c.Rest = positive(c.Rest, 10*time.Second)
	return c
}

func positive[T ~int | ~int64](v, otherwise T) T {
	if v <= 0 {
		return otherwise
	}
	return v
}

// Stats count since the Pool was made, but for Busy and Idle.
type Stats struct {
	// Started is how many workers were started, Died how many ended with a question
	// unanswered or on their own.
	Started, Died uint64
	// Tasks is how many scripts they were given.
	Tasks uint64
	// Busy and Idle are how many there are now, with and without a script.
	Busy, Idle int
}

// Pool runs scripts in workers, which it starts when they are needed. It may be
// used by many goroutines at once.
type Pool struct {
	config Config
	// ctx ends with the pool.
	ctx   context.Context
	close context.CancelFunc
	slots chan struct{}
	trust *trust
	// running are questions and the ends of workers.
	running sync.WaitGroup
	spawner spawner

	mu     sync.Mutex
	closed bool
	stats  Stats
	// idle are the workers without a script, the last one used at the end.
	idle []*process
}

// New makes a Pool that has no workers yet.
func New(c Config) *Pool {
	c = c.withDefaults()
	p := &Pool{config: c, slots: make(chan struct{}, c.Workers), trust: newTrust(max(1, c.Workers-1), c.Rest)}
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

// Close ends all scripts and all workers, and waits until they are gone.
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

// errClosed is the error of scripts that a Pool's end has ended.
var errClosed = model.As(model.ErrTransient, errors.New("scripts are no longer run here"))

// do lets a worker answer. subject is what a message calls the script.
func (p *Pool) do(ctx context.Context, subject string, q question, object []byte) (answer, error) {
	if len(object) > maxFrame {
		return answer{}, model.Invalidf("%s is not run on an object of %d MiB", subject, len(object)>>20)
	}
	if !p.enter() {
		return answer{}, errClosed
	}
	defer p.running.Done()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(p.ctx, func() { cancel(errClosed) })()
	t, err := p.trust.begin(ctx, q, object)
	if err != nil {
		return answer{}, err
	}
	a, err := p.slotted(ctx, subject, q, object)
	p.trust.end(t, err)
	return a, err
}

// enter counts a question, unless the pool is closed.
func (p *Pool) enter() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.running.Add(1)
	return true
}

func (p *Pool) slotted(ctx context.Context, subject string, q question, object []byte) (a answer, err error) {
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return a, context.Cause(ctx)
	}
	q.Time = p.config.Time
	a, err = p.answer(ctx, subject, q, object)
	if a.Expression != "" {
		subject = expressions(a.Expression)
	}
	switch {
	case err != nil:
		return a, err
	case a.Late:
		return a, tooLong(subject, p.config.Time)
	case a.Problem != "":
		return a, model.Invalidf("%s: %s", subject, clipped(a.Problem))
	}
	return a, nil
}

// answer asks an idle worker or a new one. A worker that turns out to be gone
// before it began is replaced once.
func (p *Pool) answer(ctx context.Context, subject string, q question, object []byte) (answer, error) {
	w, err := p.take()
	if err != nil {
		return answer{}, err
	}
	a, err := p.use(ctx, w, subject, q, object)
	if !errors.Is(err, errUntouched) {
		return a, err
	}
	if w, err = p.start(); err != nil {
		return a, err
	}
	a, err = p.use(ctx, w, subject, q, object)
	if errors.Is(err, errUntouched) {
		err = w.death(subject, p.config, err)
	}
	return a, err
}

func (p *Pool) use(ctx context.Context, w *process, subject string, q question, object []byte) (answer, error) {
	p.count(func(s *Stats) { s.Tasks++; s.Busy++ })
	a, err := w.ask(ctx, q, object)
	p.count(func(s *Stats) { s.Busy-- })
	if err == nil {
		p.give(w)
		return a, nil
	}
	p.count(func(s *Stats) { s.Died++ })
	w.bury(ctx)
	if ctx.Err() != nil || errors.Is(err, errUntouched) {
		return a, err
	}
	return a, w.death(subject, p.config, err)
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
		return nil, model.As(model.ErrTransient, fmt.Errorf("starting a worker for scripts: %w", err))
	}
	p.count(func(s *Stats) { s.Started++ })
	return w, nil
}

// give takes a worker back, to be used again or to be ended if it has done
// enough or keeps too much memory.
func (p *Pool) give(w *process) {
	worn := w.tasks >= p.config.Tasks || w.tasks%64 == 0 && resident(w.cmd.Process.Pid) > p.config.Memory/2
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || worn {
		p.running.Go(w.end)
		return
	}
	p.idle = append(p.idle, w)
	w.idle = time.AfterFunc(p.config.Idle, func() { p.rest(w) })
	if w.tasks == 1 {
		p.running.Go(func() { p.watch(w) })
	}
}

// rest ends a worker that had nothing to do for long, unless it is to be kept.
func (p *Pool) rest(w *process) {
	p.mu.Lock()
	if p.closed || len(p.idle) <= p.config.Keep || !p.remove(w) {
		p.mu.Unlock()
		return
	}
	p.running.Add(1)
	p.mu.Unlock()
	defer p.running.Done()
	w.end()
}

// watch forgets a worker that ends while it is idle.
func (p *Pool) watch(w *process) {
	<-w.over
	p.mu.Lock()
	lost := p.remove(w)
	if lost {
		p.stats.Died++
	}
	p.mu.Unlock()
	if lost {
		w.idle.Stop()
		w.close()
	}
}

// remove takes a worker from the idle ones; false if it is none of them. It
// needs p.mu.
func (p *Pool) remove(w *process) bool {
	i := slices.Index(p.idle, w)
	if i < 0 {
		return false
	}
	p.idle = slices.Delete(p.idle, i, i+1)
	return true
}
