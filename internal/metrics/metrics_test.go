package metrics

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// series are the values of all series as "name{label=value,…} value".
func series(t *testing.T, registry *prometheus.Registry) []string {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetName()+"="+l.GetValue())
			}
			value := m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
			out = append(out, fmt.Sprintf("%s{%s} %v", f.GetName(), strings.Join(labels, ","), value))
		}
	}
	slices.Sort(out)
	return out
}

// TestSeries: the names and labels are what dashboards rely on.
func TestSeries(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	m := New(registry)
	app := model.AppKey{Dialect: "argo", Namespace: "argocd", Name: "web"}
	m.Reconciled(app, time.Millisecond, model.Report{})
	m.Reconciled(app, time.Millisecond, model.Report{Err: errors.New("no")})
	m.Synced(app, model.Operation{Phase: model.PhaseSucceeded})
	m.Synced(app, model.Operation{Phase: model.PhaseFailed, Request: model.Request{Heal: true}})
	reports := []model.Report{{App: app, Sync: model.Synced, Health: model.Health{Status: model.Healthy}, Ready: true}}
	m.Apps(func() []model.Report { return reports })
	n := 3.0
	m.Func("fixpoint_things_total", "Things.", prometheus.Labels{"kind": "a"}, func() float64 { return n })
	m.Func("fixpoint_things_total", "Things.", prometheus.Labels{"kind": "b"}, func() float64 { return 1 })
	n = 4
	want := []string{
		"fixpoint_app_info{dialect=argo,health_status=Healthy,name=web,namespace=argocd,ready=true,sync_status=Synced} 1",
		"fixpoint_reconcile_duration_seconds{dialect=argo} 2",
		"fixpoint_reconcile_total{dialect=argo,outcome=error} 1",
		"fixpoint_reconcile_total{dialect=argo,outcome=ok} 1",
		"fixpoint_sync_total{dialect=argo,heal=false,phase=Succeeded} 1",
		"fixpoint_sync_total{dialect=argo,heal=true,phase=Failed} 1",
		"fixpoint_things_total{kind=a} 4",
		"fixpoint_things_total{kind=b} 1",
	}
	if diff := cmp.Diff(want, series(t, registry)); diff != "" {
		t.Errorf("series (-want +got):\n%s", diff)
	}
	reports = nil
	for _, s := range series(t, registry) {
		if strings.HasPrefix(s, "fixpoint_app_info") {
			t.Errorf("an app that is gone is still told: %s", s)
		}
	}
}
