package worker

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/manifest"
	"github.com/fixpoint-cd/fixpoint/internal/render/sandbox/child"
	kjson "sigs.k8s.io/json"
)

// What a worker may say beside objects.
const (
	maxWarnings = 100
	maxText     = 8 << 10
)

// collector reads what a worker says that a render came to.
type collector struct {
	dir string
	// left is how many bytes of objects may still come, of max.
	left, max  int64
	maxObjects int
	objects    []model.Object
}

// add reads some of the objects anew: what they are is in their text, whatever
// the worker thinks.
func (c *collector) add(data []byte) error {
	c.left -= int64(len(data))
	var batch []object
	if err := decode(data, &batch); err != nil {
		return &protocolError{err.Error()}
	}
	for _, it := range batch {
		o, err := readObject(it)
		if err != nil {
			return err
		}
		c.objects = append(c.objects, o)
	}
	if c.maxObjects > 0 && len(c.objects) > c.maxObjects {
		return model.Invalidf("%s makes more than the limit of %d objects; split the app", c.dir, c.maxObjects)
	}
	return nil
}

// readObject reads an object. A field that is there twice is refused: two
// readers could see two objects.
func readObject(it object) (model.Object, error) {
	var f, meta manifest.Fields
	if err := readStrict(it.JSON, &f); err != nil {
		return model.Object{}, err
	}
	if raw, ok := f["metadata"]; ok {
		if err := readStrict(raw, &meta); err != nil {
			return model.Object{}, err
		}
	}
	origin := clipped(it.Origin)
	o, err := manifest.New(origin, f, it.JSON)
	o.Origin = origin
	return o, err
}

func readStrict(text []byte, into *manifest.Fields) error {
	strict, err := kjson.UnmarshalStrict(text, into, kjson.DisallowDuplicateFields)
	if err == nil && len(strict) > 0 {
		err = strict[0]
	}
	if err == nil && !json.Valid(text) {
		err = fmt.Errorf("no JSON")
	}
	if err != nil {
		return &protocolError{"an object is malformed"}
	}
	return nil
}

// end is what the render came to.
func (c *collector) end(data []byte) (model.Rendered, error) {
	var r result
	if err := decode(data, &r); err != nil {
		return model.Rendered{}, &protocolError{err.Error()}
	}
	if r.Err != nil {
		r.Err.Text = clipped(r.Err.Text)
		return model.Rendered{}, r.Err.error()
	}
	if !slices.Contains(tools, r.Tool) {
		return model.Rendered{}, &protocolError{"there is no such tool"}
	}
	warnings := r.Warnings[:min(len(r.Warnings), maxWarnings)]
	for i, w := range warnings {
		warnings[i] = clipped(w)
	}
	return model.Rendered{
		Objects: c.objects, Tool: r.Tool, Digest: manifest.DigestOf(c.objects),
		Partial: r.Partial, Warnings: warnings,
	}, nil
}

var tools = []string{model.ToolDirectory, model.ToolKustomize, model.ToolHelm, model.ToolCUE, model.ToolPlugin}

// clipped is a text that can be shown.
func clipped(text string) string { return child.Clipped(text, maxText) }
