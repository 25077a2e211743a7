package demo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// start brings everything up, from the bottom.
func (d *demo) start(ctx context.Context) error {
	for _, step := range []func(context.Context) error{
		d.makeDir, d.startCluster, d.startHost, d.prepare, d.startController, d.watch, d.declare,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// makeDir makes the folder of the demo and sees to its end.
func (d *demo) makeDir(context.Context) error {
	made := d.Dir == ""
	var err error
	if made {
		d.Dir, err = os.MkdirTemp("", "fixpoint-demo-")
	} else if d.Dir, err = filepath.Abs(d.Dir); err == nil {
		_, statErr := os.Stat(d.Dir)
		made = errors.Is(statErr, os.ErrNotExist)
		err = os.MkdirAll(d.Dir, 0o700)
	}
	if err != nil {
		return fmt.Errorf("making the demo's folder: %w: choose another with --dir", err)
	}
	d.onStop(func() {
		if d.Keep {
			d.out.say("Kept: %s (go on with 'fixpoint demo --keep --dir %s')", d.Dir, d.Dir)
			return
		}
		for _, name := range []string{"cluster", "cluster-staging", "git", "clone", "clone-samples", "controller", "controller.log"} {
			_ = os.RemoveAll(d.path(name))
		}
		if made {
			_ = os.Remove(d.Dir)
		}
	})
	return nil
}

// startCluster starts a control plane or looks at the one that is there.
func (d *demo) startCluster(ctx context.Context) error {
	var err error
	if d.Kubeconfig != "" {
		if d.cluster, err = connect(d.Kubeconfig); err != nil {
			return err
		}
		d.out.say("Using the cluster at %s", d.cluster.rest.Host)
		return d.cluster.checkVisit(ctx)
	}
	program, err := localcluster(d.Localcluster)
	if err != nil {
		return err
	}
	d.out.say("Starting a Kubernetes control plane (etcd, API server, controllers, a stand-in kubelet)")
	d.onStop(d.stopClusters)
	if !d.Once {
		d.startStaging(ctx, program)
	}
	if d.plane, err = startControlPlane(ctx, program, d.path("cluster"), d.Port, d.out, d.starting); err != nil {
		return err
	}
	go d.guard(ctx)
	d.cluster, err = connect(d.plane.kubeconfig())
	return err
}

// starting says now and then that a control plane is not there yet.
func (d *demo) starting(took time.Duration) {
	if d.out.quiet() > 5*time.Second {
		d.out.say("    still starting, %.0f s so far", took.Seconds())
	}
}

// stopClusters stops the control planes that run, all at a time.
func (d *demo) stopClusters() {
	what := "Stopping the control plane"
	var all sync.WaitGroup
	if d.staging != nil {
		what += "s"
		all.Go(d.staging.stop)
	}
	d.out.say("%s", what)
	if d.plane != nil {
		all.Go(d.plane.stop)
	}
	all.Wait()
}

// guard ends the demo when the control plane does. It returns with one of them.
func (d *demo) guard(ctx context.Context) {
	select {
	case <-d.plane.ended:
		d.fail(d.plane.failure())
	case <-ctx.Done():
	}
}

// startHost starts the Git server and the webhook's sender.
func (d *demo) startHost(ctx context.Context) error {
	d.host = &host{
		secret: rand.Text(),
		pushed: func(commit, subject string, at time.Time) {
			d.narrator.pushed(commit, at)
			d.out.event(at, "Git "+repository, fmt.Sprintf("commit %s was pushed: %q", short(commit), subject))
		},
		failed: func(err error) {
			d.out.event(time.Now(), "Git "+repository, "error: "+err.Error()+"; the controller will see the commit when it polls")
		},
	}
	if err := startHost(ctx, d.path("git"), d.host); err != nil {
		return err
	}
	d.onStop(d.host.server.Close)
	d.clone = clone{dir: d.path("clone"), url: d.host.cloneURL()}
	d.out.say("Started a Git server with the examples: %s", d.host.cloneURL())
	return nil
}

// prepare makes the CRDs and the namespaces of the apps.
func (d *demo) prepare(ctx context.Context) error {
	d.out.say("Installing the CRDs: Application, Kustomization, HelmRelease and their sources")
	var err error
	if d.Kubeconfig != "" {
		d.onStop(d.leave)
	}
	if d.added, err = d.cluster.install(ctx); err != nil {
		return err
	}
	for _, name := range []string{d.layout.argo, d.layout.flux} {
		if err := d.cluster.createNamespace(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// leave takes everything out of a cluster that was there.
func (d *demo) leave() {
	if d.Keep {
		d.out.say("Kept in the cluster: the namespaces %v and the CRDs", d.layout.made())
		return
	}
	d.out.say("Deleting the demo's namespaces and CRDs from the cluster")
	ctx, cancel := context.WithTimeout(context.Background(), cleanTimeout)
	defer cancel()
	if err := d.cluster.leave(ctx, d.layout, d.added, d.waiting); err != nil {
		d.out.say("Not everything is deleted: %v", err)
	}
}

// waiting says now and then what is still to go.
func (d *demo) waiting(p place) {
	if d.out.quiet() > 4*time.Second {
		d.out.say("    still there: %s %s", p.resource.Resource, p.name)
	}
}

// undeclare has the controller clean up in a cluster that was there.
func (d *demo) undeclare() {
	if d.Kubeconfig == "" || d.Keep {
		return
	}
	d.out.say("Deleting the two apps")
	ctx, cancel := context.WithTimeout(context.Background(), cleanTimeout)
	defer cancel()
	if err := d.cluster.undeclare(ctx, d.layout, d.waiting); err != nil {
		d.out.say("Not everything is deleted: %v", err)
	}
}

// watch follows what happens.
func (d *demo) watch(ctx context.Context) error {
	watching, stop := context.WithCancel(ctx)
	wait, err := d.world.watch(watching, d.cluster.client, d.layout)
	d.onStop(func() { stop(); wait() })
	return err
}

// declare applies the manifests of the two apps.
func (d *demo) declare(ctx context.Context) error {
	d.out.say("Applying one Argo CD Application and one Flux Kustomization; both follow\n    %s%s, which the controller takes from %s by\n    --mirror %s=%s\n",
		mirrorPrefix, repository, d.host.cloneURL(), mirrorPrefix, d.host.base())
	d.declared = time.Now()
	return d.cluster.declare(ctx, d.layout)
}
