package action

import (
	"maps"
	"slices"
	"time"
)

const (
	workflowAPI   = "argoproj.io/v1alpha1"
	labelInstance = "workflows.argoproj.io/controller-instanceid"
)

// workflows are what the command line of Argo Workflows does.
func workflows() []rule {
	return []rule{
		set("suspend", "Suspend", "starts no further step: sets `spec.suspend`", true, "spec", "suspend").
			when(func(o object) string {
				if o.flag("spec", "suspend") {
					return "it is suspended already"
				}
				return unfinished(o)
			}),
		{
			name: "resume", title: "Resume", help: "goes on: clears `spec.suspend` and ends the steps that wait for it",
			why: resumable, run: resumeWorkflow,
		},
		set("stop", "Stop", "starts nothing new but exit handlers: sets `spec.shutdown` to `Stop`", "Stop", "spec", "shutdown").
			when(unfinished).dangerous(),
		set("terminate", "Terminate", "ends it at once, without exit handlers: sets `spec.shutdown` to `Terminate`", "Terminate", "spec", "shutdown").
			when(func(o object) string {
				if o.text("spec", "shutdown") == "Terminate" {
					return "it is being ended already"
				}
				return over(o)
			}).dangerous(),
	}
}

func over(o object) string {
	switch o.text("status", "phase") {
	case "Succeeded", "Failed", "Error":
		return "it is over"
	}
	return ""
}

func unfinished(o object) string {
	if o.text("spec", "shutdown") != "" {
		return "it is being ended already"
	}
	return over(o)
}

func resumable(o object) string {
	switch {
	case over(o) != "":
		return over(o)
	case o.flag("spec", "suspend") || len(o.waiting()) > 0:
		return ""
	case o.text("status", "compressedNodes") != "" || o.text("status", "offloadNodeStatusVersion") != "":
		return "its steps are not in the object; resume it with Argo Workflows"
	}
	return "it is not suspended"
}

// waiting are the steps that wait for somebody to go on.
func (o object) waiting() []string {
	var ids []string
	for id, item := range o.fields("status", "nodes") {
		node, _ := item.(map[string]any)
		if node["type"] == "Suspend" && node["phase"] == "Running" {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// resumeWorkflow lets all go on that waits. The kind has no subresource for its
// status.
func resumeWorkflow(c call) ([]Change, error) {
	patch := map[string]any{}
	if c.flag("spec", "suspend") {
		patch["spec"] = map[string]any{"suspend": nil}
	}
	nodes := map[string]any{}
	for _, id := range c.waiting() {
		nodes[id] = map[string]any{"phase": "Succeeded", "finishedAt": c.now.Format(time.RFC3339)}
	}
	if len(nodes) > 0 {
		patch["status"] = map[string]any{"nodes": nodes}
	}
	return []Change{c.guarded("", patch)}, nil
}

// workflowOfCron runs a CronWorkflow once, now.
func workflowOfCron() rule {
	return rule{
		name: "create-workflow", title: "Create workflow", help: "runs it once, now: creates a Workflow of its template, which it owns",
		run: func(c call) ([]Change, error) {
			spec := copied(c.fields("spec", "workflowSpec"))
			if spec == nil {
				return nil, errNoTemplate
			}
			meta := picked(c.fields("spec", "workflowMetadata"), "labels", "annotations", "finalizers")
			add(meta, "labels", map[string]any{"workflows.argoproj.io/cron-workflow": c.text("metadata", "name")})
			add(meta, "annotations", map[string]any{"workflows.argoproj.io/scheduled-time": c.now.Format(time.RFC3339)})
			c.instance(meta)
			meta["ownerReferences"] = []any{c.owner()}
			return []Change{c.create(workflowAPI, "Workflow", c.named(), meta, spec)}, nil
		},
	}
}

// workflowOfTemplate runs a WorkflowTemplate.
func workflowOfTemplate() rule {
	return rule{
		name: "create-workflow", title: "Create workflow", help: "runs it: creates a Workflow that refers to it, and which it owns",
		run: func(c call) ([]Change, error) {
			name := c.text("metadata", "name")
			meta := map[string]any{"ownerReferences": []any{c.owner()}}
			add(meta, "labels", map[string]any{"workflows.argoproj.io/workflow-template": name})
			c.instance(meta)
			return []Change{c.create(workflowAPI, "Workflow", c.named(), meta, at(name, "workflowTemplateRef", "name"))}, nil
		},
	}
}

// instance lets the controller of the object look after what is made of it, too.
func (c call) instance(meta map[string]any) {
	if id := c.text("metadata", "labels", labelInstance); id != "" {
		add(meta, "labels", map[string]any{labelInstance: id})
	}
}

// add adds entries to a map of maps.
func add(meta map[string]any, field string, entries map[string]any) {
	m, _ := meta[field].(map[string]any)
	if m == nil {
		m = map[string]any{}
	}
	maps.Copy(m, entries)
	meta[field] = m
}

// toggleAutoSync switches automated sync of an Application off and on, and keeps
// how it is set up.
func toggleAutoSync() rule {
	return rule{
		name: "toggle-auto-sync", title: "Toggle auto-sync",
		help: "switches automated sync off, or on again: sets `spec.syncPolicy.automated.enabled`",
		run: func(c call) ([]Change, error) {
			automated := c.fields("spec", "syncPolicy", "automated")
			on := automated != nil && automated["enabled"] != false
			return []Change{c.patch("", at(!on, "spec", "syncPolicy", "automated", "enabled"))}, nil
		},
	}
}

// numaflow are pause and unpause of what moves data.
func numaflow() []rule {
	phase := func(o object) string { return o.text("spec", "lifecycle", "desiredPhase") }
	return []rule{
		set("pause", "Pause", "stops it: sets `spec.lifecycle.desiredPhase` to `Paused`", "Paused", "spec", "lifecycle", "desiredPhase").
			when(func(o object) string { return unless(phase(o) != "Paused", "it is paused already") }),
		set("unpause", "Unpause", "starts it again: sets `spec.lifecycle.desiredPhase` to `Running`", "Running", "spec", "lifecycle", "desiredPhase").
			when(func(o object) string { return unless(phase(o) == "Paused", "it is not paused") }),
	}
}
