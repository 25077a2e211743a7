package child

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Config says how children are started and how long they are kept. No field but
// Keep and Args has a default.
type Config struct {
	// Name is what messages call a child.
	Name string
	// Program is started with Args. It has to take Pipes, and to Confine itself.
	Program string
	Args    []string
	Greet   Greet
	// Workers is how many children there are at most.
	Workers int
	// Keep is how many stay although they have nothing to do; the others end after
	// Idle.
	Keep int
	Idle time.Duration
	// Tasks is after how many a child is replaced.
	Tasks int
	// Memory is what a child may use, in bytes.
	Memory int64
	// Resident is how much memory a child may keep, in bytes, to be used again. It is
	// looked at after each Measure tasks.
	Resident int64
	Measure  int
	// Closed is the error of what the crew's end has ended.
	Closed error
}

// Stats count since the Crew was made, but for Busy and Idle.
type Stats struct {
	// Started is how many children were started, Died how many ended with a task
	// undone or on their own.
	Started, Died uint64
	// Tasks is how many they were given.
	Tasks uint64
	// Busy and Idle are how many there are now, with and without a task.
	Busy, Idle int
}

// Crew are children of one kind, which are started when they are needed and ended
// when they have not been for a while. It may be used by many goroutines at once.
type Crew struct {
	config Config
	// ctx ends with the crew.
	ctx   context.Context
	close context.CancelFunc
	slots chan struct{}
	// running are entries and the ends of children.
	running sync.WaitGroup
	spawner spawner

	mu     sync.Mutex
	closed bool
	stats  Stats
	// idle are the children without a task, the last one used at the end.
	idle []*Process
}

// New makes a Crew that has no children yet.
func New(c Config) *Crew {
	crew := &Crew{config: c, slots: make(chan struct{}, c.Workers)}
	crew.ctx, crew.close = context.WithCancel(context.Background())
	return crew
}

// Stats are the counts so far.
func (c *Crew) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.stats
	s.Idle = len(c.idle)
	return s
}

func (c *Crew) count(change func(*Stats)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(&c.stats)
}

// Close ends what was entered and all children, and waits until they are gone.
func (c *Crew) Close() {
	c.mu.Lock()
	c.closed = true
	idle := c.idle
	c.idle = nil
	c.mu.Unlock()
	c.close()
	for _, p := range idle {
		p.idle.Stop()
		p.end()
	}
	c.running.Wait()
	c.spawner.stop()
}

// Enter begins what Close has to wait for, until leave is called. What it returns
// ends with ctx, or with Config.Closed as its cause; the error is that one.
func (c *Crew) Enter(ctx context.Context) (entered context.Context, leave func(), err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, nil, c.config.Closed
	}
	c.running.Add(1)
	entered, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(c.ctx, func() { cancel(c.config.Closed) })
	return entered, func() {
		stop()
		cancel(nil)
		c.running.Done()
	}, nil
}

// Slot waits for one of Config.Workers places, which is kept until leave is called.
// The error is the cause of ctx.
func (c *Crew) Slot(ctx context.Context) (leave func(), err error) {
	select {
	case c.slots <- struct{}{}:
		return func() { <-c.slots }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// Task is done with a child, which is of no use any more if healthy is false.
type Task func(*Process) (healthy bool, err error)

// ErrUntouched is the error of a Task whose child had ended before it had the task.
var ErrUntouched = errors.New("the worker was gone")

// Do does a task with an idle child or a new one; it needs a Slot. A child that
// turns out to be gone before it began is replaced once; one that the task itself
// ended is not, as it would end the next one, too. The error is that of the task, a
// Death, the cause of ctx, or model.ErrTransient if no child can be started.
func (c *Crew) Do(ctx context.Context, task Task) error {
	p, err := c.take()
	if err != nil {
		return err
	}
	if err = c.use(ctx, p, task); !errors.Is(err, ErrUntouched) {
		return err
	}
	if p, err = c.start(); err != nil {
		return err
	}
	return c.use(ctx, p, task)
}

func (c *Crew) use(ctx context.Context, p *Process, task Task) error {
	c.count(func(s *Stats) { s.Tasks++; s.Busy++ })
	p.tasks++
	p.said.reset()
	healthy, err := task(p)
	c.count(func(s *Stats) { s.Busy-- })
	if healthy {
		c.give(p)
		return err
	}
	c.count(func(s *Stats) { s.Died++ })
	p.bury(ctx)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return p.death(err)
}

// take is a child that is idle, else a new one.
func (c *Crew) take() (*Process, error) {
	c.mu.Lock()
	if n := len(c.idle); n > 0 {
		p := c.idle[n-1]
		c.idle = c.idle[:n-1]
		c.mu.Unlock()
		p.idle.Stop()
		return p, nil
	}
	c.mu.Unlock()
	return c.start()
}

func (c *Crew) start() (*Process, error) {
	p, err := start(c.config.Program, c.config.Args, c.spawner.start)
	if err == nil {
		if err = p.meet(c.config.Greet, Setup{Memory: c.config.Memory}); err == nil {
			c.count(func(s *Stats) { s.Started++ })
			return p, nil
		}
		p.end()
	}
	return nil, model.As(model.ErrTransient, fmt.Errorf("starting a %s: %w", c.config.Name, err))
}
