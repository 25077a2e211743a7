package demo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// The files that pushes change.
const (
	greetingFile = "base/configmap.yaml"
	brokenFile   = "base/service.yaml"
	// brokenLine is no YAML.
	brokenLine = "  broken: [this list has no end\n"

	greetingPath = "greeting: "
)

// pushGreeting pushes a new greeting, which both apps apply.
func (d *demo) pushGreeting(ctx context.Context, greeting string) (commit string, err error) {
	return d.clone.push(ctx, "Greet with "+greeting, func(read func(string) (string, error), write func(string, string) error) error {
		text, err := read(greetingFile)
		if err != nil {
			return err
		}
		changed, err := withGreeting(text, greeting)
		if err != nil {
			return err
		}
		return write(greetingFile, changed)
	})
}

// withGreeting replaces the greeting in the ConfigMap's file.
func withGreeting(text, greeting string) (string, error) {
	before, after, found := strings.Cut(text, greetingPath)
	if !found {
		return "", fmt.Errorf("%s has no line %q", greetingFile, strings.TrimSpace(greetingPath))
	}
	_, rest, _ := strings.Cut(after, "\n")
	return before + greetingPath + greeting + "\n" + rest, nil
}

// errBroken: the manifests are broken already.
var errBroken = errors.New("the manifests are broken already: repair them first (r)")

// pushBroken pushes a manifest that can't be read.
func (d *demo) pushBroken(ctx context.Context) (commit string, err error) {
	return d.clone.push(ctx, "Break the Service", func(read func(string) (string, error), write func(string, string) error) error {
		text, err := read(brokenFile)
		if err != nil {
			return err
		}
		if strings.HasSuffix(text, brokenLine) {
			return errBroken
		}
		return write(brokenFile, text+brokenLine)
	})
}

// errWhole: nothing is broken.
var errWhole = errors.New("nothing that the demo has broken is there to be repaired")

// pushRepair takes pushBroken back.
func (d *demo) pushRepair(ctx context.Context) (commit string, err error) {
	return d.clone.push(ctx, "Repair the Service", func(read func(string) (string, error), write func(string, string) error) error {
		text, err := read(brokenFile)
		if err != nil {
			return err
		}
		if !strings.Contains(text, brokenLine) {
			return errWhole
		}
		return write(brokenFile, strings.ReplaceAll(text, brokenLine, ""))
	})
}

// delete deletes an object as kubectl does.
func (c *cluster) delete(ctx context.Context, p place) error {
	err := c.client.Resource(p.resource).Namespace(p.namespace).Delete(ctx, p.name, metav1.DeleteOptions{})
	if err != nil {
		return fmt.Errorf("deleting %s %s/%s: %w", p.resource.Resource, p.namespace, p.name, err)
	}
	return nil
}

// edit changes the greeting of a ConfigMap by hand. It returns the version of
// the object that it has made.
func (c *cluster) edit(ctx context.Context, p place, greeting string) (version string, err error) {
	patch := fmt.Sprintf(`{"data":{"greeting":%q}}`, greeting)
	u, err := c.client.Resource(p.resource).Namespace(p.namespace).
		Patch(ctx, p.name, types.MergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: person})
	if err != nil {
		return "", fmt.Errorf("editing %s %s/%s: %w", p.resource.Resource, p.namespace, p.name, err)
	}
	return u.GetResourceVersion(), nil
}

// patience is how long anything may take to converge; slow machines are no
// failure.
const patience = 10 * time.Minute

// ofApp and ofObject say which object shows a goal.
func ofApp(f follower) place { return f.app }

func ofObject(r schema.GroupVersionResource) func(follower) place {
	return func(f follower) place { return f.object(r) }
}

// goal is something that is to become true for each app.
type goal struct {
	// what completes "waiting for …".
	what string
	// of is the object that shows it, reached whether it does; u is nil where
	// there is none.
	of      func(follower) place
	reached func(f follower, u *unstructured.Unstructured) bool
}

// clock says when the time of an app began to run.
type clock func(follower) time.Time

func since(t time.Time) clock { return func(follower) time.Time { return t } }

// until waits for a goal and says how long each app took to reach it, by the
// time of the change that showed it; already if that was before it began.
func (d *demo) until(ctx context.Context, began clock, g goal) ([]time.Duration, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errors.New("it took too long"))
	defer cancel()
	times, known := make([]time.Duration, len(d.followers)), make([]bool, len(d.followers))
	reached := func() bool {
		all := true
		for i, f := range d.followers {
			u, at := d.world.look(g.of(f))
			if !known[i] && g.reached(f, u) {
				times[i], known[i] = max(at.Sub(began(f)), already), true
			}
			all = all && known[i]
		}
		return all
	}
	waiting := time.Now()
	err := d.world.await(ctx, reached, func() {
		if d.out.quiet() > 3*time.Second {
			d.out.say("    still waiting for %s, %.0f s so far; %s", g.what, time.Since(waiting).Seconds(), strings.Join(d.states(60), ", "))
		}
	})
	if err != nil {
		return nil, fmt.Errorf("waiting for %s: %w; %s", g.what, err, strings.Join(d.states(600), ", "))
	}
	return times, nil
}

// states are how the apps are, one text each, with errors cut at n characters.
func (d *demo) states(n int) []string {
	var out []string
	for _, f := range d.followers {
		v := viewOf(d.world.get(f.app))
		text := f.String() + " is " + v.State
		if v.Error != "" {
			text += " (" + plain(gist(v.Error), n) + ")"
		}
		out = append(out, text)
	}
	return out
}
