package argoapi

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"reflect"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// maxOperations is how many a JSON patch has at most.
const maxOperations = 500

// createApp declares an Application. One that is declared so already is the answer; one
// that is declared otherwise is changed with upsert, and then labels and annotations that
// are not named stay.
func createApp(c *call) (any, error) {
	wanted, err := c.declaration()
	if err != nil {
		return nil, err
	}
	upsert, err := c.flag("upsert")
	if err != nil {
		return nil, err
	}
	name, namespace := nameIn(wanted)
	if name == "" {
		return nil, invalid("metadata.name: it is missing")
	}
	key := model.AppKey{Dialect: dialect, Namespace: cmp.Or(namespace, c.Namespace), Name: name}
	return c.declare(key, func(now map[string]any) (map[string]any, error) {
		switch {
		case now == nil:
			return wanted, nil
		case sameDeclaration(now, wanted):
			return now, nil
		case !upsert:
			return nil, invalid("existing application spec is different, use upsert flag to force update")
		}
		return merged(now, wanted), nil
	})
}

// updateApp declares an Application as the body says: its spec, labels, annotations and
// finalizers.
func updateApp(c *call) (any, error) {
	wanted, err := c.declaration()
	if err != nil {
		return nil, err
	}
	name, namespace := nameIn(wanted)
	app, err := c.at(place{Name: name, AppNamespace: namespace, Project: c.query.Get("project")})
	if err != nil {
		return nil, err
	}
	return c.declare(app.Key, of(func(map[string]any) (map[string]any, error) { return wanted, nil }))
}

// updateSpec declares another spec, and answers with that.
func updateSpec(c *call) (any, error) {
	spec, err := c.jsonObject()
	if err != nil {
		return nil, err
	}
	if _, err := c.flag("validate"); err != nil {
		return nil, err
	}
	app, err := c.app()
	if err != nil {
		return nil, err
	}
	object, err := c.declare(app.Key, of(func(now map[string]any) (map[string]any, error) {
		next := maps.Clone(now)
		next["spec"] = spec
		return next, nil
	}))
	if err != nil {
		return nil, err
	}
	return object["spec"], nil
}

// patchBody is Argo CD's ApplicationPatchRequest.
type patchBody struct {
	place
	Patch     string `json:"patch"`
	PatchType string `json:"patchType"`
}

// patchApp changes what a patch says of the Application as clients are shown it.
func patchApp(c *call) (any, error) {
	var b patchBody
	if err := c.body(&b); err != nil {
		return nil, err
	}
	app, err := c.at(b.place)
	if err != nil {
		return nil, err
	}
	apply, err := b.read()
	if err != nil {
		return nil, err
	}
	return c.declare(app.Key, of(func(now map[string]any) (map[string]any, error) {
		raw, err := utiljson.Marshal(now)
		if err != nil {
			return nil, err
		}
		if raw, err = apply(raw); err != nil {
			return nil, invalid("patch: it can't be applied: %v", err)
		}
		var next map[string]any
		if utiljson.Unmarshal(raw, &next) != nil || next == nil {
			return nil, invalid("patch: what it makes is no Application")
		}
		if name, namespace := nameIn(next); name != app.Key.Name || namespace != app.Key.Namespace {
			return nil, invalid("patch: an Application keeps its name and namespace")
		}
		return next, nil
	}))
}

// read is the patch as a function of objects as JSON.
func (b *patchBody) read() (func([]byte) ([]byte, error), error) {
	switch b.PatchType {
	case "merge":
		return func(raw []byte) ([]byte, error) { return jsonpatch.MergePatch(raw, []byte(b.Patch)) }, nil
	case "", "json":
	default:
		return nil, invalid("Patch type '%.40s' is not supported: json and merge are", b.PatchType)
	}
	operations, err := jsonpatch.DecodePatch([]byte(b.Patch))
	if err != nil {
		return nil, invalid("patch: it is no list of operations: %v", err)
	}
	if len(operations) > maxOperations {
		return nil, invalid("patch: it has %d operations: at most %d are applied", len(operations), maxOperations)
	}
	for _, o := range operations {
		// Copies of copies double what there is.
		if o.Kind() == "copy" {
			return nil, invalid("patch: copy is not supported: use add")
		}
	}
	return operations.Apply, nil
}

// of is an Edit of what is there.
func of(edit view.Edit) view.Edit {
	return func(now map[string]any) (map[string]any, error) {
		if now == nil {
			return nil, model.As(model.ErrNotFound, errors.New("there is no such application"))
		}
		return edit(now)
	}
}

