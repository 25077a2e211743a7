package manifest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Fields are those of a JSON object, by their exact names.
type Fields map[string]json.RawMessage

func (f Fields) has(name string) bool {
	v, ok := f[name]
	return ok && string(v) != "null"
}

// document adds the object or list that a document of a file holds. text is
// JSON as encoding/json writes it.
func (d *Decoder) document(place string, text []byte) error {
	if string(text) == "null" {
		return nil
	}
	if IsPlain(text) {
		d.Malformed(place, "YAML")
		return nil
	}
	var f Fields
	if json.Unmarshal(text, &f) != nil || !f.has("apiVersion") && !f.has("kind") && !f.has("metadata") {
		d.other = append(d.other, place)
		return nil
	}
	d.manifests = true
	if api, _ := f.text("apiVersion"); strings.HasPrefix(api, "kustomize.config.k8s.io/") {
		d.Warnf("%s: a file for Kustomize, and the app reads plain manifests: skipped", place)
		return nil
	}
	return d.add(place, f, text)
}

// IsPlain reports whether JSON is a single value, as YAML reads any text that it
// finds nothing else in: no file of YAML is for that.
func IsPlain(text []byte) bool {
	return len(text) > 0 && text[0] != '{' && text[0] != '[' && string(text) != "null"
}

// add adds an object, or the items of a list.
func (d *Decoder) add(place string, f Fields, text []byte) error {
	listKind, _ := f.text("kind")
	raw, isList := f["items"]
	if !isList || !strings.HasSuffix(listKind, "List") {
		o, err := New(place, f, text)
		if err != nil {
			return err
		}
		o.Origin = d.File
		d.made = append(d.made, o)
		return nil
	}
	var items []Fields
	if err := json.Unmarshal(raw, &items); err != nil {
		return model.Invalidf("%s: items of the %s have to be objects", place, listKind)
	}
	for i, item := range items {
		if err := d.item(fmt.Sprintf("%s, item %d", place, i+1), f, item); err != nil {
			return err
		}
	}
	return nil
}

// item adds one of a list. Those of a list of one kind need not name it.
func (d *Decoder) item(place string, list, item Fields) error {
	if item == nil {
		return nil
	}
	listKind, _ := list.text("kind")
	if kind := strings.TrimSuffix(listKind, "List"); kind != "" && !item.has("kind") && !item.has("apiVersion") {
		item["kind"], _ = json.Marshal(kind)
		item["apiVersion"] = list["apiVersion"]
	}
	text, err := json.Marshal(item)
	if err != nil {
		return model.Invalidf("%s: %w", place, err)
	}
	return d.add(place, item, text)
}

// New reads what identifies an object. text is the JSON of f.
func New(place string, f Fields, text []byte) (model.Object, error) {
	o := model.Object{JSON: text, Digest: model.DigestOf(text)}
	if err := errors.Join(readType(&o, f), readMetadata(&o, f)); err != nil {
		first, _, _ := strings.Cut(err.Error(), "\n")
		return o, model.Invalidf("%s: %s", place, first)
	}
	return o, nil
}

func readType(o *model.Object, f Fields) error {
	for _, name := range []string{"apiVersion", "kind"} {
		v, err := f.text(name)
		if err != nil {
			return err
		}
		if v == "" {
			return fmt.Errorf("no %q; add it, or exclude the file if it is no manifest", name)
		}
	}
	api, _ := f.text("apiVersion")
	o.Kind, _ = f.text("kind")
	group, version, grouped := strings.Cut(api, "/")
	if !grouped {
		group, version = "", api
	}
	if version == "" || grouped && group == "" || strings.Contains(version, "/") {
		return fmt.Errorf("apiVersion %q is not of the form group/version or version", api)
	}
	o.Group, o.Version = group, version
	return nil
}

func readMetadata(o *model.Object, f Fields) (err error) {
	var meta Fields
	if f.has("metadata") && json.Unmarshal(f["metadata"], &meta) != nil {
		return errors.New("metadata has to be a map")
	}
	for name, to := range map[string]*string{"name": &o.Name, "namespace": &o.Namespace} {
		if *to, err = meta.text(name); err != nil {
			return fmt.Errorf("metadata.%w", err)
		}
	}
	if o.Name == "" && !meta.has("generateName") {
		return fmt.Errorf("%s: no metadata.name; add it", o.Kind)
	}
	if o.Labels, err = meta.texts("labels"); err != nil {
		return fmt.Errorf("%s %s: %w", o.Kind, o.Name, err)
	}
	if o.Annotations, err = meta.texts("annotations"); err != nil {
		return fmt.Errorf("%s %s: %w", o.Kind, o.Name, err)
	}
	return nil
}

// text is a string field; "" if it is missing.
func (f Fields) text(name string) (v string, err error) {
	if !f.has(name) {
		return "", nil
	}
	if json.Unmarshal(f[name], &v) != nil {
		return "", fmt.Errorf("%s has to be a string; put it in quotes", name)
	}
	return v, nil
}

// texts is a map of strings; nil if it is missing. A null counts as "".
func (f Fields) texts(name string) (map[string]string, error) {
	if !f.has(name) {
		return nil, nil
	}
	var raw Fields
	if json.Unmarshal(f[name], &raw) != nil {
		return nil, fmt.Errorf("metadata.%s has to be a map", name)
	}
	out := make(map[string]string, len(raw))
	for _, key := range slices.Sorted(maps.Keys(raw)) {
		v, err := raw.text(key)
		if err != nil {
			return nil, fmt.Errorf("metadata.%s: the value of %q has to be a string; put it in quotes", name, key)
		}
		out[key] = v
	}
	return out, nil
}

// DigestOf is that of all objects, in order.
func DigestOf(objects []model.Object) model.Digest {
	parts := make([][]byte, len(objects))
	for i := range objects {
		parts[i] = objects[i].Digest[:]
	}
	return model.DigestOf(parts...)
}
