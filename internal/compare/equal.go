package compare

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
)

// equal reports whether two values mean the same to whoever reads them as that
// type. What is not there is nil.
func equal(a, b any, t *typing) bool {
	if void(a, t) && void(b, t) {
		return true
	}
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		return ok && equalMaps(a, b, t)
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !equal(a[i], b[i], t.element()) {
				return false
			}
		}
		return true
	}
	return sameScalar(a, b) || sameMeaning(a, b, t.single())
}

func equalMaps(a, b map[string]any, t *typing) bool {
	for k := range a {
		if !equalField(k, a, b, t) {
			return false
		}
	}
	for k := range b {
		if _, both := a[k]; !both && !equalField(k, a, b, t) {
			return false
		}
	}
	return true
}

// equalField compares a field of two maps. That one has it and the other has not
// is a difference, unless the field's value says nothing.
func equalField(name string, a, b map[string]any, t *typing) bool {
	x, inA := a[name]
	y, inB := b[name]
	if inA != inB && !says(name, x, y, t) {
		return true
	}
	return inA == inB && equal(x, y, t.field(name))
}

// says reports whether a field that only one side has means anything. x and y are
// its values, of which one is nil.
func says(name string, x, y any, t *typing) bool {
	if name == "creationTimestamp" && x == nil && y == nil {
		return false
	}
	v := x
	if v == nil {
		v = y
	}
	if t.single() != nil && t.single().Kind() == reflect.Map {
		return true // an entry of a map is there by itself
	}
	return !void(v, t.field(name))
}

// void reports whether a value can't be told from none in its type: when it is
// stored, Kubernetes leaves it out. Where no type is known only a missing value is.
func void(v any, t *typing) bool {
	if t == nil || t.goType == nil {
		return false
	}
	if v == nil {
		return true
	}
	if t.goType.Kind() == reflect.Pointer {
		return false
	}
	switch v := v.(type) {
	case map[string]any:
		return voidMap(v, t)
	case []any:
		return len(v) == 0
	case string:
		return v == "" && t.goType.Kind() == reflect.String
	case bool:
		return !v && t.goType.Kind() == reflect.Bool
	}
	n, ok := number(v)
	return ok && n == 0 && t.goType.Kind() >= reflect.Int && t.goType.Kind() <= reflect.Float64
}

// voidMap: a map is void if it is empty, a struct if all its fields are.
func voidMap(m map[string]any, t *typing) bool {
	if len(m) > 0 && t.goType.Kind() != reflect.Struct {
		return false
	}
	for k, v := range m {
		if !void(v, t.field(k)) {
			return false
		}
	}
	return true
}

// sameMeaning compares single values of types that can be written in several ways.
func sameMeaning(a, b any, t reflect.Type) bool {
	switch t {
	case nil:
		return false
	case quantityType:
		x, errX := resource.ParseQuantity(written(a))
		y, errY := resource.ParseQuantity(written(b))
		return errX == nil && errY == nil && x.Cmp(y) == 0
	case durationType:
		x, errX := time.ParseDuration(written(a))
		y, errY := time.ParseDuration(written(b))
		return errX == nil && errY == nil && x == y
	case intStrType:
		return written(a) == written(b)
	}
	return false
}

// written is a single value as text; "" for none.
func written(v any) string {
	if n, ok := number(v); ok {
		return strconv.FormatFloat(n, 'f', -1, 64)
	}
	if v == nil {
		return ""
	}
	return strings.TrimSpace(fmt.Sprint(v))
}
