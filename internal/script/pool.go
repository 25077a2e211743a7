package script

import (
	"context"
	"errors"
	"runtime"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/sandbox/child"
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
		c.Program, c.Args = child.Self(), []string{Command}
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

// Stats count scripts, which are the tasks, and workers.
type Stats = child.Stats

// Pool runs scripts in workers, which it starts when they are needed. It may be
// used by many goroutines at once.
type Pool struct {
	config Config
	crew   *child.Crew
	trust  *trust
}

// New makes a Pool that has no workers yet.
func New(c Config) *Pool {
	c = c.withDefaults()
	return &Pool{config: c, trust: newTrust(max(1, c.Workers-1), c.Rest), crew: child.New(child.Config{
		Name: "worker for scripts", Program: c.Program, Args: c.Args, Greet: greet, Closed: errClosed,
		Workers: c.Workers, Keep: c.Keep, Idle: c.Idle, Tasks: c.Tasks,
		Memory: c.Memory, Resident: c.Memory / 2, Measure: 64,
	})}
}

// Stats are the counts so far.
func (p *Pool) Stats() Stats { return p.crew.Stats() }

// Close ends all scripts and all workers, and waits until they are gone.
func (p *Pool) Close() { p.crew.Close() }

// errClosed is the error of scripts that a Pool's end has ended.
var errClosed = model.As(model.ErrTransient, errors.New("scripts are no longer run here"))

// do lets a worker answer. subject is what a message calls the script.
func (p *Pool) do(ctx context.Context, subject string, q question, object []byte) (answer, error) {
	if len(object) > maxFrame {
		return answer{}, model.Invalidf("%s is not run on an object of %d MiB", subject, len(object)>>20)
	}
	ctx, leave, err := p.crew.Enter(ctx)
	if err != nil {
		return answer{}, err
	}
	defer leave()
	t, err := p.trust.begin(ctx, q, object)
	if err != nil {
		return answer{}, err
	}
	a, err := p.slotted(ctx, subject, q, object)
	p.trust.end(t, err)
	return a, err
}

func (p *Pool) slotted(ctx context.Context, subject string, q question, object []byte) (a answer, err error) {
	free, err := p.crew.Slot(ctx)
	if err != nil {
		return a, err
	}
	defer free()
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

// answer asks a worker.
func (p *Pool) answer(ctx context.Context, subject string, q question, object []byte) (a answer, err error) {
	err = p.crew.Do(ctx, func(w *child.Process) (healthy bool, err error) {
		a, err = process{w}.ask(ctx, q, object)
		return err == nil, err
	})
	var death *child.Death
	if errors.As(err, &death) {
		err = died(death, subject, p.config)
	}
	return a, err
}
