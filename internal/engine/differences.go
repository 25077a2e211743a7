package engine

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/fixpoint-cd/fixpoint/internal/compare"
	"github.com/fixpoint-cd/fixpoint/internal/decide"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/sequence"
)

// rules are those by which an object is compared.
func (r *run) rules(key model.ObjectKey) compare.Rules { return compare.For(r.app.Compare, key) }

// basis is what an object is compared by, see model.Pair.
func (r *run) basis(key model.ObjectKey) uint64 {
	rules := r.rules(key).Digest()
	labels, annotations := r.e.cfg.Dialects[r.app.Key.Dialect].Stamp(r.app.Key, key)
	marks, err := json.Marshal([]map[string]string{labels, annotations})
	if err != nil {
		panic(err) // they are texts
	}
	sum := model.DigestOf(rules[:], marks)
	return binary.BigEndian.Uint64(sum[:])
}

// differ compares an object by them.
func (r *run) differ(obj model.Object) compare.Differ {
	return compare.Differ{Rules: r.rules(obj.ObjectKey), Paths: r.e.cfg.Paths, Manager: r.app.Manager, Former: r.app.Sync.Migrate, Desired: obj.JSON}
}

// same asks the API server whether an object is as desired in all that counts.
func (r *run) same(ctx context.Context, obj model.Object, live model.Live) (model.Judgement, error) {
	differ := r.differ(obj)
	if live.Owner == r.app.Key && len(r.app.Compare.Marks) > 0 {
		// Whichever mark it bears says that it is the app's.
		rules := r.app.Compare
		rules.Ignore = append(slices.Clone(rules.Ignore), model.IgnoredFields{Group: "*", Kind: "*", Pointers: rules.Marks})
		differ.Rules = compare.For(rules, obj.ObjectKey)
	}
	traits := r.traits(obj)
	how := model.Write{
		Replace: traits.Replace == model.Yes, NoValidate: traits.Validate == model.No, Strict: traits.Validate == model.Yes,
		Migrate: r.app.Sync.Migrate,
	}
	judge := &watched{judging: differ}
	answer, err := r.target.Compare(ctx, obj, r.app.Manager, how, judge)
	if judge.err != nil {
		err = &ruleError{judge.err}
	}
	return answer, err
}

// watched is a judge whose own error can be told from that of the API server.
type watched struct {
	judging
	err error
}

type judging = model.Judge

func (w *watched) Judge(ctx context.Context, live, after map[string]any) (model.Judgement, error) {
	answer, err := w.judging.Judge(ctx, live, after)
	w.err = err
	return answer, err
}

// ruleError says that the rules of a comparison can't be applied.
type ruleError struct{ err error }

func (e *ruleError) Error() string {
	return "what counts of its differences can't be told: " + e.err.Error()
}
func (e *ruleError) Unwrap() error { return e.err }

// planOf decides. Objects of which nobody knows whether they differ are refused: to
// write them could undo what is to be left alone.
func (r *run) planOf(in decide.Input) model.Plan {
	plan := decide.Plan(in)
	for i, s := range plan.Steps {
		if why := r.unjudged[s.Object.ObjectKey]; why != "" && (s.Action == model.ActionCheck || s.Action == model.ActionUpdate) {
			plan.Steps[i].Action, plan.Steps[i].Reason = model.ActionRefuse, why
		}
	}
	return plan
}

// overwrites reports whether a task writes to an object that exists.
func overwrites(t sequence.Task) bool {
	return t.Action == model.ActionUpdate || t.Action == model.ActionCheck
}

// respected are the desired objects of some tasks, those with fields that are to be
// left as they are with what is live in them.
func (r *run) respected(ctx context.Context, tasks []sequence.Task) (map[model.ObjectKey]model.Object, error) {
	objects := maps.Clone(r.desired.byKey)
	for _, t := range tasks {
		obj, declared := objects[t.Object.ObjectKey]
		if t.Hook || !declared || !overwrites(t) || !r.rules(t.Object.ObjectKey).Respects() {
			continue
		}
		live, err := r.target.Read(ctx, t.Object)
		if err != nil {
			return nil, fmt.Errorf("reading %s, to respect what is ignored of it: %w", t.Object.ObjectKey, err)
		}
		differ := r.differ(obj)
		respected := differ.Respect
		if t.Traits.Replace == model.Yes {
			respected = differ.RespectReplacing
		}
		body, err := respected(ctx, obj.JSON, live)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.Object.ObjectKey, err)
		}
		obj.JSON = body
		objects[t.Object.ObjectKey] = obj
	}
	return objects, nil
}
