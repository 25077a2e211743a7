package target

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

func decoded(t *testing.T, text string) map[string]any {
	t.Helper()
	var v map[string]any
	if err := utiljson.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// TestChanges: what is declared and means another thing is a change, and nothing
// else; what may be a secret is not shown.
func TestChanges(t *testing.T) {
	secret := model.ObjectRef{ObjectKey: model.ObjectKey{Kind: "Secret"}}
	plain := model.ObjectRef{ObjectKey: model.ObjectKey{Kind: "Job"}}
	for name, c := range map[string]struct {
		declared, live string
		ref            model.ObjectRef
		want           []string
	}{
		"same":          {`{"a":1,"b":{"c":[1,{"d":"x"}]}}`, `{"a":1,"b":{"c":[1,{"d":"x","more":1}],"more":1}}`, plain, nil},
		"value":         {`{"spec":{"a":"new"}}`, `{"spec":{"a":"old"}}`, plain, []string{`spec.a: "old" → "new"`}},
		"in a list":     {`{"spec":{"l":[{"image":"b"}]}}`, `{"spec":{"l":[{"image":"a","x":1}]}}`, plain, []string{`spec.l[0].image: "a" → "b"`}},
		"longer list":   {`{"spec":{"l":[1,2]}}`, `{"spec":{"l":[1]}}`, plain, []string{`spec.l: [1] → [1,2]`}},
		"not there":     {`{"spec":{"a":1}}`, `{}`, plain, []string{`spec.a: nothing → 1`}},
		"empty":         {`{"spec":{"a":"","b":{},"c":[],"d":false}}`, `{"spec":{}}`, plain, nil},
		"quantity":      {`{"r":{"cpu":"1000m","memory":"1Gi"}}`, `{"r":{"cpu":"1","memory":"1024Mi"}}`, plain, nil},
		"number":        {`{"port":80}`, `{"port":80.0}`, plain, nil},
		"environment":   {`{"c":[{"env":[{"value":"hunter2"}]}]}`, `{"c":[{"env":[{"value":"hunter1"}]}]}`, plain, []string{"c[0].env[0].value differs"}},
		"password":      {`{"spec":{"dbPassword":"hunter2"}}`, `{"spec":{"dbPassword":"hunter1"}}`, plain, []string{"spec.dbPassword differs"}},
		"password deep": {`{"spec":{"l":[{"password":"hunter2"}]}}`, `{"spec":{"l":[]}}`, plain, []string{"spec.l: [] → another"}},
		"data":          {`{"data":{"a":"hunter2"}}`, `{"data":{"a":"hunter1"}}`, plain, []string{"data.a differs"}},
		"Secret":        {`{"type":"hunter2"}`, `{"type":"hunter1"}`, secret, []string{"type differs"}},
		"long":          {`{"a":"` + strings.Repeat("é", 100) + `"}`, `{"a":"b"}`, plain, []string{`a: "b" → "` + strings.Repeat("é", 79) + "…"}},
	} {
		var got []string
		for _, ch := range changesOf(decoded(t, c.declared), decoded(t, c.live)) {
			got = append(got, ch.text(c.ref))
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	many := decoded(t, `{"spec":{"a":1,"b":1,"c":1,"d":1,"e":1}}`)
	if got := describe(plain, changesOf(many, nil)); !strings.HasSuffix(got, "and 2 more") {
		t.Errorf("five changes: %s", got)
	}
}

// invalid is a refusal for some fields, each as "field: message".
func invalid(causes ...string) error {
	err := &apierrors.StatusError{ErrStatus: metav1.Status{
		Status: metav1.StatusFailure, Code: 422, Reason: metav1.StatusReasonInvalid, Message: "x is invalid: " + strings.Join(causes, ", "), Details: &metav1.StatusDetails{},
	}}
	for _, c := range causes {
		field, message, _ := strings.Cut(c, ": ")
		err.ErrStatus.Details.Causes = append(err.ErrStatus.Details.Causes, metav1.StatusCause{Field: field, Message: message})
	}
	return err
}

// TestIsImmutable: only what nothing else is wrong with would be better for being
// created anew.
func TestIsImmutable(t *testing.T) {
	webhook := func(text string) error {
		return &apierrors.StatusError{ErrStatus: metav1.Status{Status: metav1.StatusFailure, Code: 403, Reason: metav1.StatusReasonForbidden,
			Message: `admission webhook "x.example.com" denied the request: ` + text}}
	}
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"one":             {invalid("spec.selector: Invalid value: x: field is immutable"), true},
		"two":             {invalid("spec.selector: field is immutable", "spec.clusterIPs[0]: may not change once set"), true},
		"one and another": {invalid("spec.template: field is immutable", "spec.x: Unsupported value"), false},
		"another":         {invalid("spec.x: Unsupported value"), false},
		"StatefulSet":     {invalid("spec: Forbidden: updates to statefulset spec for fields other than 'replicas' are forbidden"), true},
		"claim":           {invalid("spec.resources.requests.storage: Forbidden: field can not be less than status.capacity"), true},
		"webhook":         {webhook("spec.x is immutable"), true},
		"webhook's other": {webhook("image is not signed"), false},
		"quoted only":     {apierrors.NewBadRequest("the word immutable"), false},
		"no answer":       {errors.New("immutable"), false},
	} {
		if got := isImmutable(c.err); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestUnknownFields: fields that an apply was refused for are found in the refusal
// and taken out of what is applied; what can't be found is left.
func TestUnknownFields(t *testing.T) {
	const object = `{"spec":{"replcas":1,"c":[{"name":"a.b","imge":"x"},{"name":"c","imge":"y","ports":[{"containerPort":80,"nme":"p"}]}],"m":{"x/y.z":1}}}`
	for name, c := range map[string]struct {
		message string
		left    []string
		want    string
	}{
		"one": {
			"failed to create typed patch object (ns/x; apps/v1, Kind=Deployment): .spec.replcas: field not declared in schema",
			[]string{"spec.replcas"}, `{"spec":{"c":[{"name":"a.b","imge":"x"},{"name":"c","imge":"y","ports":[{"containerPort":80,"nme":"p"}]}],"m":{"x/y.z":1}}}`,
		},
		"several": {
			"failed to create typed patch object (ns/x; apps/v1, Kind=Deployment): errors:\n  .spec.replcas: field not declared in schema\n" +
				"  .spec.c[name=\"a.b\"].imge: field not declared in schema\n  .spec.c[name=\"c\"].ports[containerPort=80,protocol=\"TCP\"].nme: field not declared in schema\n",
			[]string{"spec.replcas", `spec.c[name="a.b"].imge`, `spec.c[name="c"].ports[containerPort=80,protocol="TCP"].nme`},
			`{"spec":{"c":[{"name":"a.b"},{"name":"c","imge":"y","ports":[{"containerPort":80}]}],"m":{"x/y.z":1}}}`,
		},
		"not there":  {"failed (x): .spec.other: field not declared in schema", nil, object},
		"unreadable": {"failed (x): .spec.c[0].imge: field not declared in schema", nil, object},
		"another":    {"failed to create typed patch object (x): .spec.replcas: expected numeric, got string", nil, object},
	} {
		w := &writing{obj: model.Object{JSON: []byte(object)}, warned: &warnings{}}
		changed := w.repair(errors.New(c.message))
		if changed != (c.left != nil) {
			t.Errorf("%s: changed: %v", name, changed)
		}
		if diff := cmp.Diff(decoded(t, c.want), decoded(t, string(w.obj.JSON))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		for _, f := range c.left {
			if text, _ := json.Marshal(f); !slices.ContainsFunc(w.warned.texts, func(s string) bool { return strings.Contains(s, string(text)) }) {
				t.Errorf("%s: no warning of %s: %q", name, f, w.warned.texts)
			}
		}
		w = &writing{obj: model.Object{JSON: []byte(object)}, warned: &warnings{}, how: model.Write{Strict: true}}
		if w.repair(errors.New(c.message)) {
			t.Errorf("%s: repaired, although it is to be refused", name)
		}
	}
	if w := (&writing{obj: model.Object{JSON: []byte(object)}}); w.repair(nil) {
		t.Error("repaired without a refusal")
	}
}

// TestKeep: a replacement keeps what servers set, unless it declares that itself.
func TestKeep(t *testing.T) {
	live := `{"metadata":{"finalizers":["x"],"ownerReferences":[{"uid":"1"}],"labels":{"theirs":"1"}},"status":{"a":1},
		"spec":{"selector":{"m":"1"},"parallelism":3,"template":{"metadata":{"labels":{"batch.kubernetes.io/job-name":"j","theirs":"1"}}}}}`
	body := decoded(t, `{"metadata":{"name":"j","finalizers":["mine"]},"spec":{"template":{"spec":{}}}}`)
	keep(body, decoded(t, live), groupKind{"batch", "Job"})
	want := decoded(t, `{"metadata":{"name":"j","finalizers":["mine"],"ownerReferences":[{"uid":"1"}]},"status":{"a":1},
		"spec":{"selector":{"m":"1"},"template":{"spec":{},"metadata":{"labels":{"batch.kubernetes.io/job-name":"j"}}}}}`)
	if diff := cmp.Diff(want, body); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestSecretWarnings: of what the API server warns of while a Secret is written, only
// what names fields is shown.
func TestSecretWarnings(t *testing.T) {
	w := &warnings{}
	h := warningHandler{}
	ctx := w.on(t.Context())
	h.HandleWarningHeaderWithContext(ctx, 299, "", `unknown field "dta"`)
	h.HandleWarningHeaderWithContext(ctx, 299, "", "hunter2 is weak")
	h.HandleWarningHeaderWithContext(ctx, 299, "", "hunter2 is weak")
	h.HandleWarningHeaderWithContext(ctx, 199, "", "of another code")
	h.HandleWarningHeaderWithContext(t.Context(), 299, "", "of no write")
	secret := model.ObjectRef{ObjectKey: model.ObjectKey{Kind: "Secret"}}
	if got := w.text(secret); got != `unknown field "dta"` {
		t.Errorf("of a Secret: %q", got)
	}
	if got := w.text(model.ObjectRef{}); got != `unknown field "dta"; hunter2 is weak` {
		t.Errorf("of another: %q", got)
	}
}
