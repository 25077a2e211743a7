// Package metrics is what Fixpoint counts of itself, in Prometheus' form.
package metrics

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Metrics are the engine's figures. Counters that other parts keep themselves
// are read when they are asked for, see Func.
type Metrics struct {
	reconciles *prometheus.CounterVec
	duration   *prometheus.HistogramVec
	syncs      *prometheus.CounterVec
	registry   prometheus.Registerer
}

// New registers the metrics.
func New(registry prometheus.Registerer) *Metrics {
	m := &Metrics{
		registry: registry,
		reconciles: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "fixpoint_reconcile_total", Help: "Reconciles of apps, by dialect and outcome (ok, error).",
		}, []string{"dialect", "outcome"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "fixpoint_reconcile_duration_seconds", Help: "Time taken by a reconcile of an app.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 4, 10),
		}, []string{"dialect"}),
		syncs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "fixpoint_sync_total", Help: "Finished syncs, by dialect, phase and whether they repaired drift.",
		}, []string{"dialect", "phase", "heal"}),
	}
	registry.MustRegister(m.reconciles, m.duration, m.syncs)
	return m
}

// Func registers a counter that is kept elsewhere.
func (m *Metrics) Func(name, help string, labels prometheus.Labels, value func() float64) {
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help, ConstLabels: labels}, value))
}

// Reconciled counts a reconcile.
func (m *Metrics) Reconciled(app model.AppKey, took time.Duration, r model.Report) {
	outcome := "ok"
	if r.Err != nil {
		outcome = "error"
	}
	m.reconciles.WithLabelValues(app.Dialect, outcome).Inc()
	m.duration.WithLabelValues(app.Dialect).Observe(took.Seconds())
}

// Synced counts a sync that ended.
func (m *Metrics) Synced(app model.AppKey, op model.Operation) {
	heal := "false"
	if op.Request.Heal {
		heal = "true"
	}
	m.syncs.WithLabelValues(app.Dialect, string(op.Phase), heal).Inc()
}

// Apps registers fixpoint_app_info, made of the reports at the time of asking.
func (m *Metrics) Apps(reports func() []model.Report) { m.registry.MustRegister(apps{reports}) }

type apps struct{ reports func() []model.Report }

var appInfo = prometheus.NewDesc("fixpoint_app_info", "1 for every app, with its state.",
	[]string{"dialect", "namespace", "name", "sync_status", "health_status", "ready"}, nil)

// Describe implements prometheus.Collector.
func (apps) Describe(ch chan<- *prometheus.Desc) { ch <- appInfo }

// Collect implements prometheus.Collector.
func (a apps) Collect(ch chan<- prometheus.Metric) {
	for _, r := range a.reports() {
		ch <- prometheus.MustNewConstMetric(appInfo, prometheus.GaugeValue, 1,
			r.App.Dialect, r.App.Namespace, r.App.Name, string(r.Sync), string(r.Health.Status), strconv.FormatBool(r.Ready))
	}
}
