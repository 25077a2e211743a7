package flux

import (
	"context"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metadatafake "k8s.io/client-go/metadata/fake"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
)

// woken counts the times that objects are woken.
type woken struct {
	mu    sync.Mutex
	times map[object]int
}

func (w *woken) wake(o object) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.times[o]++
}

func (w *woken) of(o object) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.times[o]
}

// until polls for something that has to come true.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

func TestReferencesAreWatched(t *testing.T) {
	scheme := metadatafake.NewTestScheme()
	if err := metav1.AddMetaToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	secret := func(name, version string) *metav1.PartialObjectMetadata {
		return &metav1.PartialObjectMetadata{
			TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
			ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: name, ResourceVersion: version},
		}
	}
	meta := metadatafake.NewSimpleMetadataClient(scheme, secret("a", "1"), secret("unread", "1"))
	w := &woken{times: map[object]int{}}
	refs := newReferences(w.wake)
	ctx, stop := context.WithCancel(t.Context())
	var done sync.WaitGroup
	done.Go(func() { refs.run(ctx, meta) })
	defer done.Wait()
	defer stop()

	live := fake.NewClientBuilder().WithObjects(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "a", ResourceVersion: "1"}}).Build()
	a := user{named("GitRepository", "fleet"), partSource}
	read := func() {
		if _, err := refs.get(t.Context(), live, a, []Ref{{kindSecret, "ns", "a"}, {kindSecret, "ns", "missing"}}); err != nil {
			t.Fatal(err)
		}
	}
	read()
	update := func(name, version string) {
		t.Helper()
		until(t, "the watch begins", func() bool { return watches(meta) })
		if err := meta.Tracker().Update(watched[kindSecret], secret(name, version), "ns"); err != nil {
			t.Fatal(err)
		}
	}
	update("unread", "2")
	update("a", "2")
	until(t, "a change wakes", func() bool { return w.of(a.object) > 0 && refs.stale(a) })
	if refs.stale(user{named("GitRepository", "fleet"), partValues}) {
		t.Error("another part of the object is stale too")
	}
	refs.drop(a)
	if refs.stale(a) {
		t.Error("stale after it was dropped")
	}
	before := w.of(a.object)
	update("a", "3")
	if w.of(a.object) != before {
		t.Error("woken after it was dropped")
	}
}

func watches(meta *metadatafake.FakeMetadataClient) bool {
	for _, action := range meta.Actions() {
		if action.GetVerb() == "watch" {
			return true
		}
	}
	return false
}

// A change that comes while the references are read must not be lost.
func TestChangeWhileReading(t *testing.T) {
	w := &woken{times: map[object]int{}}
	refs := newReferences(w.wake)
	u, ref := user{named("GitRepository", "fleet"), partSource}, Ref{kindSecret, "ns", "a"}
	live := fake.NewClientBuilder().WithObjects(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "a", ResourceVersion: "7"}}).Build()
	for name, tc := range map[string]struct {
		during string
		stale  bool
	}{
		"nothing came":      {"", false},
		"what was read":     {"7", false},
		"something else":    {"8", true},
		"an older one, too": {"6", true},
	} {
		t.Run(name, func(t *testing.T) {
			slow := during{live, func() {
				if tc.during != "" {
					refs.seen(ref, tc.during)
				}
			}}
			if _, err := refs.get(t.Context(), slow, u, []Ref{ref}); err != nil {
				t.Fatal(err)
			}
			if got := refs.stale(u); got != tc.stale {
				t.Errorf("stale = %v, want %v", got, tc.stale)
			}
		})
	}
	if _, err := refs.get(t.Context(), live, u, []Ref{ref}); err != nil {
		t.Fatal(err)
	}
	refs.replaced(kindConfigMap, map[Ref]string{})
	if refs.stale(u) {
		t.Error("a list of another kind makes it stale")
	}
	refs.replaced(kindSecret, map[Ref]string{ref: "7"})
	if refs.stale(u) {
		t.Error("a list that holds what was read makes it stale")
	}
	refs.replaced(kindSecret, map[Ref]string{})
	if !refs.stale(u) {
		t.Error("it is gone from the list, and nothing is read anew")
	}
}

// during does something after each read.
type during struct {
	client.Reader
	do func()
}

func (d during) Get(ctx context.Context, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
	defer d.do()
	return d.Reader.Get(ctx, key, obj, opts...)
}
