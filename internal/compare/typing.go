package compare

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// typing is what is known of a value's type: its Go type, or the types of some
// fields in it. nil is nothing.
type typing struct {
	goType reflect.Type
	fields map[string]*typing
}

var (
	quantityType = reflect.TypeFor[resource.Quantity]()
	durationType = reflect.TypeFor[metav1.Duration]()
	intStrType   = reflect.TypeFor[intstr.IntOrString]()
)

// builtIn is the type of an object that Kubernetes itself defines.
func builtIn(obj map[string]any) *typing {
	apiVersion, _ := obj["apiVersion"].(string)
	kind, _ := obj["kind"].(string)
	t, ok := scheme.Scheme.AllKnownTypes()[schema.FromAPIVersionAndKind(apiVersion, kind)]
	if !ok {
		return nil
	}
	return &typing{goType: t}
}

// knownTypes compiles fields of a custom resource by their paths.
func knownTypes(fields map[string]string) *typing {
	var root *typing
	for _, path := range slices.Sorted(maps.Keys(fields)) {
		t := named()[fields[path]]
		if t == nil {
			continue
		}
		if root == nil {
			root = &typing{}
		}
		root.put(strings.Split(strings.TrimPrefix(path, "."), "."), t)
	}
	return root
}

func (t *typing) put(path []string, leaf reflect.Type) {
	for _, name := range path {
		if t.fields == nil {
			t.fields = map[string]*typing{}
		}
		if t.fields[name] == nil {
			t.fields[name] = &typing{}
		}
		t = t.fields[name]
	}
	t.goType = leaf
}

// Unknown lists the types in a Comparison that nobody knows, for a warning.
func Unknown(c model.Comparison) []string {
	var out []string
	for _, fields := range c.KnownTypes {
		for _, name := range fields {
			if named()[name] == nil {
				out = append(out, name)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// named are the types that known fields may have, by their names in settings: all
// of core/v1, and those of single values.
var named = sync.OnceValue(func() map[string]reflect.Type {
	out := map[string]reflect.Type{"core/Quantity": quantityType, "meta/v1/Duration": durationType, "core/IntOrString": intStrType}
	var collect func(reflect.Type)
	collect = func(t reflect.Type) {
		switch t.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Map:
			collect(t.Elem())
		case reflect.Struct:
		default:
			return
		}
		name := "core/v1/" + t.Name()
		if t.PkgPath() != reflect.TypeFor[corev1.Pod]().PkgPath() || out[name] != nil {
			return
		}
		out[name] = t
		if t.Kind() == reflect.Struct {
			for f := range t.Fields() {
				collect(f.Type)
			}
		}
	}
	for _, t := range scheme.Scheme.KnownTypes(corev1.SchemeGroupVersion) {
		collect(t)
	}
	return out
})

// field is the type of a field of a map or struct.
func (t *typing) field(name string) *typing {
	if t == nil {
		return nil
	}
	if t.goType == nil {
		return t.fields[name]
	}
	switch g := deref(t.goType); g.Kind() {
	case reflect.Map:
		return &typing{goType: g.Elem()}
	case reflect.Struct:
		if f, ok := fieldsByName(g)[name]; ok {
			return &typing{goType: f}
		}
	}
	return nil
}

// element is the type of the elements of a list. Known fields are those of each
// element.
func (t *typing) element() *typing {
	if t == nil || t.goType == nil {
		return t
	}
	if g := deref(t.goType); g.Kind() == reflect.Slice {
		return &typing{goType: g.Elem()}
	}
	return t
}

// single is the type of the value itself; nil where only fields in it are known.
func (t *typing) single() reflect.Type {
	if t == nil || t.goType == nil {
		return nil
	}
	return deref(t.goType)
}

func deref(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

var fieldCache sync.Map // of reflect.Type to map[string]reflect.Type

// fieldsByName are the types of a struct's fields by their names in JSON.
func fieldsByName(t reflect.Type) map[string]reflect.Type {
	if known, ok := fieldCache.Load(t); ok {
		return known.(map[string]reflect.Type)
	}
	out := map[string]reflect.Type{}
	for f := range t.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" && (f.Anonymous || strings.Contains(options, "inline")) {
			maps.Copy(out, fieldsByName(deref(f.Type)))
		} else if name != "" && name != "-" {
			out[name] = f.Type
		}
	}
	fieldCache.Store(t, out)
	return out
}
