package demo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fixpoint-cd/fixpoint/examples"
)

// editTool is the field manager of what somebody changes by kubectl.
const editTool = "kubectl-edit"

// The sample apps that something happens to.
var (
	byHand    = place{applications, ownCluster.argo, "search"}
	suspended = place{kustomizations, ownCluster.flux, "nightly-report"}
	// misconfigured never gets well.
	misconfigured = place{applications, ownCluster.argo, "mail-staging"}
)

// startSamples brings the sample apps into being, beside everything else.
func (d *demo) startSamples(ctx context.Context) {
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := d.samples(ctx); err != nil && ctx.Err() == nil {
			d.out.event(time.Now(), "Samples", "error: "+plain(err.Error(), 400))
		}
	}()
	d.onStop(func() { stop(); <-ended })
}

// samples declares the sample apps, and when they are well, lets happen what people
// look at a web UI for. A demo that is gone on with has seen that already.
func (d *demo) samples(ctx context.Context) error {
	tellers, fresh, err := d.tellers(ctx)
	if err != nil {
		return err
	}
	apps, joined, err := d.declareSamples(ctx)
	if err == nil && fresh {
		err = d.happen(ctx, apps, tellers)
	}
	if err == nil {
		d.out.say("\n%d more apps are there in the web UI. Worth a look:\n%s", len(apps), whatToSee)
	}
	return errors.Join(err, joined)
}

// tellers are those of all sample repositories; fresh if any has still to tell.
func (d *demo) tellers(ctx context.Context) (all []*teller, fresh bool, err error) {
	for _, t := range tales {
		to, err := d.newTeller(ctx, t)
		if err != nil {
			return nil, false, err
		}
		pending, err := to.pending(ctx)
		if err != nil {
			return nil, false, err
		}
		all, fresh = append(all, to), fresh || len(pending) > 0
	}
	return all, fresh, nil
}

// declareSamples applies the manifests; those for the second cluster when it has
// joined. joined is why it has not.
func (d *demo) declareSamples(ctx context.Context) (apps []place, joined, err error) {
	objects, err := sampleObjects()
	if err != nil {
		return nil, nil, err
	}
	if err := d.cluster.serveProjects(ctx); err != nil {
		return nil, nil, err
	}
	here, there := split(objects)
	if err := d.applyAll(ctx, here); err != nil {
		return nil, nil, err
	}
	if joined = d.joinStaging(ctx); joined != nil {
		return placesOf(here), joined, nil
	}
	return append(placesOf(here), placesOf(there)...), nil, d.applyAll(ctx, there)
}

// whatToSee are the samples that something is the matter with.
const whatToSee = `    shop-cart         rolls out, and takes its time
    payments-staging  is degraded: an image that cannot be pulled stops the sync half-way
    invoices          is degraded: its pods crash
    search            has drifted: changed by hand, and something is left to prune
    nightly-report    is suspended
    mail-staging      cannot be rendered: a value is missing
`

// sampleObjects are the manifests of the sample apps.
func sampleObjects() ([]*unstructured.Unstructured, error) {
	names, err := fs.Glob(examples.SampleApps(), "*.yaml")
	if err != nil {
		return nil, err
	}
	var all []*unstructured.Unstructured
	for _, name := range names {
		data, err := fs.ReadFile(examples.SampleApps(), name)
		if err != nil {
			return nil, err
		}
		objects, err := decode(data)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
		all = append(all, objects...)
	}
	return all, nil
}

// split are the objects for the first cluster, and those for the second.
func split(objects []*unstructured.Unstructured) (here, there []*unstructured.Unstructured) {
	for _, u := range objects {
		if name, _, _ := unstructured.NestedString(u.Object, "spec", "destination", "name"); name == stagingName {
			there = append(there, u)
		} else {
			here = append(here, u)
		}
	}
	return here, there
}

