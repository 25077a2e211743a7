package action

// ofServer are fields of metadata that the API server keeps.
var ofServer = []string{"creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid"}

// Patches are the changes that make live what a script returned as want. The status
// is patched on its own, and first, where the kind has it as a subresource. There is
// none where nothing differs. All bear the resourceVersion of live: a script may
// count, or change an item of a list.
func Patches(live, want map[string]any, statusApart bool) []Change {
	c := call{object: live}
	a, b := copied(live), copied(want)
	for _, m := range []map[string]any{a, b} {
		if meta, ok := m["metadata"].(map[string]any); ok {
			for _, field := range ofServer {
				delete(meta, field)
			}
		}
	}
	patch := difference(a, b)
	var out []Change
	if status, ok := patch["status"]; ok && statusApart {
		out = append(out, c.guarded("status", map[string]any{"status": status}))
		delete(patch, "status")
	}
	if len(patch) > 0 {
		out = append(out, c.guarded("", patch))
	}
	return out
}

// New is the change that creates an object.
func New(obj map[string]any) Change {
	return Change{Ref: object(obj).ref(), Create: obj}
}

// difference is the merge patch that makes a of b.
func difference(a, b map[string]any) map[string]any {
	patch := map[string]any{}
	for k := range a {
		if _, ok := b[k]; !ok {
			patch[k] = nil
		}
	}
	for k, v := range b {
		was, there := a[k]
		m, isMap := v.(map[string]any)
		wasMap, ofMap := was.(map[string]any)
		switch {
		case v == nil && !there:
		case isMap && ofMap:
			if inner := difference(wasMap, m); len(inner) > 0 {
				patch[k] = inner
			}
		case !there || !sameJSON(was, v):
			patch[k] = v
		}
	}
	return patch
}
