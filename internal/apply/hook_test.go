package apply

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

var started = time.Unix(1700000000, 0)

func TestHookName(t *testing.T) {
	const commit = "0123456789abcdef0123456789abcdef01234567"
	long := strings.Repeat("long-", 20)
	for name, c := range map[string]struct{ prefix, revision, want string }{
		"commit":             {"migrate-", commit, "migrate-0123456-presync-1700000000"},
		"several sources":    {"migrate-", commit + ",fedcba9876543210", "migrate-0123456-presync-1700000000"},
		"digest":             {"migrate-", "sha256:" + commit, "migrate-0123456-presync-1700000000"},
		"chart":              {"migrate-", "1.2.3", "migrate-1.2.3-presync-1700000000"},
		"long chart version": {"migrate-", "1.2.33-RC1+x", "migrate-1.2.33-presync-1700000000"},
		"odd version":        {"migrate-", "V1_0+x", "migrate-v1-0-x-presync-1700000000"},
		"no revision":        {"migrate-", "", "migrate-presync-1700000000"},
		"long":               {long, commit, "long-long-long-long-long-long-" + model.DigestOf([]byte(long)).String()[:6] + "-0123456-presync-1700000000"},
	} {
		got := HookName(c.prefix, c.revision, model.PhasePreSync, started)
		if len(got) > maxName {
			t.Errorf("%s: %q has %d characters", name, got, len(got))
		}
		if name != "long" && got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	a, b := HookName(long+"a", commit, model.PhasePreSync, started), HookName(long+"b", commit, model.PhasePreSync, started)
	if a == b {
		t.Errorf("two prefixes that are cut become one name: %q", a)
	}
	if a := HookName(long, "", model.PhasePostDelete, started); len(a) != maxName {
		t.Errorf("%q does not use the room there is", a)
	}
}

func TestNamed(t *testing.T) {
	text := []byte(`{"kind":"Job","metadata":{"generateName":"migrate-","labels":{"a":"b"}},"spec":{"n":9007199254740993}}`)
	o := model.Object{JSON: text, Digest: model.DigestOf(text), Origin: "job.yaml"}
	o.Kind = "Job"
	got, err := Named(o, "0123456789", model.PhaseSync, started)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"kind":"Job","metadata":{"labels":{"a":"b"},"name":"migrate-0123456-sync-1700000000"},"spec":{"n":9007199254740993}}`
	if string(got.JSON) != want || got.Name != "migrate-0123456-sync-1700000000" || got.Digest != model.DigestOf(got.JSON) {
		t.Errorf("%s, %s", got.Name, got.JSON)
	}
	if again, err := Named(got, "fedcba9876", model.PhaseSync, started); err != nil || again.Name != got.Name {
		t.Errorf("an object with a name is named %q: %v", again.Name, err)
	}
	for _, text := range []string{`{"kind":"Job","metadata":{}}`, `{"kind":"Job"}`, `[]`, `{"metadata":"x"}`, `{"metadata":{"generateName":1}}`} {
		if _, err := Named(model.Object{JSON: []byte(text)}, "1", model.PhaseSync, started); !errors.Is(err, model.ErrInvalid) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestHook(t *testing.T) {
	object := func(text string, annotations map[string]string) model.Object {
		return model.Object{JSON: []byte(text), Digest: model.DigestOf([]byte(text)), Annotations: annotations}
	}
	own := map[string]string{"own": "yes", model.AnnotationOperation: "old"}
	for name, c := range map[string]struct {
		object     model.Object
		finalizers []string
		left       string
	}{
		"plain": {object(`{"metadata":{"name":"a"},"spec":{"n":1}}`, nil), []string{model.HookFinalizer}, ""},
		"with its own": {
			object(`{"metadata":{"name":"a","annotations":{"own":"yes","`+model.AnnotationOperation+`":"old"},"finalizers":["x/y"]},"spec":{"n":1}}`, own),
			[]string{"x/y", model.HookFinalizer}, "yes",
		},
		"made before": {object(`{"metadata":{"name":"a","finalizers":["`+model.HookFinalizer+`"]},"spec":{"n":1}}`, nil), []string{model.HookFinalizer}, ""},
	} {
		before := string(c.object.JSON)
		got, err := Hook(c.object, "1.0/PreSync")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var made struct {
			Metadata struct {
				Annotations map[string]string
				Finalizers  []string
			}
			Spec map[string]int
		}
		if err := json.Unmarshal(got.JSON, &made); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(made.Metadata.Finalizers, c.finalizers) || made.Spec["n"] != 1 {
			t.Errorf("%s: %s", name, got.JSON)
		}
		if a := made.Metadata.Annotations; a[model.AnnotationOperation] != "1.0/PreSync" || a["own"] != c.left {
			t.Errorf("%s: annotations %v", name, a)
		}
		if diff := cmp.Diff(made.Metadata.Annotations, got.Annotations); diff != "" {
			t.Errorf("%s: the object's annotations (-json +object):\n%s", name, diff)
		}
		if got.Digest != model.DigestOf(got.JSON) || string(c.object.JSON) != before {
			t.Errorf("%s: the digest is not that of the text, or the text of another was changed", name)
		}
	}
	if own[model.AnnotationOperation] != "old" {
		t.Error("the annotations of another object were changed")
	}
	if _, err := Hook(object(`{"metadata":{"finalizers":"x"}}`, nil), "1"); !errors.Is(err, model.ErrInvalid) {
		t.Errorf("finalizers that are no list: %v", err)
	}
}

func TestImages(t *testing.T) {
	pod := `{"initContainers":[{"image":"init"}],"containers":[{"image":"main"},{"image":"main"},{"name":"none"}]}`
	for text, want := range map[string][]string{
		`{"kind":"Pod","spec":` + pod + `}`:                                                    {"init", "main"},
		`{"kind":"Deployment","spec":{"template":{"spec":` + pod + `}}}`:                       {"init", "main"},
		`{"kind":"CronJob","spec":{"jobTemplate":{"spec":{"template":{"spec":` + pod + `}}}}}`: {"init", "main"},
		`{"kind":"PodTemplate","template":{"spec":` + pod + `}}`:                               {"init", "main"},
		`{"kind":"ConfigMap","data":{"image":"x"}}`:                                            nil,
		`{"kind":"Odd","spec":{"template":"text"}}`:                                            nil,
		`{"kind":"Odd","spec":{"containers":[{"image":{"name":"x"}}]}}`:                        nil,
		``: nil,
	} {
		if got := images([]byte(text)); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}
