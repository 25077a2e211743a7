package cli

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/aymanbagabas/go-udiff"
	"sigs.k8s.io/yaml"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// difference is a change as it is printed.
type difference struct {
	Object string `json:"object"`
	Action string `json:"action"`
	Reason string `json:"reason,omitempty"`
	Error  string `json:"error,omitempty"`
	// SetBy are those besides the app who set what differs.
	SetBy []Other `json:"setBy,omitempty"`
	// Diff is a unified diff; "" where nothing is known to differ.
	Diff string `json:"diff,omitempty"`
}

// differences renders the changes. Those that turn out to change nothing that
// people care about are left out.
func (i Inspection) differences() ([]difference, error) {
	var out []difference
	for _, c := range i.Changes {
		d := difference{Object: c.Object.String(), Action: string(c.Action), Reason: c.Reason, SetBy: c.Others}
		if c.Err != nil {
			d.Error = c.Err.Error()
		}
		if c.Action == model.ActionCheck {
			d.Action = string(model.ActionUpdate)
		}
		text, err := unified(c, cmp.Or(i.Ref, short(i.Commit)))
		if err != nil {
			return nil, fmt.Errorf("showing %s: %w", c.Object, err)
		}
		d.Diff = text
		silent := c.Action == model.ActionUpdate || c.Action == model.ActionCheck
		if silent && text == "" && c.Err == nil {
			continue
		}
		out = append(out, d)
	}
	return out, nil
}

// document is what -o json prints.
func (i Inspection) document(all []difference) map[string]any {
	doc := map[string]any{"ref": i.Ref, "commit": i.Commit, "differences": all, "warnings": messages(i.Warnings)}
	if all == nil {
		doc["differences"] = []difference{}
	}
	if i.Blocked != nil {
		doc["blocked"] = i.Blocked.Error()
	}
	return doc
}

func messages(all []model.Warning) []string {
	out := make([]string, 0, len(all))
	for _, w := range all {
		out = append(out, w.Message)
	}
	return out
}

// contextLines is how many unchanged lines surround a difference.
const contextLines = 3

func unified(c Change, revision string) (string, error) {
	if c.Before == nil && c.After == nil || c.Err != nil && c.After == nil {
		return "", nil
	}
	before, err := lines(c.Before)
	if err != nil {
		return "", err
	}
	after, err := lines(c.After)
	if err != nil {
		return "", err
	}
	from, to := c.Object.String()+" (live)", c.Object.String()+" ("+revision+")"
	if c.Before == nil {
		from = "/dev/null"
	}
	if c.After == nil {
		to = "/dev/null"
	}
	return udiff.ToUnified(from, to, before, udiff.Lines(before, after), contextLines)
}

// lines are an object as YAML without what a server sets; "" of none.
func lines(obj map[string]any) (string, error) {
	if obj == nil {
		return "", nil
	}
	text, err := yaml.Marshal(withoutNoise(obj))
	return string(text), err
}

// noise is what servers set in metadata.
var noise = []string{"managedFields", "resourceVersion", "uid", "generation", "creationTimestamp", "selfLink"}

func withoutNoise(obj map[string]any) map[string]any {
	out := maps.Clone(obj)
	delete(out, "status")
	meta, ok := out["metadata"].(map[string]any)
	if !ok {
		return out
	}
	meta = maps.Clone(meta)
	maps.DeleteFunc(meta, func(k string, _ any) bool { return slices.Contains(noise, k) })
	out["metadata"] = meta
	return out
}
