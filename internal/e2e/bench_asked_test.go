package e2e

import (
	"fmt"
	"os"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// TestBenchAsked prints what a fleet of apps on one repository costs, and how long somebody
// waits who asks for a sync of one while all the others have news.
func TestBenchAsked(t *testing.T) {
	if os.Getenv("FIXPOINT_BENCH") == "" {
		t.Skip("a benchmark: run make bench")
	}
	e := newEnvOn(t, ownCluster(t))
	e.eventually("ready", func() error { return e.ok("/readyz") })
	const n = fleetSize
	repo := e.repo("asked", countedFiles(n))
	e.namespaces("asked")
	fmt.Printf("\n%-70s %10s %14s %12s %16s\n", fmt.Sprintf("%d apps of one repository that nobody syncs", n), "time", "CPU", "reconciles", "writes of apps")
	e.benchFleet("declared, until all are compared", n, func() {
		e.declareFleet("asked", repo, n, func(i int) string { return fmt.Sprintf("apps/%04d", i) })
		e.untilApps(n, func(o *unstructured.Unstructured) bool { return at(o, "status", "sync", "status") == "OutOfSync" })
	})
	var asked string
	var commit string
	e.benchFleet("a push of a file that is of none, until all show it", n, func() {
		commit = e.push(repo, "elsewhere", map[string]string{"README.md": "1"})
		e.untilApps(10, func(o *unstructured.Unstructured) bool { return at(o, "status", "sync", "revision") == commit })
		began := time.Now()
		e.operate(fmt.Sprintf("asked-%04d", n-7), "somebody", `{}`, "Succeeded")
		asked = time.Since(began).Round(time.Millisecond).String()
		e.untilApps(n, func(o *unstructured.Unstructured) bool { return at(o, "status", "sync", "revision") == commit })
	})
	fmt.Printf("%-70s %10s\n\n", "  a sync asked for meanwhile", asked)
}

// benchFleet prints what do costs: the time, the processor's time of the controller with the
// test around it, the reconciles and the writes of Applications.
func (e *env) benchFleet(what string, n int, do func()) {
	e.t.Helper()
	began, used := time.Now(), cpu(e.t)
	reconciles, writes := e.costOf(do)
	each := (cpu(e.t) - used) / time.Duration(n)
	fmt.Printf("%-70s %10s %14s %12s %16s\n", "  "+what, time.Since(began).Round(time.Millisecond), fmt.Sprint(each.Round(10*time.Microsecond), " each"),
		fmt.Sprintf("%.1f each", reconciles/float64(n)), fmt.Sprintf("%.1f each", writes/float64(n)))
}
