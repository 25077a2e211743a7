package target

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

func appKey(name string) model.AppKey {
	dialect, name, ok := strings.Cut(name, ":")
	if !ok {
		dialect, name = "argo", dialect
	}
	return model.AppKey{Dialect: dialect, Namespace: "apps", Name: name}
}

func configMap(name string) model.ObjectKey {
	return model.ObjectKey{Kind: "ConfigMap", Namespace: "web", Name: name}
}

// world is a mirror whose notices are collected.
type world struct {
	*mirror
	told []string
}

func newWorld() *world {
	w := &world{}
	w.mirror = newMirror(func(app model.AppKey, key model.ObjectKey) {
		w.told = append(w.told, strings.TrimSpace(app.Name+" "+key.Name))
	})
	return w
}

// news are the notices since the last time, sorted.
func (w *world) news() []string {
	out := w.told
	w.told = nil
	slices.Sort(out)
	return out
}

// object is a record at a version, with the digest of its fields and its owners,
// which write with the manager that has the name of their dialect.
func object(name string, version int, fields byte, owners ...string) *Record {
	r := &Record{
		Ref: model.ObjectRef{ObjectKey: configMap(name), Version: "v1"}, UID: "u", ResourceVersion: strconv.Itoa(version),
	}
	for _, o := range owners {
		app := appKey(o)
		r.Owners, r.managers = append(r.Owners, app), append(r.managers, app.Dialect)
		r.owned = append(r.owned, Ownership{Manager: app.Dialect, Fields: model.Digest{fields}, Applies: true})
	}
	return r
}

func (w *world) expectNews(t *testing.T, when string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, w.news()); diff != "" {
		t.Errorf("%s: told (-want +got):\n%s", when, diff)
	}
}

// TestManyClaimants: that many apps declare one object is told to each a few times, not once
// for every other.
func TestManyClaimants(t *testing.T) {
	const n = 200
	w := newWorld()
	for i := range n {
		w.claim(appKey("app-"+strconv.Itoa(i)), []model.ObjectKey{configMap("a")}, nil)
	}
	if told := len(w.news()); told > 10 {
		t.Errorf("%d notices for %d apps", told, n)
	}
	if got := len(w.claimants(configMap("a"))); got != n {
		t.Errorf("%d claimants", got)
	}
	w.put(object("b", 5, 1, "late"), "")
	for i := range n {
		w.claim(appKey("b-"+strconv.Itoa(i)), []model.ObjectKey{configMap("b")}, nil)
	}
	w.news()
	w.claim(appKey("late"), []model.ObjectKey{configMap("b")}, nil)
	if told := len(w.news()); told != n {
		t.Errorf("that its owner declares it, too, was told to %d of %d", told, n)
	}
	w.claim(appKey("late"), nil, nil)
	if told := len(w.news()); told != n {
		t.Errorf("that its owner gives it up was told to %d of %d", told, n)
	}
}

func TestPut(t *testing.T) {
	w := newWorld()
	w.put(object("a", 5, 1, "one"), "")
	w.expectNews(t, "an object appears", "one a")
	w.put(object("a", 6, 1, "one"), "")
	w.expectNews(t, "nothing that matters changes")
	w.put(object("a", 7, 2, "one"), "")
	w.expectNews(t, "its ownership changes", "one a")
	w.put(object("a", 6, 1, "one"), "")
	w.expectNews(t, "an older state comes late")
	if got := w.record(configMap("a")); got.ResourceVersion != "7" {
		t.Errorf("the record is of version %s", got.ResourceVersion)
	}
	w.put(object("a", 8, 2, "two"), "")
	w.expectNews(t, "its owner changes", "one a", "two a")
	if owned := w.ownedBy(appKey("one"), "argo"); len(owned) != 0 {
		t.Errorf("the former owner still has %v", owned)
	}
	w.put(object("a", 9, 2), "")
	w.expectNews(t, "its mark is taken away", "two a")
	if w.record(configMap("a")) != nil {
		t.Error("nobody's object keeps its record")
	}
	w.put(object("stranger", 10, 2), "")
	w.expectNews(t, "nobody's object appears")
	if len(w.records) != 0 {
		t.Errorf("records %v", w.records)
	}
}

