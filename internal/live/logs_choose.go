package live

import (
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// containerID names a container.
type containerID struct{ namespace, pod, name string }

func (c containerID) title() string { return "container " + c.name + " of pod " + c.pod }

// container is one whose log can be asked for.
type container struct {
	containerID

	state    string
	restarts int
	// started: it runs, or has run. over: it will not run again.
	started, over bool
}

// choose picks the containers that are asked for.
func choose(pods []*podState, q view.LogQuery) ([]container, error) {
	if len(pods) == 0 {
		return nil, model.As(model.ErrNotFound, fmt.Errorf("%s has no pods", q.Object))
	}
	var out []container
	found := q.Pod == ""
	for _, p := range pods {
		if q.Pod != "" && p.view.Name != q.Pod {
			continue
		}
		found = true
		out = append(out, p.chosen(q.Container)...)
	}
	switch {
	case !found:
		return nil, model.As(model.ErrNotFound, fmt.Errorf("%s has no pod %q", q.Object, q.Pod))
	case len(out) == 0:
		return nil, model.As(model.ErrNotFound, fmt.Errorf("%s has no container %q", q.Object, q.Container))
	}
	return out, nil
}

// chosen are the pod's containers by that name, its first for "", all for "*".
func (p *podState) chosen(name string) []container {
	if name == "" {
		name = p.preferred
	}
	var out []container
	for n, c := range p.view.Containers {
		if name == "*" || name == c.Name {
			out = append(out, container{
				containerID: containerID{p.view.Namespace, p.view.Name, c.Name},
				state:       c.State, restarts: c.Restarts, started: p.started[n], over: p.over,
			})
		}
	}
	return out
}

// explain says why there is no log.
func (c container) explain(err error, previous bool) error {
	switch {
	case apierrors.IsBadRequest(err) && previous, apierrors.IsNotFound(err) && previous:
		return model.Invalidf("%s has no previous run whose log is kept: look at the current one", c.title())
	case apierrors.IsBadRequest(err) && !c.started:
		return model.As(model.ErrTransient, fmt.Errorf(
			"%s has not started yet (%s), so that it has no log: its events say what it waits for", c.title(), c.state))
	case apierrors.IsNotFound(err):
		return model.As(model.ErrNotFound, fmt.Errorf("%s is gone", c.title()))
	}
	return explain("reading the log of "+c.title(), err)
}
