package worker

import (
	"slices"
	"time"
)

// give takes a worker back, to be used again or to be ended if it has done
// enough or keeps too much memory.
func (p *Pool) give(w *process) {
	if w.jobs >= p.config.Jobs || resident(w.cmd.Process.Pid) > p.config.Resident {
		p.running.Go(w.end)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		p.running.Go(w.end)
		return
	}
	p.idle = append(p.idle, w)
	w.idle = time.AfterFunc(p.config.Idle, func() { p.rest(w) })
	if w.jobs == 1 {
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
