package kustomize

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	"sigs.k8s.io/kustomize/api/filters/patchjson6902"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/kio/kioutil"
	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"
	"sigs.k8s.io/yaml"
)

// jsonPatchStep applies a JSON patch. The library prints and parses the whole
// object as YAML for it, twice.
type jsonPatchStep struct {
	text   string
	ops    jsonpatch.Patch
	target types.Selector
}

// newJSONPatch is a step for a patch that is a list of operations; nil if it is
// something else.
func newJSONPatch(p types.Patch) *jsonPatchStep {
	text := strings.TrimSpace(p.Patch)
	if p.Target == nil || !strings.HasPrefix(text, "[") && !strings.HasPrefix(text, "-") {
		return nil
	}
	ops := []byte(text)
	if text[0] != '[' {
		var err error
		if ops, err = yaml.YAMLToJSON(ops); err != nil {
			return nil
		}
	}
	patch, err := jsonpatch.DecodePatch(ops)
	if err != nil {
		return nil
	}
	return &jsonPatchStep{text: text, ops: patch, target: *p.Target}
}

// Transform applies it to all resources that its target selects.
func (s *jsonPatchStep) Transform(m resmap.ResMap) error {
	list, err := m.Select(s.target)
	if err != nil {
		return err
	}
	for _, r := range list {
		remember(r)
		kept := kioutil.GetInternalAnnotations(&r.RNode)
		if err := s.apply(r); err != nil {
			return err
		}
		restore(r, kept)
	}
	return nil
}

func (s *jsonPatchStep) apply(r *resource.Resource) error {
	text, _, ok := objectJSON(r.YNode())
	if !ok {
		return r.ApplyFilter(patchjson6902.Filter{Patch: s.text})
	}
	patched, err := s.ops.Apply(text)
	if err != nil {
		return err
	}
	n, err := nodeOf(patched)
	if err != nil {
		return err
	}
	r.SetYNode(n)
	return nil
}

// restore puts the library's notes back that a patch took with all annotations.
func restore(r *resource.Resource, kept map[string]string) {
	notes := annotationsOf(r)
	for name, value := range kept {
		if notes == nil {
			_ = r.PipeE(kyaml.SetAnnotation(name, value)) // the object is checked at the end
		} else if old := fieldOf(notes, name); old != nil {
			old.Value = value
		} else {
			notes.Content = append(notes.Content, textNode(name), textNode(value))
		}
	}
}

// nodeOf is a JSON object as the library makes nodes of it: numbers go through
// floating point.
func nodeOf(text []byte) (*kyaml.Node, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	var v map[string]any
	if err := decoder.Decode(&v); err != nil {
		return nil, err
	}
	return nodeOfValue(v), nil
}

func nodeOfValue(v any) *kyaml.Node {
	switch v := v.(type) {
	case map[string]any:
		n := &kyaml.Node{Kind: kyaml.MappingNode, Tag: kyaml.NodeTagMap}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			n.Content = append(n.Content, textNode(name), nodeOfValue(v[name]))
		}
		return n
	case []any:
		n := &kyaml.Node{Kind: kyaml.SequenceNode, Tag: kyaml.NodeTagSeq}
		for _, item := range v {
			n.Content = append(n.Content, nodeOfValue(item))
		}
		return n
	case string:
		return textNode(v)
	case bool:
		return &kyaml.Node{Kind: kyaml.ScalarNode, Tag: kyaml.NodeTagBool, Value: strconv.FormatBool(v)}
	case float64:
		n := &kyaml.Node{Kind: kyaml.ScalarNode, Value: strconv.FormatFloat(v, 'g', -1, 64)}
		n.Tag = n.ShortTag()
		return n
	}
	return &kyaml.Node{Kind: kyaml.ScalarNode, Tag: kyaml.NodeTagNull, Value: "null"}
}
