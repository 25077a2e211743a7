package demo

import (
	"context"
	"fmt"
	"path"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// result is how long something took for each app.
type result struct {
	what  string
	times []time.Duration
}

// once tries everything, one after the other, and prints how long each took.
func (d *demo) once(ctx context.Context) error {
	var results []result
	for _, try := range []func(context.Context) ([]result, error){
		d.tryFirstSync, d.tryPush, d.tryDelete, d.tryEdit, d.tryBroken, d.tryRepair, d.tryUI,
	} {
		r, err := try(ctx)
		results = append(results, r...)
		if err != nil {
			return err
		}
	}
	d.out.say("\nEverything converged. Milliseconds are as seen by a watch on the API server;\nfor pushes they count from when the Git server had the commit.\n")
	d.out.say("%s", table(d.followers, results))
	return nil
}

// table shows results, an app a column.
func table(followers []follower, results []result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-42s", "")
	for _, f := range followers {
		fmt.Fprintf(&b, "  %12s", f.dialect)
	}
	for _, r := range results {
		fmt.Fprintf(&b, "\n%-42s", r.what)
		for _, t := range r.times {
			fmt.Fprintf(&b, "  %12s", took(t))
		}
	}
	return b.String()
}

func (d *demo) heading(text string) { d.out.say("\n%s", text) }

// well waits until both apps are well at a commit.
func (d *demo) well(ctx context.Context, began time.Time, commit string) ([]time.Duration, error) {
	return d.until(ctx, since(began), goal{
		"both apps to be Synced, Healthy and Ready at commit " + short(commit), ofApp,
		func(_ follower, u *unstructured.Unstructured) bool {
			v := viewOf(u)
			return v.Good && v.Applied == commit
		},
	})
}

func (d *demo) tryFirstSync(ctx context.Context) ([]result, error) {
	d.heading("1. First sync")
	commit, err := d.host.head(ctx)
	if err != nil {
		return nil, err
	}
	times, err := d.well(ctx, d.declared, commit)
	return []result{{"first sync, until Synced/Healthy and Ready", times}}, err
}

func (d *demo) tryPush(ctx context.Context) ([]result, error) {
	d.heading("2. A push: another greeting in a ConfigMap")
	greeting := "Hello again, at " + time.Now().Format("15:04:05")
	commit, err := d.pushGreeting(ctx, greeting)
	if err != nil {
		return nil, err
	}
	pushed := d.narrator.pushTime(commit)
	times, err := d.until(ctx, since(pushed), goal{
		"the greeting in both namespaces", ofObject(configMaps),
		func(_ follower, u *unstructured.Unstructured) bool { return greetingOf(u) == greeting },
	})
	if err != nil {
		return nil, err
	}
	settled, err := d.well(ctx, pushed, commit)
	return []result{{"push -> in the cluster", times}, {"push -> Synced/Healthy and Ready", settled}}, err
}

func (d *demo) tryDelete(ctx context.Context) ([]result, error) {
	d.heading("3. A deletion: the Service of each app")
	was := map[follower]*unstructured.Unstructured{}
	for _, f := range d.followers {
		if was[f] = d.world.get(f.object(services)); was[f] == nil {
			return nil, fmt.Errorf("%s has no Service to delete", f)
		}
	}
	began := map[follower]time.Time{}
	for _, f := range d.followers {
		began[f] = time.Now()
		if err := d.cluster.delete(ctx, f.object(services)); err != nil {
			return nil, err
		}
	}
	times, err := d.until(ctx, func(f follower) time.Time { return began[f] }, goal{
		"the Services to be back", ofObject(services),
		func(f follower, u *unstructured.Unstructured) bool { return u != nil && u.GetUID() != was[f].GetUID() },
	})
	return []result{{"deleted -> back", times}}, d.thenWell(ctx, err)
}

func (d *demo) tryEdit(ctx context.Context) ([]result, error) {
	d.heading("4. An edit by hand: the greeting of each app")
	before, edited := map[follower]*unstructured.Unstructured{}, map[follower]string{}
	began := map[follower]time.Time{}
	for _, f := range d.followers {
		at := f.object(configMaps)
		if before[f] = d.world.get(at); before[f] == nil {
			return nil, fmt.Errorf("%s has no ConfigMap to edit", f)
		}
		began[f] = time.Now()
		version, err := d.cluster.edit(ctx, at, "Somebody was here")
		if err != nil {
			return nil, err
		}
		edited[f] = version
	}
	times, err := d.until(ctx, func(f follower) time.Time { return began[f] }, goal{
		"the greetings to be restored", ofObject(configMaps),
		func(f follower, u *unstructured.Unstructured) bool {
			return u != nil && u.GetResourceVersion() != edited[f] &&
				u.GetResourceVersion() != before[f].GetResourceVersion() && greetingOf(u) == greetingOf(before[f])
		},
	})
	return []result{{"edited -> as Git declares it", times}}, d.thenWell(ctx, err)
}

func (d *demo) tryBroken(ctx context.Context) ([]result, error) {
	d.heading("5. A bad manifest: nothing may be changed or deleted")
	good, err := d.host.head(ctx)
	if err != nil {
		return nil, err
	}
	before := d.snapshot()
	commit, err := d.pushBroken(ctx)
	if err != nil {
		return nil, err
	}
	times, err := d.until(ctx, since(d.narrator.pushTime(commit)), goal{
		"both apps to show the error", ofApp,
		func(_ follower, u *unstructured.Unstructured) bool {
			v := viewOf(u)
			return strings.Contains(v.Error, path.Base(brokenFile)) && v.Applied == good
		},
	})
	if err != nil {
		return nil, err
	}
	for at, version := range before {
		is := d.world.get(at)
		if is == nil || version != string(is.GetUID())+content(is) {
			return nil, fmt.Errorf("%s %s/%s has not stayed as it was while the manifests are broken", at.resource.Resource, at.namespace, at.name)
		}
	}
	d.out.say("    all %d objects of the two apps are untouched", len(before))
	return []result{{"bad push -> error shown", times}}, nil
}

// snapshot are the objects of the apps: who they are and what they hold.
func (d *demo) snapshot() map[place]string {
	out := map[place]string{}
	for _, f := range d.followers {
		for _, r := range []schema.GroupVersionResource{deployments, services, configMaps, accounts} {
			if u := d.world.get(f.object(r)); u != nil {
				out[f.object(r)] = string(u.GetUID()) + content(u)
			}
		}
	}
	return out
}

func (d *demo) tryRepair(ctx context.Context) ([]result, error) {
	d.heading("6. The repair")
	commit, err := d.pushRepair(ctx)
	if err != nil {
		return nil, err
	}
	times, err := d.well(ctx, d.narrator.pushTime(commit), commit)
	return []result{{"repair pushed -> Synced/Healthy and Ready", times}}, err
}

// thenWell waits, after something that went well, until the apps are well too.
func (d *demo) thenWell(ctx context.Context, err error) error {
	if err != nil {
		return err
	}
	commit, err := d.host.head(ctx)
	if err != nil {
		return err
	}
	_, err = d.well(ctx, time.Now(), commit)
	return err
}

func greetingOf(u *unstructured.Unstructured) string {
	if u == nil {
		return ""
	}
	text, _, _ := unstructured.NestedString(u.Object, "data", "greeting")
	return text
}
