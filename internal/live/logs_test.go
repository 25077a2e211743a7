package live_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fixpoint-cd/fixpoint/internal/live"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

const talkers = `apiVersion: apps/v1
kind: Deployment
metadata: {name: talk}
spec:
  replicas: 2
  selector: {matchLabels: {app: talk}}
  template:
    metadata: {labels: {app: talk}}
    spec:
      initContainers: [{name: prepare, image: registry.example/a:1}]
      containers: [{name: main, image: registry.example/a:1}, {name: side, image: registry.example/a:1}]`

const singles = `apiVersion: v1
kind: Pod
metadata: {name: crash, annotations: {localcluster.fixpoint-cd.github.io/crash-loop: "true", localcluster.fixpoint-cd.github.io/exit-code: "3"}}
spec: {containers: [{name: main, image: registry.example/a:1}]}
---
apiVersion: v1
kind: Pod
metadata: {name: stuck, annotations: {localcluster.fixpoint-cd.github.io/waiting-reason: CreateContainerConfigError}}
spec: {containers: [{name: main, image: registry.example/a:1}]}
---
apiVersion: v1
kind: Pod
metadata: {name: steady}
spec: {containers: [{name: main, image: registry.example/a:1}]}
---
apiVersion: v1
kind: Pod
metadata: {name: brief, annotations: {localcluster.fixpoint-cd.github.io/run-for: 3s}}
spec: {restartPolicy: Never, containers: [{name: main, image: registry.example/a:1}]}`

func (w *world) key(group, kind, name string) model.ObjectKey {
	return model.ObjectKey{Group: group, Kind: kind, Namespace: w.namespace, Name: name}
}

// log is all that a query gives.
func logOf(t *testing.T, s *live.Service, c *live.Cluster, q view.LogQuery) ([]view.LogLine, error) {
	var out []view.LogLine
	err := s.Logs(t.Context(), c, q, func(l view.LogLine) error { out = append(out, l); return nil })
	return out, err
}

func TestLogsOfADeployment(t *testing.T) {
	w := newWorld(t)
	w.apply(talkers)
	s, c, _ := w.service(live.Config{Fresh: 1})
	q := view.LogQuery{Object: w.key("apps", "Deployment", "talk"), Search: "Container"}
	for _, of := range []struct {
		container string
		want      int
	}{{"", 2}, {"*", 6}, {"side", 2}} {
		q.Container = of.container
		eventually(t, func() string {
			lines, err := logOf(t, s, c, q)
			if err != nil {
				return err.Error()
			}
			pods := map[string]bool{}
			for n, l := range lines {
				pods[l.Pod] = true
				if l.Note || l.At.IsZero() || !strings.Contains(l.Text, "container "+l.Container+" of pod "+w.namespace+"/"+l.Pod) {
					return fmt.Sprintf("unexpected line %+v", l)
				}
				if n > 0 && l.At.Before(lines[n-1].At) {
					return "the lines are out of order"
				}
			}
			if len(lines) != of.want || len(pods) != 2 {
				return fmt.Sprintf("container %q: %d lines of %d pods, want %d of 2", of.container, len(lines), len(pods), of.want)
			}
			return ""
		})
	}
	q.Container, q.Tail, q.Search = "main", 1, "!Stand-In KUBELET"
	if lines, err := logOf(t, s, c, q); err != nil || len(lines) != 0 {
		t.Errorf("without what all lines have there is %v, %v", lines, err)
	}
	q.Search = ""
	if lines, err := logOf(t, s, c, q); err != nil || len(lines) != 2 {
		t.Errorf("tails of one line are %v, %v", lines, err)
	}
	q.Container = "nobody"
	if _, err := logOf(t, s, c, q); !errors.Is(err, model.ErrNotFound) {
		t.Errorf("an unknown container's: %v", err)
	}
	q.Pod = "nobody"
	if _, err := logOf(t, s, c, q); !errors.Is(err, model.ErrNotFound) {
		t.Errorf("an unknown pod's: %v", err)
	}
}