// declare answers with the Application as it is declared then, and says in a header who
// takes the change back.
func (c *call) declare(key model.AppKey, edit view.Edit) (map[string]any, error) {
	if _, err := c.flag("validate"); err != nil {
		return nil, err
	}
	object, err := c.desk.Declare(c.r.Context(), key, edit)
	if errors.Is(err, model.ErrNotFound) && !errors.Is(err, model.ErrInvalid) {
		return nil, forbidden
	}
	if err != nil {
		return nil, err
	}
	if d, err := c.desk.App(c.r.Context(), key); err == nil && d.Origin != nil {
		c.w.Header().Set("Warning", fmt.Sprintf("299 fixpoint %q", takenBack(d.Origin)))
	}
	return shown(object), nil
}

// takenBack says who makes of a declaration again what it was.
func takenBack(o *view.Origin) string {
	who, does, when := o.Kind+" "+o.Namespace+"/"+o.Name, "declares this app in Git", "at its next sync"
	if o.Name == "" {
		who = "an object of kind " + o.Kind + " that you may not see"
	}
	if o.App == (model.AppKey{}) && o.Kind == "ApplicationSet" {
		does = "generates this app"
	}
	if o.Heals {
		when = "at once"
	}
	return who + " " + does + ", and takes back " + when + " what it declares otherwise: change it there"
}

// jsonObject is the body as an object of JSON.
func (c *call) jsonObject() (map[string]any, error) {
	raw, err := io.ReadAll(c.r.Body)
	if err != nil {
		if tooLong := new(http.MaxBytesError); errors.As(err, &tooLong) {
			return nil, err
		}
		return nil, invalid("the body ends too early: send all of it")
	}
	var out map[string]any
	if utiljson.Unmarshal(raw, &out) != nil || out == nil {
		return nil, invalid("the body is no JSON: send an object")
	}
	return out, nil
}

// declaration is the body as an Application. Status and operation, which clients send back
// that have read one, do not count.
func (c *call) declaration() (map[string]any, error) {
	object, err := c.jsonObject()
	if err != nil {
		return nil, err
	}
	for field, value := range object {
		text, _ := value.(string)
		switch field {
		case "metadata", "spec", "status", "operation":
			continue
		case "apiVersion":
			if text == "" || text == "argoproj.io/v1alpha1" {
				continue
			}
		case "kind":
			if text == "" || text == view.KindApplication {
				continue
			}
		}
		return nil, invalid("field %.80q: it is none of an Application, so that nothing was done", field)
	}
	if _, is := object["spec"].(map[string]any); !is {
		return nil, invalid("spec: it is missing")
	}
	return object, nil
}

// nameIn are the name and namespace of an object.
func nameIn(object map[string]any) (name, namespace string) {
	name, _, _ = unstructured.NestedString(object, "metadata", "name")
	namespace, _, _ = unstructured.NestedString(object, "metadata", "namespace")
	return name, namespace
}

// declaring are the fields that make a declaration.
var declaring = [][]string{{"spec"}, {"metadata", "labels"}, {"metadata", "annotations"}, {"metadata", "finalizers"}}

// sameDeclaration reports whether two objects are declared alike; fields without a value
// are none.
func sameDeclaration(a, b map[string]any) bool {
	for _, path := range declaring {
		one, _, _ := unstructured.NestedFieldNoCopy(a, path...)
		other, _, _ := unstructured.NestedFieldNoCopy(b, path...)
		if !isEmpty(one) || !isEmpty(other) {
			if !reflect.DeepEqual(valued(one), valued(other)) {
				return false
			}
		}
	}
	return true
}

// isEmpty reports whether a value is none, or has nothing in it.
func isEmpty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case map[string]any:
		return len(v) == 0
	case []any:
		return len(v) == 0
	}
	return false
}

// valued is a value without those fields that are null or an empty text.
func valued(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for name, value := range v {
			if value != nil && value != "" {
				out[name] = valued(value)
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = valued(v[i])
		}
		return out
	}
	return v
}

// merged is an object with the spec and finalizers of another, and with its labels and
// annotations added.
func merged(now, wanted map[string]any) map[string]any {
	meta, _ := now["metadata"].(map[string]any)
	asked, _ := wanted["metadata"].(map[string]any)
	meta = maps.Clone(meta)
	for _, field := range []string{"labels", "annotations"} {
		all, _ := meta[field].(map[string]any)
		more, _ := asked[field].(map[string]any)
		sum := maps.Clone(all)
		if sum == nil {
			sum = map[string]any{}
		}
		maps.Copy(sum, more)
		meta[field] = sum
	}
	meta["finalizers"] = asked["finalizers"]
	if meta["finalizers"] == nil {
		delete(meta, "finalizers")
	}
	return map[string]any{"metadata": meta, "spec": wanted["spec"]}
}
