package engine

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// TestDiscreet: what the API server quotes of an object may have come out of a
// Secret, as it is or inside of another text.
func TestDiscreet(t *testing.T) {
	secrets := model.App{Secrets: []model.Hidden{
		model.Hidden("planted one"), model.Hidden("a: planted-two\nb: [{c: planted\"three}, 8081]\n"), model.Hidden("planted-four\n"), model.Hidden("7"), model.Hidden("")}}
	sealed := model.App{Sources: []model.AppSource{{Render: model.Render{Decrypt: &model.Decrypt{}}}}}
	for name, c := range map[string]struct {
		app        model.App
		text, want string
	}{
		"as it is":       {secrets, "the webhook said: planted one!", "the webhook said: (hidden)!"},
		"inside":         {secrets, `metadata.labels: Invalid value: "x planted one y": no label`, `metadata.labels: Invalid value: "(hidden)": no label`},
		"made of one":    {secrets, `spec.type: Unsupported value: "cGxhbnRlZA==": supported values: "ClusterIP"`, `spec.type: Unsupported value: "(hidden)": supported values: "ClusterIP"`},
		"of a document":  {secrets, "no planted-two", "no (hidden)"},
		"in quotes":      {secrets, `no "planted\"three"`, `no "(hidden)"`},
		"of one line":    {secrets, "no planted-four here", "no (hidden) here"},
		"a number":       {secrets, "spec.port: Invalid value: 8081: too much", `spec.port: Invalid value: "(hidden)": too much`},
		"short":          {secrets, `7 of 17, and "7"`, `7 of 17, and "(hidden)"`},
		"an escape":      {secrets, `Invalid value: "a\"planted": no`, `Invalid value: "(hidden)": no`},
		"parsed":         {secrets, `strconv.Atoi: parsing "x": invalid syntax`, `strconv.Atoi: parsing "(hidden)": invalid syntax`},
		"typed":          {secrets, `expected string, got &value.valueUnstructured{Value:4711}`, `expected string, got &value.valueUnstructured{Value:"(hidden)"}`},
		"decrypted":      {sealed, `spec.type: Unsupported value: "planted": supported`, `spec.type: Unsupported value: "(hidden)": supported`},
		"nothing to say": {secrets, "namespaces \"x\" not found", "namespaces \"x\" not found"},
		"no secrets":     {model.App{}, `Invalid value: "x"`, `Invalid value: "x"`},
	} {
		err := Discreet(c.app, model.As(model.ErrInvalid, errors.New(c.text)))
		if !errors.Is(err, model.ErrInvalid) || err.Error() != c.want || strings.Contains(err.Error(), "planted") {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	if err := Discreet(secrets, nil); err != nil {
		t.Error(err)
	}
}

// TestPanicIsItsAppsOwn: what panics while an app is worked on is that app's error;
// another goes on, and so does it when the cause is gone.
func TestPanicIsItsAppsOwn(t *testing.T) {
	inWorld(t, func(w *world) {
		w.target.during = func(_ context.Context, what string) error {
			if strings.HasSuffix(what, " bad") {
				panic("of a write")
			}
			return nil
		}
		w.commit("c1", "bad=1")
		w.put(automated("web"))
		if err := w.report("web").Err; err == nil || !strings.Contains(err.Error(), "internal error") {
			t.Errorf("error %v", err)
		}
		w.commit("c2", "good=1")
		if r := w.report("web"); r.Err != nil || r.Sync != model.Synced {
			t.Errorf("afterwards: %s, %v", r.Sync, r.Err)
		}
	})
}