func (d *demo) applyAll(ctx context.Context, objects []*unstructured.Unstructured) error {
	for _, u := range objects {
		if err := d.cluster.apply(ctx, u); err != nil {
			return err
		}
	}
	return nil
}

// placesOf are where the apps among objects are.
func placesOf(objects []*unstructured.Unstructured) []place {
	var apps []place
	for _, u := range objects {
		switch r := resources[u.GetKind()]; r {
		case applications, kustomizations, releases:
			apps = append(apps, place{r, u.GetNamespace(), u.GetName()})
		}
	}
	return apps
}

// happen lets the samples become what they are there for.
func (d *demo) happen(ctx context.Context, apps []place, tellers []*teller) error {
	if err := d.syncByHand(ctx); err != nil {
		return err
	}
	if err := d.awaitSamples(ctx, apps); err != nil {
		return err
	}
	if err := d.cluster.patch(ctx, suspended, `{"spec":{"suspend":true}}`); err != nil {
		return err
	}
	for _, t := range tellers {
		if err := t.goOn(ctx); err != nil {
			return err
		}
	}
	return d.cluster.patch(ctx, place{deployments, "shop", "search"},
		`{"spec":{"replicas":4,"template":{"spec":{"containers":[{"name":"search","env":[{"name":"LANGUAGES","value":"en"}]}]}}}}`)
}

// syncByHand has the app that is not synced by itself synced by its team: twice, so
// that there is something to roll back to.
func (d *demo) syncByHand(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errors.New("it took too long"))
	defer cancel()
	for i, what := range []string{`"revisions":["` + firstSearch + `","` + firstSearch + `"]`, `"prune":true`} {
		err := d.cluster.patch(ctx, byHand, `{"operation":{"initiatedBy":{"username":"team-data"},"sync":{`+what+`}}}`)
		if err != nil {
			return err
		}
		err = d.world.await(ctx, func() bool { return deployed(d.world.get(byHand)) > i }, func() {})
		if err != nil {
			return fmt.Errorf("waiting for %s to be synced: %w", byHand.name, err)
		}
	}
	return nil
}

// deployed is how many revisions an Application has had.
func deployed(u *unstructured.Unstructured) int {
	if u == nil {
		return 0
	}
	history, _, _ := unstructured.NestedSlice(u.Object, "status", "history")
	return len(history)
}

// awaitSamples waits until the sample apps are well for the first time.
func (d *demo) awaitSamples(ctx context.Context, apps []place) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errors.New("it took too long"))
	defer cancel()
	var missing []string
	err := d.world.await(ctx, func() bool {
		missing = nil
		for _, app := range apps {
			if app != misconfigured && !isWell(d.world.get(app)) {
				missing = append(missing, app.name)
			}
		}
		return len(missing) == 0
	}, func() {})
	if err != nil {
		return fmt.Errorf("waiting for %s: %w", strings.Join(missing, ", "), err)
	}
	return nil
}

// isWell reports whether a sample app of any kind is Synced and Healthy, or Ready.
func isWell(u *unstructured.Unstructured) bool {
	if u == nil || u.GetKind() == "Application" {
		return viewOf(u).Good
	}
	conditions, _, _ := unstructured.NestedSlice(u.Object, "status", "conditions")
	return slices.ContainsFunc(conditions, func(c any) bool {
		condition, _ := c.(map[string]any)
		return condition["type"] == "Ready" && condition["status"] == string(metav1.ConditionTrue)
	})
}

// patch changes an object as a person does with kubectl.
func (c *cluster) patch(ctx context.Context, p place, patch string) error {
	kind := types.MergePatchType
	if p.resource == deployments {
		kind = types.StrategicMergePatchType
	}
	_, err := c.client.Resource(p.resource).Namespace(p.namespace).
		Patch(ctx, p.name, kind, []byte(patch), metav1.PatchOptions{FieldManager: editTool})
	if err != nil {
		return fmt.Errorf("changing %s %s/%s: %w", p.resource.Resource, p.namespace, p.name, err)
	}
	return nil
}
