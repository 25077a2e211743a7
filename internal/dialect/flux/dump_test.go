package flux

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
	case model.AppKey:
		line(x)
		return
	case model.ObjectRef:
		line(x.ObjectKey.String() + " " + x.APIVersion())
		return
	case time.Duration:
		line(x)
		return
	case model.Digest:
		return
	case model.Hidden:
		line(fmt.Sprintf("%q", string(x)))
		return
	case map[string]model.Hidden:
		for _, name := range slices.Sorted(maps.Keys(x)) {
			fmt.Fprintf(b, "%s[%s]: %q\n", strings.TrimPrefix(path, "."), name, string(x[name]))
		}
		return
	case error:
		line(x)
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
	default:
		text := fmt.Sprintf("%#v", v.Interface())
		line(strings.ReplaceAll(strings.ReplaceAll(text, fmt.Sprintf("%#v", ignoreDefault), "the defaults"), fmt.Sprintf("%#v", ignoreAlways), "the files of Git"))
	}
}
