package viewtest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// objectOf is the page of a node's object.
func objectOf(s *sample, n *view.Node) view.Object {
	o := view.Object{Node: *n, Actions: actionsOf(n), Pods: podsBelow(s, n)}
	if n.UID != "" {
		o.Live = manifest(n)
		live, _ := o.Live["metadata"].(map[string]any)
		live["uid"], live["resourceVersion"], live["creationTimestamp"] = n.UID, n.ResourceVersion, n.Created.Format(time.RFC3339)
		if n.Health != "" {
			o.Live["status"] = statusOf(n)
		}
		o.Owners = ownersOf(n)
	}
	if n.Managed && !n.Prune {
		o.Desired = manifest(n)
		if i := slices.IndexFunc(s.diff.Objects, func(d view.ObjectDiff) bool {
			return d.Ref.ObjectKey == n.Ref.ObjectKey && d.After != nil
		}); i >= 0 {
			o.Desired = s.diff.Objects[i].After
		}
	}
	return o
}

// manifest is what is declared of a node's object.
func manifest(n *view.Node) map[string]any {
	meta := map[string]any{"name": n.Ref.Name, "namespace": n.Ref.Namespace, "labels": map[string]any{"app.kubernetes.io/name": n.Ref.Name}}
	m := map[string]any{"apiVersion": n.Ref.APIVersion(), "kind": n.Ref.Kind, "metadata": meta}
	var containers []any
	for _, image := range n.Images {
		containers = append(containers, map[string]any{
			"name": containerOf(image), "image": image, "resources": map[string]any{"limits": map[string]any{"memory": "256Mi"}},
		})
	}
	template := map[string]any{"metadata": map[string]any{"labels": meta["labels"]}, "spec": map[string]any{"containers": containers}}
	switch n.Ref.Kind {
	case "Deployment", "StatefulSet", "ReplicaSet", "DaemonSet", "Rollout":
		m["spec"] = map[string]any{"replicas": 2, "selector": map[string]any{"matchLabels": meta["labels"]}, "template": template}
	case "Pod":
		m["spec"] = template["spec"]
	case "Job", "CronJob":
		m["spec"] = map[string]any{"template": template}
	case "Service":
		m["spec"] = map[string]any{"ports": []any{map[string]any{"name": "http", "port": 80, "targetPort": 8080}}, "selector": meta["labels"]}
	case "Ingress":
		m["spec"] = map[string]any{"rules": []any{map[string]any{"host": strings.Join(n.Info, "")}}}
	case "ConfigMap":
		m["data"] = map[string]any{"LOG_LEVEL": "info", "settings.yaml": "currency: EUR\nretries: 3\n"}
	case "Secret":
		m["data"] = map[string]any{"password": "(hidden value 1)", "username": "(hidden value 2)"}
	}
	return m
}

func statusOf(n *view.Node) map[string]any {
	ready := "True"
	if n.Health != model.Healthy {
		ready = "False"
	}
	return map[string]any{"conditions": []any{map[string]any{"type": "Ready", "status": ready, "message": n.Message}}}
}

// containerOf is the name of the container with that image.
func containerOf(image string) string {
	name := image[strings.LastIndex(image, "/")+1:]
	name, _, _ = strings.Cut(name, ":")
	return name
}

func ownersOf(n *view.Node) []view.FieldOwner {
	out := []view.FieldOwner{}
	if n.Managed {
		out = append(out, view.FieldOwner{
			Manager: "fixpoint", Operation: "Apply", Time: Now.Add(-50 * time.Hour), Ours: true,
			Fields: []string{".metadata.labels.app.kubernetes.io/name", ".spec.selector", ".spec.template.spec.containers"},
		})
	}
	if n.Sync == model.OutOfSync {
		out = append(out, view.FieldOwner{
			Manager: "kubectl-edit", Operation: "Update", Time: Now.Add(-35 * time.Minute), Fields: []string{".spec.replicas"},
		})
	}
	return append(out, view.FieldOwner{
		Manager: "kube-controller-manager", Operation: "Update", Subresource: "status", Time: Now.Add(-20 * time.Minute),
		Fields: []string{".status.conditions", ".status.observedGeneration"},
	})
}

// actionsOf are some of those that the kind really has.
func actionsOf(n *view.Node) []view.Action {
	restart := view.Action{Name: "restart", Title: "Restart", Help: "replaces all pods, following the update strategy"}
	scale := view.Action{
		Name: "scale", Title: "Scale", Help: "sets the number of replicas",
		Params: []view.Param{{Name: "replicas", Default: "2", Help: "how many there shall be, 0 or more", Required: true}},
	}
	resume := view.Action{Name: "resume", Title: "Resume", Help: "goes on", Why: "it is not paused"}
	if n.UID == "" {
		return nil
	}
	switch n.Ref.Kind {
	case "Deployment":
		return []view.Action{restart, scale, {Name: "pause", Title: "Pause", Help: "stops the rollout of changes"}, resume}
	case "StatefulSet":
		return []view.Action{restart, scale}
	case "CronJob":
		return []view.Action{
			{Name: "create-job", Title: "Create Job", Help: "runs it once, now"},
			{Name: "suspend", Title: "Suspend", Help: "stops the schedule"}, resume,
		}
	case "Job":
		return []view.Action{{Name: "terminate", Title: "Terminate", Help: "makes it fail and ends its pods", Danger: true}}
	case "Rollout":
		return []view.Action{{Name: "promote-full", Title: "Promote fully", Help: "goes to the end, past all steps, pauses and analyses", Danger: true}}
	}
	return nil
}

// podsBelow are the pods among a node and its descendants.
func podsBelow(s *sample, n *view.Node) []view.Pod {
	var out []view.Pod
	for _, d := range s.below(n) {
		if d.Ref.Kind != "Pod" {
			continue
		}
		p := view.Pod{Namespace: d.Ref.Namespace, Name: d.Ref.Name}
		for _, image := range d.Images {
			c := view.Container{Name: containerOf(image), State: "Running", Init: strings.Contains(image, "/init-")}
			for _, info := range d.Info {
				_, _ = fmt.Sscanf(info, "%d restarts", &c.Restarts)
			}
			if c.Restarts > 0 {
				c.State = "CrashLoopBackOff"
			}
			p.Containers = append(p.Containers, c)
		}
		out = append(out, p)
	}
	return out
}

// declaringEvents are those of the object that declares an app.
func declaringEvents(s *sample) []view.Event {
	group := map[string]string{view.KindApplication: "argoproj.io"}[s.Kind]
	if group == "" {
		group = groups[s.Kind].group
	}
	key := model.ObjectKey{Group: group, Kind: s.Kind, Namespace: s.Key.Namespace, Name: s.Key.Name}
	return []view.Event{{
		Ref: model.ObjectRef{ObjectKey: key}, Type: "Normal", Reason: "Synced", Source: "fixpoint",
		Message: "deployed " + s.Revision, Count: 1, First: Now.Add(-50 * time.Hour), Last: Now.Add(-50 * time.Hour),
	}}
}

// with is a copy of a manifest with another spec field.
func with(m map[string]any, field string, value any) map[string]any {
	m = maps.Clone(m)
	spec, _ := m["spec"].(map[string]any)
	spec = maps.Clone(spec)
	if spec == nil {
		spec = map[string]any{}
	}
	spec[field] = value
	m["spec"] = spec
	return m
}
