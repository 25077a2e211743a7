package api

import (
	"reflect"
	"strconv"
	"strings"
	"time"
)

// schemas are JSON schemas of types, by their names. Objects may get more fields in
// time: a schema forbids none.
type schemas map[string]any

const refPrefix = "#/components/schemas/"

// of is the schema of a type, which is kept under its name if it is a struct.
func (s schemas) of(t reflect.Type) map[string]any {
	switch t.Kind() {
	case reflect.Pointer:
		return s.of(t.Elem())
	case reflect.Slice:
		return map[string]any{"type": "array", "items": s.of(t.Elem())}
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": s.of(t.Elem())}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return map[string]any{"type": "integer"}
	case reflect.Struct:
		if t == reflect.TypeFor[time.Time]() {
			return map[string]any{"type": "string", "format": "date-time"}
		}
		s.add(t)
		return map[string]any{"$ref": refPrefix + t.Name()}
	case reflect.Interface:
		return map[string]any{}
	}
	return map[string]any{"type": "string"}
}

func (s schemas) add(t reflect.Type) {
	if _, there := s[t.Name()]; there {
		return
	}
	s[t.Name()] = nil // for those that have themselves in them
	properties := map[string]any{}
	required := []string{}
	for f := range jsonStruct(t) {
		_, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		properties[jsonName(f)] = s.field(f)
		if !strings.Contains(options, "omit") {
			required = append(required, jsonName(f))
		}
	}
	schema := map[string]any{"type": "object", "properties": properties}
	if len(required) > 0 {
		schema["required"] = required
	}
	s[t.Name()] = schema
}

// field is the schema of a field, with what its tags say.
func (s schemas) field(f reflect.StructField) map[string]any {
	schema := s.of(f.Type)
	if doc := f.Tag.Get("doc"); doc != "" {
		schema["description"] = doc
	}
	if words := f.Tag.Get("enum"); words != "" {
		schema["enum"] = strings.Split(words, ",")
	}
	if format := f.Tag.Get("format"); format != "" {
		schema["format"] = format
	}
	for tag, key := range map[string]string{"min": "minimum", "max": "maximum"} {
		if n, err := strconv.Atoi(f.Tag.Get(tag)); err == nil {
			schema[key] = n
		}
	}
	return schema
}
