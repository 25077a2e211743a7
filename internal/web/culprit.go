package web

import (
	"cmp"
	"slices"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// culprit is an object that an app fails for.
type culprit struct {
	Ref model.ObjectRef
	// Word is what Kubernetes calls the reason, or what the object says; Text and Next
	// explain the word, if it is known.
	Word, Text, Next string
	// HasLog: it is a pod of which something has run.
	HasLog bool
}

// unstarted are the reasons of pods that have said nothing yet.
var unstarted = []string{
	"ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError", "RegistryUnavailable",
	"CreateContainerConfigError", "CreateContainerError", "ContainerCreating", "Unschedulable",
}

// patience are the states of containers that have an explanation, and are no trouble.
var patience = []string{"ContainerCreating", "PodInitializing", "Completed"}

// troubled reports whether a container's state is one that somebody has to look at.
func troubled(state string) bool {
	text, _ := view.Explain(state)
	return text != "" && !slices.Contains(patience, state)
}

// mostCulprits is how many a page names.
const mostCulprits = 4

// mayFail reports whether something of that health may fail already: a rollout is given
// its time before it counts as degraded, and its pods fail before that.
func mayFail(h model.HealthStatus) bool { return h == model.Degraded || h == model.Progressing }

// culprits are the degraded nodes that have no degraded descendant: where to look first.
// Pods come before others.
func culprits(nodes []view.Node) []culprit {
	above := aboveDegraded(nodes)
	var out []culprit
	for i := range nodes {
		if n := &nodes[i]; n.Health == model.Degraded && !above[nodeID(n)] {
			out = append(out, culpritOf(n))
		}
	}
	slices.SortStableFunc(out, func(a, b culprit) int {
		return cmp.Or(first(a.HasLog, b.HasLog), cmp.Compare(a.Ref.Kind, b.Ref.Kind), cmp.Compare(a.Ref.Name, b.Ref.Name))
	})
	return out
}

// below are the nodes that descend from the object, without itself.
func below(nodes []view.Node, object model.ObjectKey) []view.Node {
	var uids []string
	for i := range nodes {
		if nodes[i].Ref.ObjectKey == object {
			uids = append(uids, nodes[i].UID)
		}
	}
	return view.Below(nodes, uids...)
}

// aboveDegraded are the ids of all nodes that a degraded one descends from.
func aboveDegraded(nodes []view.Node) map[string]bool {
	byID := map[string]*view.Node{}
	for i := range nodes {
		byID[nodeID(&nodes[i])] = &nodes[i]
	}
	above := map[string]bool{}
	var walk func(n *view.Node)
	walk = func(n *view.Node) {
		for _, id := range n.Parents {
			if p := byID[id]; p != nil && !above[id] {
				above[id] = true
				walk(p)
			}
		}
	}
	for i := range nodes {
		if nodes[i].Health == model.Degraded {
			walk(&nodes[i])
		}
	}
	return above
}

func culpritOf(n *view.Node) culprit {
	c := culprit{Ref: n.Ref, Word: reason(n), HasLog: n.Ref.Kind == "Pod" && n.Ref.Group == ""}
	c.HasLog = c.HasLog && !slices.Contains(unstarted, c.Word)
	c.Text, c.Next = view.Explain(c.Word)
	return c
}

// culpritList is what an app, or an object of it, fails for.
type culpritList struct{ Culprits []culprit }

// ShownCulprits are those that the page names.
func (l culpritList) ShownCulprits() []culprit {
	return l.Culprits[:min(mostCulprits, len(l.Culprits))]
}

// LogPath is the address of an object's log: of the run before, if it is being restarted.
func (h appHead) LogPath(c culprit) string {
	q := objectQuery(c.Ref.ObjectKey)
	if c.Word == "CrashLoopBackOff" {
		q.Set("previous", "1")
	}
	return h.Path + "/logs?" + q.Encode()
}

// Tells reports whether a condition, which stands above the operation, says a message of
// it already, be it with more.
func (p *appPage) Tells(message string) bool {
	return slices.ContainsFunc(p.App.Conditions, func(c view.Condition) bool { return strings.Contains(c.Text, message) })
}