// TestPutAnswer: the answer to a write concerns everybody but the app that wrote.
func TestPutAnswer(t *testing.T) {
	w := newWorld()
	w.put(object("a", 5, 1, "one"), "")
	w.claim(appKey("two"), []model.ObjectKey{configMap("a")}, nil)
	w.news()
	w.put(object("a", 6, 2, "two"), "argo")
	w.expectNews(t, "two takes it over", "one a")
	w.put(object("a", 6, 2, "two"), "")
	w.expectNews(t, "the watch brings the same")

	w.put(object("b", 5, 1, "one", "flux:three"), "")
	w.news()
	w.put(object("b", 6, 2, "one", "flux:three"), "flux")
	w.expectNews(t, "the owner of the other dialect writes", "one b")
}

// TestAnswerAfterEnd: an answer that comes after the watch told that the object
// is gone doesn't bring it back; one that is newer does.
func TestAnswerAfterEnd(t *testing.T) {
	w := newWorld()
	done := w.expect(configMap("a"))
	w.put(object("a", 5, 1, "one"), "")
	w.drop(configMap("a"), "6")
	w.put(object("a", 5, 1, "one"), "argo")
	if w.record(configMap("a")) != nil {
		t.Error("an object that is gone has a record")
	}
	w.put(object("a", 7, 1, "one"), "argo")
	if w.record(configMap("a")) == nil {
		t.Error("an object that was created anew has no record")
	}
	done()
	if len(w.asking) != 0 {
		t.Errorf("%d answers are still expected", len(w.asking))
	}
}

func TestDrop(t *testing.T) {
	w := newWorld()
	w.put(object("a", 5, 1, "one"), "")
	w.claim(appKey("two"), nil, []model.ObjectKey{configMap("a")})
	w.news()
	w.drop(configMap("a"), "4")
	w.expectNews(t, "an end that is older than the record")
	w.drop(configMap("a"), "6")
	w.expectNews(t, "the end", "one a", "two a")
	w.drop(configMap("a"), "7")
	w.expectNews(t, "the end again")
	if len(w.records)+len(w.owned) != 0 {
		t.Errorf("left: %v %v", w.records, w.owned)
	}
}

func TestDeleting(t *testing.T) {
	w := newWorld()
	w.put(object("a", 5, 1, "one"), "")
	w.deleting(configMap("a"), "other")
	if live, _ := w.live(configMap("a"), appKey("one"), "argo"); live.Terminating {
		t.Error("the deletion of another object of that name counts")
	}
	w.deleting(configMap("a"), "u")
	if live, _ := w.live(configMap("a"), appKey("one"), "argo"); !live.Terminating {
		t.Error("an accepted deletion is not noted")
	}
}

func TestClaims(t *testing.T) {
	w := newWorld()
	a, b := configMap("a"), configMap("b")
	w.claim(appKey("one"), []model.ObjectKey{a}, []model.ObjectKey{b})
	w.expectNews(t, "the first claims")
	w.claim(appKey("two"), []model.ObjectKey{a}, nil)
	w.expectNews(t, "a second declares the same", "one a")
	w.claim(appKey("two"), []model.ObjectKey{a}, nil)
	w.expectNews(t, "the same again")
	if diff := cmp.Diff([]model.AppKey{appKey("one"), appKey("two")}, w.claimants(a)); diff != "" {
		t.Errorf("claimants (-want +got):\n%s", diff)
	}
	if got := w.claimants(b); got != nil {
		t.Errorf("who only wants to hear of an object is among the claimants: %v", got)
	}
	w.claim(appKey("one"), nil, []model.ObjectKey{a})
	w.expectNews(t, "the first declares it no longer, but wants to hear of it", "two a")
	w.put(object("a", 1, 1), "")
	w.expectNews(t, "both hear of an object without a mark", "one a", "two a")
	w.claim(appKey("two"), nil, nil)
	w.expectNews(t, "the second is forgotten", "one a")
	w.claim(appKey("one"), nil, nil)
	w.expectNews(t, "and the first")
	if len(w.claims)+len(w.claimed) != 0 {
		t.Errorf("left: %v %v", w.claims, w.claimed)
	}
}

