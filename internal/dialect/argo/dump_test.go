package argo

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// dump is a value as text: a line for each field that is not zero.
func dump(v any) string {
	var b strings.Builder
	dumpValue(&b, "", reflect.ValueOf(v))
	return b.String()
}

func dumpValue(b *strings.Builder, path string, v reflect.Value) {
	if v.IsZero() {
		return
	}
	line := func(text any) { fmt.Fprintf(b, "%s: %v\n", strings.TrimPrefix(path, "."), text) }
	switch x := v.Interface().(type) {
	case model.AppKey, time.Duration, error:
		line(x)
		return
	case time.Time:
		line(x.UTC().Format(time.RFC3339))
		return
	case model.ObjectKey:
		line(x)
		return
	case model.ObjectRef:
		line(x.ObjectKey.String() + " " + x.APIVersion())
		return
	case model.Digest, *overrides:
		return
	case model.Hidden:
		line(fmt.Sprintf("%q", string(x)))
		return
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		dumpValue(b, path, v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			dumpValue(b, path+"."+v.Type().Field(i).Name, v.Field(i))
		}
	case reflect.Slice:
		for i := range v.Len() {
			dumpValue(b, fmt.Sprintf("%s[%d]", path, i), v.Index(i))
		}
	case reflect.Map:
		m := map[string]reflect.Value{}
		for _, k := range v.MapKeys() {
			m[k.String()] = v.MapIndex(k)
		}
		for _, k := range slices.Sorted(maps.Keys(m)) {
			fmt.Fprintf(b, "%s[%s]: %v\n", strings.TrimPrefix(path, "."), k, m[k])
		}
	default:
		line(fmt.Sprintf("%#v", v.Interface()))
	}
}
