package helm

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"unicode"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/manifest"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	releaseutil "helm.sh/helm/v4/pkg/release/v1/util"
	"sigs.k8s.io/yaml"
)

// notes is how the name of a template ends that is no manifest.
const notes = "NOTES.txt"

// objects makes objects of what the templates came to.
func (r *run) objects(c *chart.Chart, texts map[string]string) ([]model.Object, error) {
	var made, crds []model.Object
	var err error
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		if strings.HasSuffix(name, notes) || strings.HasPrefix(path.Base(name), "_") {
			continue
		}
		if made, err = r.decode(made, r.origin(c.Name(), name), texts[name]); err != nil {
			return nil, err
		}
	}
	if !r.set.SkipCRDs {
		for _, crd := range c.CRDObjects() {
			if crds, err = r.decode(crds, r.origin(c.Name(), crd.Filename), string(crd.File.Data)); err != nil {
				return nil, err
			}
		}
		r.checkCRDs(crds)
		if crds, err = annotate(crds, r.set.CRDAnnotations); err != nil {
			return nil, err
		}
	}
	if made, err = r.post(r.known(made)); err != nil {
		return nil, err
	}
	return append(crds, r.arrange(made)...), nil
}

// annotate sets annotations on objects, over their own.
func annotate(objects []model.Object, annotations map[string]string) ([]model.Object, error) {
	if len(annotations) == 0 {
		return objects, nil
	}
	out := make([]model.Object, len(objects))
	for i, o := range objects {
		marked, err := manifest.Mark(o, nil, annotations)
		if err != nil {
			return nil, err
		}
		out[i] = marked
	}
	return out, nil
}

// checkCRDs tells of what stands in crds/ and is none.
func (r *run) checkCRDs(objects []model.Object) {
	for _, o := range objects {
		if o.Kind != "CustomResourceDefinition" {
			r.in.Warnf("%s: %s is no CustomResourceDefinition; Helm applies what stands in crds/ before everything else "+
				"and never changes it: move it to templates/", o.Origin, o.ObjectKey)
		}
	}
}

// arrange puts manifests first and hooks last, each in the order in which Helm
// installs, and leaves out the hooks that are not wanted.
func (r *run) arrange(objects []model.Object) []model.Object {
	hooks, plain := partition(objects, isHook)
	byKind := func(a, b model.Object) int { return compareKinds(a.Kind, b.Kind) }
	slices.SortStableFunc(plain, byKind)
	slices.SortStableFunc(hooks, byKind)
	if r.set.SkipHooks {
		hooks = nil
	}
	if r.set.SkipTests {
		hooks = slices.DeleteFunc(hooks, func(o model.Object) bool {
			return slices.ContainsFunc(hookTypes(o), func(t string) bool { return strings.HasPrefix(t, "test") })
		})
	}
	return append(plain, hooks...)
}

func partition(objects []model.Object, first func(model.Object) bool) (yes, no []model.Object) {
	for _, o := range objects {
		if first(o) {
			yes = append(yes, o)
		} else {
			no = append(no, o)
		}
	}
	return yes, no
}

// installOrder is the place of each kind in the order of installation.
var installOrder = func() map[string]int {
	out := map[string]int{}
	for i, kind := range releaseutil.InstallOrder {
		out[kind] = i
	}
	return out
}()

// compareKinds orders kinds as Helm installs them, unknown ones last and by
// name.
func compareKinds(a, b string) int {
	first, known := installOrder[a]
	second, alsoKnown := installOrder[b]
	switch {
	case known && alsoKnown:
		return cmp.Compare(first, second)
	case known:
		return -1
	case alsoKnown:
		return 1
	}
	return cmp.Compare(a, b)
}

// decode adds the objects of a rendered text, lists taken apart.
func (r *run) decode(made []model.Object, origin, text string) ([]model.Object, error) {
	docs := split(text)
	for i, doc := range docs {
		place := origin
		if len(docs) > 1 {
			place = fmt.Sprintf("%s, document %d of what it renders to", origin, i+1)
		}
		data, err := r.json(place, doc)
		if err != nil {
			return nil, err
		}
		if string(data) == "null" {
			continue
		}
		var fields manifest.Fields
		if json.Unmarshal(data, &fields) != nil {
			return nil, model.Invalidf("%s: no manifest: a map with apiVersion, kind and metadata is expected", place)
		}
		if made, err = add(made, place, origin, fields, data); err != nil {
			return nil, err
		}
	}
	return made, nil
}

// json is a document as JSON. A key that is given twice counts as Helm counts
// it, the last one, but for a warning.
func (r *run) json(place, doc string) ([]byte, error) {
	text := []byte(doc)
	if err := manifest.Guard(text); err != nil {
		return nil, model.Invalidf("%s, %w", place, err)
	}
	data, err := yaml.YAMLToJSONStrict(text)
	if err == nil {
		return data, nil
	}
	if strings.Contains(err.Error(), "already set in map") {
		if !strings.Contains(doc, "<<") {
			r.in.Warnf("%s: %s", place, repeated(err))
		}
		data, err = yaml.YAMLToJSON(text)
	}
	if err != nil {
		return nil, model.Invalidf("%s: it renders to text that is no YAML: %s", place, r.conceal(yamlProblem(err)))
	}
	return data, nil
}

// repeated tells of a key that is given twice.
func repeated(err error) string {
	_, after, _ := strings.Cut(err.Error(), "key ")
	key, _, _ := strings.Cut(after, " already set")
	const most = 80
	if key == "" || len(key) > most {
		key = "a key"
	}
	return "renders " + key + " twice in one map: the last counts"
}

// add adds an object, or the items of a list.
func add(made []model.Object, place, origin string, fields manifest.Fields, data []byte) ([]model.Object, error) {
	var kind string
	_ = json.Unmarshal(fields["kind"], &kind)
	raw, isList := fields["items"]
	if !isList || !strings.HasSuffix(kind, "List") {
		o, err := manifest.New(place, fields, data)
		o.Origin = origin
		return append(made, o), err
	}
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		return nil, model.Invalidf("%s: items of the %s have to be objects", place, kind)
	}
	for i, item := range items {
		var f manifest.Fields
		if err := json.Unmarshal(item, &f); err != nil {
			return nil, model.Invalidf("%s: item %d of the %s is no object", place, i+1, kind)
		}
		if f == nil {
			continue
		}
		var err error
		if made, err = add(made, fmt.Sprintf("%s, item %d", place, i+1), origin, f, item); err != nil {
			return nil, err
		}
	}
	return made, nil
}

// split takes a text apart as Helm does: at each line that begins with three
// dashes, whatever follows them. Documents without any text are left out. The
// space behind a document is kept as Helm prints it: it may belong to a value.
func split(text string) []string {
	var docs []string
	keep := func(doc string) {
		if doc = strings.TrimLeftFunc(doc, unicode.IsSpace); doc != "" {
			docs = append(docs, doc+"\n")
		}
	}
	text = "\n" + strings.TrimLeftFunc(text, unicode.IsSpace)
	for {
		before, after, found := strings.Cut(text, "\n---")
		if !found {
			keep(before)
			return docs
		}
		keep(before + "\n")
		text = strings.TrimLeft(after, " \t")
	}
}
