package child

import (
	"slices"
	"time"
)

// give takes a child back, to be used again or to be ended if it has done
// enough or keeps too much memory.
func (c *Crew) give(p *Process) {
	worn := p.tasks >= c.config.Tasks ||
		p.tasks%c.config.Measure == 0 && resident(p.cmd.Process.Pid) > c.config.Resident
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || worn {
		c.running.Go(p.end)
		return
	}
	c.idle = append(c.idle, p)
	p.idle = time.AfterFunc(c.config.Idle, func() { c.rest(p) })
	if p.tasks == 1 {
		c.running.Go(func() { c.watch(p) })
	}
}

// rest ends a child that had nothing to do for long, unless it is to be kept.
func (c *Crew) rest(p *Process) {
	c.mu.Lock()
	if c.closed || len(c.idle) <= c.config.Keep || !c.remove(p) {
		c.mu.Unlock()
		return
	}
	c.running.Add(1)
	c.mu.Unlock()
	defer c.running.Done()
	p.end()
}

// watch forgets a child that ends while it is idle.
func (c *Crew) watch(p *Process) {
	<-p.over
	c.mu.Lock()
	lost := c.remove(p)
	if lost {
		c.stats.Died++
	}
	c.mu.Unlock()
	if lost {
		p.idle.Stop()
		p.close()
	}
}

// remove takes a child from the idle ones; false if it is none of them. It
// needs c.mu.
func (c *Crew) remove(p *Process) bool {
	i := slices.Index(c.idle, p)
	if i < 0 {
		return false
	}
	c.idle = slices.Delete(c.idle, i, i+1)
	return true
}
