package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	kjson "sigs.k8s.io/json"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

const (
	configMapA = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n"
	configMapB = "{apiVersion: v1, kind: ConfigMap, metadata: {name: b}}\n"
)

// FuzzDecode: whatever is in a file, objects are in canonical JSON and identify
// themselves, and errors name the file.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		configMapA, configMapA + "---\n" + configMapB, "a: &a [*a]", "--- \n...\n%YAML 1.1\n---", "\ufeff{}", "- x",
		"apiVersion: v1\nkind: List\nitems: [{kind: a}, null]", `{"apiVersion":"v1","kind":"X","metadata":{"name":"a"}}{}`,
		"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, labels: {a: ~}}\n<<: {a: 1}",
		"? [a]\n: b\napiVersion: kind\nmetadata: ", "apiVersion: v1\nkind: A\nmetadata: {name: \"\\xff\"}\nv: !!binary gIGC",
		"x: .nan\nkind: metadata\napiVersion: v1",
	} {
		f.Add(seed, false)
		f.Add(seed, true)
	}
	f.Fuzz(func(t *testing.T, text string, isJSON bool) {
		name := "dir/file.yaml"
		if isJSON {
			name = "dir/file.json"
		}
		d := Decoder{File: name, Malformed: func(string, string) {}, Warnf: func(format string, _ ...any) {
			if !strings.HasPrefix(format, "%s") {
				t.Errorf("warning %q does not begin with the place", format)
			}
		}}
		objects, err := d.Objects([]byte(text))
		if err != nil {
			if !strings.HasPrefix(err.Error(), name) || !errors.Is(err, model.ErrInvalid) {
				t.Errorf("error %q does not name the file, or has no kind", err)
			}
			return
		}
		for _, o := range objects {
			checkObject(t, o)
		}
	})
}

func checkObject(t *testing.T, o model.Object) {
	t.Helper()
	if o.Kind == "" || o.Version == "" || o.Digest != model.DigestOf(o.JSON) {
		t.Errorf("object %+v does not identify itself", o)
	}
	var value any
	if _, err := kjson.UnmarshalStrict(o.JSON, &value); err != nil {
		t.Fatalf("%s: %v", o.JSON, err)
	}
	again, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	if len(again) == len(o.JSON) && !bytes.Equal(again, o.JSON) {
		t.Errorf("%s is not in canonical order: %s", o.JSON, again)
	}
}
