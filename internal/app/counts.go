package app

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/fixpoint-cd/fixpoint/internal/metrics"
	"github.com/fixpoint-cd/fixpoint/internal/render"
	"github.com/fixpoint-cd/fixpoint/internal/render/worker"
	"github.com/fixpoint-cd/fixpoint/internal/target"
)

// count exposes what the parts count themselves.
func (c *controller) count(m *metrics.Metrics) {
	m.Apps(c.engine.Reports)
	c.countRenders(m)
	m.Func("fixpoint_git_ls_remote_total", "Looks at Git repositories.", nil, func() float64 { return float64(c.store.Stats().LsRemotes) })
	m.Func("fixpoint_git_fetch_total", "Fetches from Git repositories.", nil, func() float64 { return float64(c.store.Stats().Fetches) })
	for kind, value := range map[string]func(target.Requests) int64{
		"read":    func(r target.Requests) int64 { return r.Reads },
		"watch":   func(r target.Requests) int64 { return r.Watches },
		"write":   func(r target.Requests) int64 { return r.Writes },
		"dry-run": func(r target.Requests) int64 { return r.DryRuns },
		"429":     func(r target.Requests) int64 { return r.Throttled },
	} {
		m.Func("fixpoint_target_requests_total", "Requests to the clusters that are written to; 429 counts the refused ones.",
			prometheus.Labels{"kind": kind}, func() float64 {
				sum := int64(0)
				for _, r := range c.targets.requests() {
					sum += value(r)
				}
				return float64(sum)
			})
	}
}

// countRenders exposes what is rendered, and by how many processes.
func (c *controller) countRenders(m *metrics.Metrics) {
	for name, f := range map[string]struct {
		help  string
		value func(render.Stats, worker.Stats) float64
	}{
		"fixpoint_renders_total": {"Renders that were really done.",
			func(r render.Stats, _ worker.Stats) float64 { return float64(r.Renders) }},
		"fixpoint_render_hits_total": {"Renders answered from memory.",
			func(r render.Stats, _ worker.Stats) float64 { return float64(r.Hits) }},
		"fixpoint_render_workers_started_total": {"Processes that were started to render.",
			func(_ render.Stats, w worker.Stats) float64 { return float64(w.Started) }},
		"fixpoint_render_workers_died_total": {"Processes that a render has ended.",
			func(_ render.Stats, w worker.Stats) float64 { return float64(w.Died) }},
		"fixpoint_render_workers": {"Processes that render or wait for renders.",
			func(_ render.Stats, w worker.Stats) float64 { return float64(w.Busy + w.Idle) }},
	} {
		m.Func(name, f.help, nil, func() float64 { return f.value(c.render.Stats()) })
	}
}
