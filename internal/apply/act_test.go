package apply

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// recorder is a target that notes what it is asked to do.
type recorder struct {
	mu    sync.Mutex
	did   []string
	fails map[string][]error // by what is asked, the next errors
	on    func(what string)
}

func (r *recorder) do(what string) error {
	if r.on != nil {
		r.on(what)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.did = append(r.did, what)
	if errs := r.fails[what]; len(errs) > 0 {
		r.fails[what] = errs[1:]
		return errs[0]
	}
	return nil
}

func (r *recorder) Apply(_ context.Context, o model.Object, manager string, how model.Write) (model.Live, error) {
	what := "apply " + o.Name
	if how.DryRun {
		what = "dry-run " + o.Name
	}
	return model.Live{Ref: o.ObjectRef, UID: "new-" + o.Name}, r.do(what)
}

func (r *recorder) Delete(_ context.Context, ref model.ObjectRef, uid, policy string) error {
	return r.do("delete " + ref.Name + " " + uid + " " + policy)
}

func (*recorder) Parallel() int { return 4 }

func ref(name string) model.ObjectRef {
	return model.ObjectRef{ObjectKey: model.ObjectKey{Kind: "ConfigMap", Namespace: "web", Name: name}, Version: "v1"}
}

// steps reads "action name stage[ wave]", a step each.
func steps(lines ...string) model.Plan {
	var p model.Plan
	for _, l := range lines {
		f := strings.Fields(l)
		s := model.Step{Action: model.Action(f[0]), Object: ref(f[1]), Stage: int(f[2][0] - '0')}
		if len(f) > 3 {
			s.Wave = int(f[3][0] - '0')
		}
		p.Steps = append(p.Steps, s)
	}
	return p
}

// outcome is the results as text.
func outcome(changes model.ChangeSet) []string {
	var out []string
	for _, r := range changes.Results {
		text := string(r.Action) + " " + r.Object.Name
		if r.Err != nil {
			text += ": " + r.Err.Error()
		}
		out = append(out, text)
	}
	return out
}

func TestAct(t *testing.T) {
	bad := errors.New("refused")
	immutable := model.As(model.ErrImmutable, bad)
	for name, c := range map[string]struct {
		reason string
		plan   model.Plan
		opt    Options
		fails  map[string][]error
		did    []string // in this order, where each stage has one step
		want   []string
	}{
		"order": {
			reason: "stages are gone through in order, deletes last",
			plan:   steps("create a 0", "update b 1", "check c 3", "keep d 4", "delete y 3", "delete x 0"),
			opt:    Options{Prune: true},
			did:    []string{"apply a", "apply b", "apply c", "delete y uid-y Background", "delete x uid-x Background"},
			want:   []string{"create a", "update b", "check c", "keep d", "delete y", "delete x"},
		},
		"failure": {
			reason: "the other objects of the wave are written, and nothing is deleted",
			plan:   steps("create a 0", "create b 1", "delete x 0"),
			opt:    Options{Prune: true},
			fails:  map[string][]error{"apply a": {bad}},
			did:    []string{"apply a", "apply b"},
			want:   []string{"create a: refused", "create b", "leave x"},
		},
		"wave": {
			reason: "a later wave is not begun after a failure, and what is as declared there stays so",
			plan:   steps("create a 1 0", "create b 2 0", "create c 7 1", "keep d 8 1"),
			fails:  map[string][]error{"apply a": {bad}},
			did:    []string{"apply a", "apply b"},
			want:   []string{"create a: refused", "create b", "leave c", "keep d"},
		},
		"waiting wave": {
			reason: "a later wave waits for an object of an earlier one",
			plan:   steps("wait a 1 0", "create b 7 1", "delete x 0"),
			opt:    Options{Prune: true},
			want:   []string{"wait a", "leave b", "leave x"},
		},
		"refused": {
			reason: "a refusal of the plan is the object's error",
			plan:   steps("refuse a 1", "create b 1", "delete x 0"),
			opt:    Options{Prune: true},
			did:    []string{"apply b"},
			want:   []string{"refuse a: ", "create b", "leave x"},
		},
		"delete fails": {
			reason: "what has to be deleted later stays",
			plan:   steps("delete y 3", "delete x 0"),
			opt:    Options{Prune: true},
			fails:  map[string][]error{"delete y uid-y Background": {bad}},
			did:    []string{"delete y uid-y Background"},
			want:   []string{"delete y: refused", "leave x"},
		},
		"no prune": {
			reason: "deletes have to be asked for",
			plan:   steps("delete x 0"),
			want:   []string{"leave x"},
		},
		"policy": {
			reason: "the propagation policy is the app's",
			plan:   steps("delete x 0"),
			opt:    Options{Prune: true, Deletion: "Foreground"},
			did:    []string{"delete x uid-x Foreground"},
			want:   []string{"delete x"},
		},
		"dry run": {
			reason: "nothing is written, deleted or created anew",
			plan:   steps("update a 0", "delete x 0"),
			opt:    Options{Prune: true, DryRun: true, Recreate: true},
			fails:  map[string][]error{"dry-run a": {immutable}},
			did:    []string{"dry-run a"},
			want:   []string{"update a: refused", "leave x"},
		},
		"recreate": {
			reason: "an immutable field makes the object be deleted and created",
			plan:   steps("update a 0"),
			opt:    Options{Recreate: true},
			fails:  map[string][]error{"apply a": {immutable}},
			did:    []string{"apply a", "delete a uid-a Background", "apply a"},
			want:   []string{"update a"},
		},
		"no recreate": {
			reason: "only where the app permits it",
			plan:   steps("update a 0"),
			fails:  map[string][]error{"apply a": {immutable}},
			did:    []string{"apply a"},
			want:   []string{"update a: refused"},
		},
		"recreate fails": {
			reason: "an object that can't be deleted is not applied again",
			plan:   steps("update a 0"),
			opt:    Options{Recreate: true},
			fails:  map[string][]error{"apply a": {immutable}, "delete a uid-a Background": {bad}},
			did:    []string{"apply a", "delete a uid-a Background"},
			want:   []string{"update a: deleting it to create it anew: refused"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := &recorder{fails: c.fails}
			c.opt.Objects, c.opt.UIDs = objects(c.plan)
			got := Act(t.Context(), w, c.plan, c.opt)
			if diff := cmp.Diff(c.did, w.did); diff != "" {
				t.Errorf("%s: requests (-want +got):\n%s", c.reason, diff)
			}
			if diff := cmp.Diff(c.want, outcome(got)); diff != "" {
				t.Errorf("%s: results (-want +got):\n%s", c.reason, diff)
			}
		})
	}
}

// objects are what a plan's steps name, those that it deletes not being declared.
func objects(p model.Plan) (map[model.ObjectKey]model.Object, map[model.ObjectKey]string) {
	out, uids := map[model.ObjectKey]model.Object{}, map[model.ObjectKey]string{}
	for _, s := range p.Steps {
		uids[s.Object.ObjectKey] = "uid-" + s.Object.Name
		if s.Action != model.ActionDelete {
			out[s.Object.ObjectKey] = model.Object{ObjectRef: s.Object}
		}
	}
	return out, uids
}

// TestActCancelled: what has not begun when the act is cut off is not done, and
// nothing is deleted.
func TestActCancelled(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	newer := errors.New("superseded")
	w := &recorder{on: func(string) { cancel(newer) }}
	plan := steps("create a 0", "create b 1", "delete x 0")
	opt := Options{Prune: true}
	opt.Objects, opt.UIDs = objects(plan)
	got := Act(ctx, w, plan, opt)
	if diff := cmp.Diff([]string{"apply a"}, w.did); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"create a", "leave b", "leave x"}, outcome(got)); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
}

// TestActWrote: every step that was begun is told, with what it made.
func TestActWrote(t *testing.T) {
	plan := steps("create a 0", "create b 0", "delete x 0")
	var mu sync.Mutex
	told := map[string]string{}
	opt := Options{Prune: true, Wrote: func(r model.Result) {
		mu.Lock()
		defer mu.Unlock()
		told[r.Object.Name] = r.Live.UID
	}}
	opt.Objects, opt.UIDs = objects(plan)
	Act(t.Context(), &recorder{}, plan, opt)
	if diff := cmp.Diff(map[string]string{"a": "new-a", "b": "new-b", "x": ""}, told); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

// TestActPanic: a panic of one write is that object's error.
func TestActPanic(t *testing.T) {
	plan := steps("create a 0", "create b 0")
	opt := Options{}
	opt.Objects, opt.UIDs = objects(plan)
	w := &recorder{on: func(what string) {
		if what == "apply a" {
			panic("boom")
		}
	}}
	got := Act(t.Context(), w, plan, opt).Results
	if got[0].Err == nil || !strings.Contains(got[0].Err.Error(), "boom") || got[1].Err != nil {
		t.Errorf("results: %v, %v", got[0].Err, got[1].Err)
	}
}
