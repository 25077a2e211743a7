package worker

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// filled sets every field of a value, so that one that is not sent is seen.
func filled(v reflect.Value, depth int) {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(-3)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(200)
	case reflect.String:
		v.SetString(strings.Repeat("é", depth))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		filled(v.Elem(), depth+1)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		filled(v.Index(0), depth+1)
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		value := reflect.New(v.Type().Elem()).Elem()
		filled(value, depth+1)
		v.SetMapIndex(reflect.ValueOf("key").Convert(v.Type().Key()), value)
		v.SetMapIndex(reflect.ValueOf("").Convert(v.Type().Key()), reflect.Zero(v.Type().Elem()))
	case reflect.Struct:
		if v.Type() == timeType {
			v.Set(reflect.ValueOf(time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)))
			return
		}
		for _, field := range v.Fields() {
			// A tree has its own way, and other interfaces have done their part before.
			if field.Kind() != reflect.Interface {
				filled(field, depth+1)
			}
		}
	default:
		panic(v.Type())
	}
}

func TestCodecKeepsEverything(t *testing.T) {
	empty, text := "", "x"
	values := map[string]any{
		"zero render": model.Render{},
		"render":      ptrTo[model.Render](),
		"source":      ptrTo[model.Source](),
		"zero source": model.Source{},
		"task":        ptrTo[task](),
		"question":    ptrTo[question](),
		"answer":      ptrTo[answer](),
		"outcome":     ptrTo[result](),
		"empty but set": model.Render{
			Substitute: &model.Substitute{Vars: map[string]model.Hidden{}},
			Plugin: model.Plugin{Parameters: []model.PluginParameter{
				{String: &empty}, {String: &text}, {Map: map[string]string{}}, {Array: []string{}},
			}},
			Kustomize: model.Kustomize{Images: []model.Image{}},
		},
	}
	for name, v := range values {
		t.Run(name, func(t *testing.T) {
			want := reflect.Indirect(reflect.ValueOf(v)).Interface()
			got := reflect.New(reflect.TypeOf(want))
			if err := decode(encode(want), got.Interface()); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got.Elem().Interface(), want) {
				t.Errorf("got  %+v\nwant %+v", got.Elem(), want)
			}
		})
	}
}

func ptrTo[T any]() *T {
	v := new(T)
	filled(reflect.ValueOf(v).Elem(), 0)
	return v
}

func TestDecodeRefuses(t *testing.T) {
	good := encode(*ptrTo[question]())
	for n := range good {
		var q question
		if err := decode(good[:n], &q); err == nil {
			t.Fatalf("%d of %d bytes are taken for all", n, len(good))
		}
	}
	var q question
	if err := decode(append(good, 0), &q); err == nil {
		t.Error("bytes after the end are ignored")
	}
	many := append(encode(uint64(1<<20+1)), make([]byte, 1<<20)...)
	var list []model.Source
	if err := decode(many, &list); err == nil {
		t.Errorf("a megabyte became %d sources", len(list))
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(encode(*ptrTo[question]()))
	f.Add(encode(*ptrTo[result]()))
	f.Add([]byte{1, 2, 3})
	f.Fuzz(func(t *testing.T, data []byte) {
		var q question
		if decode(data, &q) == nil {
			again := question{}
			if err := decode(encode(q), &again); err != nil || !reflect.DeepEqual(q, again) {
				t.Errorf("%+v became %+v (%v)", q, again, err)
			}
		}
		var r result
		_ = decode(data, &r)
		var objects []object
		_ = decode(data, &objects)
	})
}
