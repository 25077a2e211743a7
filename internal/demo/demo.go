package demo

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// cleanTimeout bounds the cleaning up in a cluster that is not the demo's.
const cleanTimeout = 2 * time.Minute

// demo is a running one.
type demo struct {
	Options
	layout    layout
	followers []follower
	out       *printer
	plane     *controlPlane // nil in a cluster that was there
	staging   *staging      // nil where there is but one cluster
	cluster   *cluster
	added     []string // CRDs
	host      *host
	ui        string // URL of the web UI
	password  string // the first one of its admin
	clone     clone
	world     *world
	narrator  *narrator
	// declared is when the apps were.
	declared time.Time
	// fail ends everything, because something that has to run does not.
	fail context.CancelCauseFunc
	// stops are undone in reverse.
	stops []func()
}

// Run starts everything, shows what happens until ctx ends, and cleans up. With
// Once it returns an error unless everything converged.
func Run(ctx context.Context, opt Options) (err error) {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	d := &demo{
		Options: opt, layout: ownCluster, fail: fail,
		out: &printer{out: opt.Out, last: time.Now()},
	}
	if opt.Kubeconfig != "" {
		d.layout = visitedCluster
	}
	d.followers = d.layout.followers()
	d.narrator = newNarrator(d.followers)
	d.world = newWorld(func(at time.Time, where place, before, after *unstructured.Unstructured) {
		about, lines := d.narrator.see(at, where, before, after)
		for _, line := range lines {
			d.out.event(at, about, line)
		}
	})
	defer func() {
		for _, stop := range slices.Backward(d.stops) {
			stop()
		}
	}()
	if err := d.start(ctx); err != nil {
		return d.explain(ctx, err)
	}
	if opt.Once {
		return d.explain(ctx, d.once(ctx))
	}
	return d.explain(ctx, d.live(ctx))
}

// explain is the error of a run: none if the user has ended it, the cause if a
// part has ended it, with the end of the controller's log.
func (d *demo) explain(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	if cause != nil && !errors.Is(cause, context.Canceled) {
		err = cause
	}
	if err == nil || (!d.Once && errors.Is(err, context.Canceled)) {
		return nil
	}
	if log := lastLines(d.path("controller.log"), 15); log != "" {
		d.out.say("\nThe end of the controller's log:\n%s", log)
	}
	return err
}

// onStop adds what is to be done at the end, before what was added earlier.
func (d *demo) onStop(f func()) { d.stops = append(d.stops, f) }

func (d *demo) path(name string) string { return filepath.Join(d.Dir, name) }

// lastLines is the end of a text file, "" if there is none.
func lastLines(file string, n int) string {
	data, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	t := &tail{}
	_, _ = t.Write(data)
	return indentLast(t.String(), n)
}