// TestClaimFresh: what is waited for and was dropped on arrival has to be read.
func TestClaimFresh(t *testing.T) {
	w := newWorld()
	known, lacking, declared := configMap("known"), configMap("lacking"), configMap("declared")
	w.put(object("known", 1, 1, "other"), "")
	ns := namespaceKey("web")
	fresh := w.claim(appKey("one"), []model.ObjectKey{declared}, []model.ObjectKey{known, lacking, ns})
	if diff := cmp.Diff([]model.ObjectKey{lacking}, fresh); diff != "" {
		t.Errorf("to be read (-want +got):\n%s", diff)
	}
	if !w.unclear(lacking) || w.unclear(known) {
		t.Error("unclear is what is claimed and has no record")
	}
	if again := w.claim(appKey("two"), nil, []model.ObjectKey{lacking}); again != nil {
		t.Errorf("read again: %v", again)
	}
}

func namespaceKey(name string) model.ObjectKey { return model.ObjectKey{Kind: "Namespace", Name: name} }

// TestOwner: of several owners the first that declares the object counts, else
// the app that asks, else the first.
func TestOwner(t *testing.T) {
	for name, c := range map[string]struct {
		claims []string
		asks   string
		want   string
	}{
		"nobody declares it":   {asks: "stranger", want: "one"},
		"the app itself":       {asks: "flux:two", want: "flux:two"},
		"the one that does":    {claims: []string{"flux:two"}, asks: "one", want: "flux:two"},
		"both: the first does": {claims: []string{"flux:two", "one"}, asks: "flux:two", want: "one"},
	} {
		w := newWorld()
		w.put(object("a", 1, 1, "one", "flux:two"), "")
		for _, app := range c.claims {
			w.claim(appKey(app), []model.ObjectKey{configMap("a")}, nil)
		}
		live, ok := w.live(configMap("a"), appKey(c.asks), "argo")
		if !ok || live.Owner != appKey(c.want) {
			t.Errorf("%s: %v", name, live.Owner)
		}
	}
}

// TestReplace: a list replaces what is known of its kind, no other kind, and
// counts whatever its version if the versions went back.
func TestReplace(t *testing.T) {
	w := newWorld()
	target := &Target{mirror: w.mirror}
	kind := &kindWatch{gk: groupKind{"", "ConfigMap"}, target: target, waiting: map[model.AppKey]struct{}{}}
	list := func(records ...*Record) []any {
		var out []any
		for _, r := range records {
			out = append(out, &entry{rec: r})
		}
		return out
	}
	secret := object("s", 1, 1, "one")
	secret.Ref.Kind = "Secret"
	w.put(secret, "")
	if synced, _ := kind.state(appKey("waits")); synced {
		t.Error("synced before the first list")
	}
	w.news()
	if err := kind.Replace(list(object("a", 10, 1, "one"), object("b", 11, 1, "one")), "20"); err != nil {
		t.Fatal(err)
	}
	w.expectNews(t, "the first list", "one a", "one b", "waits")
	w.put(object("new", 30, 1, "one"), "argo")
	w.news()
	if err := kind.Replace(list(object("a", 12, 2, "one")), "25"); err != nil {
		t.Fatal(err)
	}
	w.expectNews(t, "the next list", "one a", "one b")
	if w.record(configMap("new")) == nil {
		t.Error("an object that is newer than the list was dropped")
	}
	if err := kind.Replace(list(object("a", 3, 2, "one"), object("b", 4, 1, "one")), "5"); err != nil {
		t.Fatal(err)
	}
	w.expectNews(t, "a list of a restored etcd", "one b", "one new")
	got := slices.SortedFunc(maps.Keys(w.records), model.ObjectKey.Compare)
	want := []model.ObjectKey{configMap("a"), configMap("b"), secret.Ref.ObjectKey}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}

// TestKindState: who waits for a list hears of its failure once, and of the list.
func TestKindState(t *testing.T) {
	w := newWorld()
	kind := &kindWatch{gk: groupKind{"", "ConfigMap"}, target: &Target{mirror: w.mirror}, waiting: map[model.AppKey]struct{}{}}
	_, _ = kind.state(appKey("one"))
	for range 3 {
		kind.failed(errString("forbidden"))
	}
	w.expectNews(t, "the list fails", "one")
	if synced, err := kind.state(appKey("one")); synced || err == nil {
		t.Errorf("state %v, %v", synced, err)
	}
	kind.markSynced()
	w.expectNews(t, "the list came", "one")
	kind.failed(errString("gone"))
	w.expectNews(t, "a watch ends")
	if synced, _ := kind.state(appKey("two")); !synced {
		t.Error("a watch that has to be renewed makes the list be forgotten")
	}
}

type errString string

func (e errString) Error() string { return string(e) }