func TestLogsOfSinglePods(t *testing.T) {
	w := newWorld(t)
	w.apply(singles)
	s, c, _ := w.service(live.Config{Fresh: 1})
	pod := func(name string) view.LogQuery { return view.LogQuery{Object: w.key("", "Pod", name)} }

	eventually(t, func() string {
		previous := pod("crash")
		previous.Previous = true
		lines, err := logOf(t, s, c, previous)
		if err != nil {
			return err.Error()
		}
		return cmp.Diff("[stand-in kubelet] ended with exit code 3", lines[len(lines)-1].Text)
	})
	eventually(t, func() string {
		_, err := logOf(t, s, c, pod("stuck"))
		if !errors.Is(err, model.ErrTransient) {
			return fmt.Sprint("the log of what has not started: ", err)
		}
		return cmp.Diff("container main of pod stuck has not started yet (CreateContainerConfigError), so that it has no log: its events say what it waits for", err.Error())
	})
	previous := pod("steady")
	previous.Previous = true
	eventually(t, func() string {
		if _, err := logOf(t, s, c, pod("steady")); err != nil {
			return err.Error()
		}
		return ""
	})
	if _, err := logOf(t, s, c, previous); !errors.Is(err, model.ErrInvalid) {
		t.Errorf("a previous log that there is not: %v", err)
	}
	if _, err := logOf(t, s, c, pod("nobody")); !errors.Is(err, model.ErrNotFound) {
		t.Errorf("the log of a pod that there is not: %v", err)
	}
	nobody := pod("nobody")
	nobody.Follow = true
	if _, err := logOf(t, s, c, nobody); !errors.Is(err, model.ErrNotFound) {
		t.Errorf("following a pod that there is not: %v", err)
	}
}

func TestFollowingAPodToItsEnd(t *testing.T) {
	w := newWorld(t)
	w.apply(singles)
	s, c, _ := w.service(live.Config{})
	q := view.LogQuery{Object: w.key("", "Pod", "brief"), Follow: true}
	lines, err := logOf(t, s, c, q)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, l := range lines {
		seen[l.Text]++
		if seen[l.Text] > 1 {
			t.Errorf("twice: %q", l.Text)
		}
	}
	if seen["[stand-in kubelet] started"] == 0 {
		t.Errorf("the log is %v", lines)
	}
}

func TestFollowingJoinsNewPodsAndRestarts(t *testing.T) {
	w := newWorld(t)
	w.apply(talkers)
	s, c, counts := w.service(live.Config{Linger: 1})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	pods := map[string]bool{}
	q := view.LogQuery{Object: w.key("apps", "Deployment", "talk"), Follow: true}
	err := s.Logs(ctx, c, q, func(l view.LogLine) error {
		if l.Note {
			return nil
		}
		pods[l.Pod] = true
		switch {
		case len(pods) == 2 && len(pods) > 0:
			w.apply(strings.Replace(talkers, "replicas: 2", "replicas: 4", 1))
		case len(pods) == 4:
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) || len(pods) != 4 {
		t.Errorf("followed %d pods: %v", len(pods), err)
	}
	eventually(t, func() string {
		if n := counts.open("/log?") + counts.open("watch=true"); n > 0 {
			return fmt.Sprintf("%d requests go on after the reader has left", n)
		}
		return ""
	})
}

func TestFollowingAContainerThatStartsAgain(t *testing.T) {
	w := newWorld(t)
	w.apply(singles)
	s, c, _ := w.service(live.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	seen := map[string]int{}
	err := s.Logs(ctx, c, view.LogQuery{Object: w.key("", "Pod", "crash"), Follow: true}, func(l view.LogLine) error {
		if _, restart, ok := strings.Cut(l.Text, ", restart "); ok && !l.Note {
			seen[restart]++
			if len(seen) == 3 {
				cancel()
			}
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) || len(seen) != 3 {
		t.Errorf("%v, %v", seen, err)
	}
}

func TestFollowingWhatHasNotStarted(t *testing.T) {
	w := newWorld(t)
	s, c, _ := w.service(live.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stuck := strings.Replace(talkers, "metadata: {labels: {app: talk}}",
		"metadata: {labels: {app: talk}, annotations: {localcluster.fixpoint-cd.github.io/waiting-reason: CreateContainerConfigError}}", 1)
	var notes []string
	err := s.Logs(ctx, c, view.LogQuery{Object: w.key("apps", "Deployment", "talk"), Follow: true}, func(l view.LogLine) error {
		if !l.Note {
			cancel()
			return nil
		}
		notes = append(notes, l.Text)
		switch {
		case len(notes) == 1:
			w.apply(stuck)
		case strings.Contains(l.Text, "CreateContainerConfigError"):
			w.apply(talkers)
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) || notes[0] != "There are no pods yet." ||
		!strings.Contains(strings.Join(notes, " "), "The container has not started yet: CreateContainerConfigError.") {
		t.Errorf("the notes are %q: %v", notes, err)
	}
}
