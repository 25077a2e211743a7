package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/fixpoint-cd/fixpoint/internal/decide"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// observe sees to it that the target mirrors everything the app has to do with.
func (r *run) observe(context.Context) error {
	var declared, interested []model.ObjectKey
	namespaces := map[string]bool{}
	for _, d := range r.desired.objects {
		if d.Implicit {
			interested = append(interested, d.ObjectKey)
			continue
		}
		declared = append(declared, d.ObjectKey)
		if d.Namespace != "" && !namespaces[d.Namespace] {
			namespaces[d.Namespace] = true
			interested = append(interested, model.ObjectKey{Kind: "Namespace", Name: d.Namespace})
		}
	}
	for _, ref := range r.app.Health.Only {
		interested = append(interested, ref.ObjectKey)
	}
	for _, h := range r.desired.hooks {
		if h.Namespace != "" && !namespaces[h.Namespace] {
			namespaces[h.Namespace] = true
			interested = append(interested, model.ObjectKey{Kind: "Namespace", Name: h.Namespace})
		}
	}
	interested = append(interested, r.desired.hookKeys()...)
	r.target.Claim(r.app.Key, declared, interested)
	r.s.setUnmet(r.desired.unknown)
	return r.ensure()
}

// ensure waits until every kind that matters has been listed.
func (r *run) ensure() error {
	refs := r.kinds()
	listed, err := r.target.Ensure(r.app.Key, refs)
	if err != nil {
		return err
	}
	if !listed {
		return errPending
	}
	return nil
}

// kinds are those of the desired objects and of all that the app ever wrote,
// each once, without names.
func (r *run) kinds() []model.ObjectRef {
	refs := []model.ObjectRef{
		{ObjectKey: model.ObjectKey{Kind: "Namespace"}, Version: "v1"},
		{ObjectKey: model.ObjectKey{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}, Version: "v1"},
	}
	add := func(ref model.ObjectRef) {
		ref.Namespace, ref.Name = "", ""
		refs = append(refs, ref)
	}
	if r.desired != nil {
		for _, d := range r.desired.objects {
			add(d.ObjectRef)
		}
		for _, h := range r.desired.hooks {
			add(h.ObjectRef)
		}
	}
	for _, list := range [][]model.ObjectRef{r.app.Known, r.app.Health.Only, r.s.kinds} {
		for _, ref := range list {
			add(ref)
		}
	}
	return uniqueKinds(refs)
}

func uniqueKinds(refs []model.ObjectRef) []model.ObjectRef {
	slices.SortStableFunc(refs, func(a, b model.ObjectRef) int {
		return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Kind, b.Kind))
	})
	return slices.CompactFunc(refs, func(a, b model.ObjectRef) bool { return a.Group == b.Group && a.Kind == b.Kind })
}

// decide compares, and asks the API server where the record can't tell.
func (r *run) decide(ctx context.Context) error {
	if r.s.takeHard() {
		r.s.pairs = map[model.ObjectKey]model.Pair{}
	}
	r.forgetUndeclared()
	r.compare()
	return r.settle(ctx)
}

// forgetUndeclared drops the pairs of objects that are not declared any more.
func (r *run) forgetUndeclared() {
	if len(r.s.pairs) <= len(r.desired.byKey) {
		return
	}
	var gone []model.ObjectKey
	for k := range r.s.pairs {
		if _, declared := r.desired.byKey[k]; !declared {
			gone = append(gone, k)
		}
	}
	r.remember(nil, gone)
}

// compare makes the plan from what is known now.
func (r *run) compare() {
	in := decide.Input{
		App: r.app.Key, Rules: r.app.Sync, Deleting: r.app.Deleting, Pairs: r.s.pairs,
		Owned:  r.owned(),
		Claims: map[model.ObjectKey][]model.AppKey{},
	}
	in.Live = make(map[model.ObjectKey]model.Live, len(in.Owned)+1)
	if r.desired != nil {
		in.Desired = r.desired.objects
		in.Rules.Prune = in.Rules.Prune && !r.desired.partial
	}
	look := func(k model.ObjectKey) {
		if _, seen := in.Live[k]; seen {
			return
		}
		if live, ok := r.target.Live(k, r.app.Key, r.app.Manager); ok {
			in.Live[k] = live
		}
	}
	for _, d := range in.Desired {
		look(d.ObjectKey)
		if d.Namespace != "" {
			r.lookForNamespace(&in, d.Namespace, look)
		}
		r.addClaims(in, d.ObjectKey)
	}
	if r.desired != nil {
		for _, h := range r.desired.hooks {
			if h.Namespace != "" {
				r.lookForNamespace(&in, h.Namespace, look)
			}
		}
	}
	for _, l := range in.Owned {
		r.addClaims(in, l.Ref.ObjectKey)
	}
	r.input = in
	r.plan = r.planOf(in)
}

// lookForNamespace notes whether a namespace is there to be written to. All
// namespaces have records, so that one without does not exist.
func (r *run) lookForNamespace(in *decide.Input, name string, look func(model.ObjectKey)) {
	key := model.ObjectKey{Kind: "Namespace", Name: name}
	look(key)
	if _, exists := in.Live[key]; exists {
		return
	}
	if _, declared := r.desired.byKey[key]; declared {
		return
	}
	if in.NoNamespace == nil {
		in.NoNamespace = map[string]bool{}
	}
	in.NoNamespace[name] = true
}

func (r *run) addClaims(in decide.Input, key model.ObjectKey) {
	if apps := r.target.Claimants(key); len(apps) > 1 || (len(apps) == 1 && apps[0] != r.app.Key) {
		in.Claims[key] = apps
	}
}

// settle settles the plan's open questions by dry runs, and remembers the
// answers, so that none is asked twice.
func (r *run) settle(ctx context.Context) error {
	var open []model.Step
	for _, s := range r.plan.Steps {
		if s.Action == model.ActionCheck {
			open = append(open, s)
		}
	}
	if len(open) == 0 {
		return nil
	}
	answers, errs := make([]model.Pair, len(open)), make([]error, len(open))
	var g errgroup.Group
	g.SetLimit(max(1, r.target.Parallel()))
	for i, s := range open {
		g.Go(func() error {
			answers[i], errs[i] = r.ask(ctx, s.Object.ObjectKey)
			return nil
		})
	}
	_ = g.Wait() // the errors are in errs
	learnt := map[model.ObjectKey]model.Pair{}
	var failed error
	r.unjudged = map[model.ObjectKey]string{}
	for i, s := range open {
		var rule *ruleError
		switch {
		case errors.As(errs[i], &rule) && !errors.Is(errs[i], model.ErrTransient):
			r.unjudged[s.Object.ObjectKey] = rule.Error()
		case errs[i] == nil && answers[i].UID != "":
			learnt[s.Object.ObjectKey] = answers[i]
		case failed == nil && errors.Is(errs[i], model.ErrTransient):
			failed = errs[i]
		}
		// Where it is another error, writing will tell what is wrong.
	}
	r.remember(learnt, nil)
	r.compare()
	return failed
}

// ask asks the API server whether the object is as desired. The pair is of the
// state before the question: what changes meanwhile is seen as drift. It has
// no UID if the object is gone. A panic is the object's own error.
func (r *run) ask(ctx context.Context, key model.ObjectKey) (pair model.Pair, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("internal error while comparing %s: %v", key, p)
		}
	}()
	live, ok := r.target.Live(key, r.app.Key, r.app.Manager)
	if !ok {
		return model.Pair{}, nil
	}
	obj := r.desired.byKey[key]
	answer, err := r.same(ctx, obj, live)
	return model.Pair{
		Desired: obj.Digest, Basis: r.desired.basis[key], Fields: live.Fields, Time: live.Time, UID: live.UID,
		ResourceVersion: live.ResourceVersion, Partial: answer.Same && !answer.Owned, Writes: live.Writes, Differs: !answer.Same,
	}, err
}

// owned are the live objects that are the app's state: no hooks, nothing that the
// source declares and wants left alone, and nothing of kinds that are not managed.
func (r *run) owned() []model.Live {
	excluded := r.e.cfg.Dialects[r.app.Key.Dialect].rules(r.app).Excluded
	all := r.target.Owned(r.app.Key, r.app.Manager)
	r.liveHooks = hooksAmong(all)
	return slices.DeleteFunc(all, func(l model.Live) bool {
		key := l.Ref.ObjectKey
		return (isHook(l) && !r.isLeft(l)) || (excluded != nil && excluded(key.Group, key.Kind) != "") ||
			(r.desired != nil && r.desired.alone[key])
	})
}

// isLeft reports whether a live object is left of a hook of a sync, and goes with its
// app.
func (r *run) isLeft(l model.Live) bool {
	return r.app.Deleting && !l.Held && !l.Traits.Skip && !isOfDeletion(l) &&
		(r.desired == nil || !slices.Contains(r.desired.hookKeys(), l.Ref.ObjectKey))
}

// isOfDeletion reports whether a live object was made as a hook of its app's deletion.
func isOfDeletion(l model.Live) bool {
	return strings.HasSuffix(l.Operation, "/"+string(model.PhasePreDelete)) || strings.HasSuffix(l.Operation, "/"+string(model.PhasePostDelete))
}

// isHook reports whether a live object is, or was made as, a hook, or asks never to
// be applied: it is none of the app's state.
func isHook(l model.Live) bool { return l.Traits.IsHook() || l.Traits.Skip || l.Operation != "" }

// remember keeps pairs in memory and in the ledger.
func (r *run) remember(put map[model.ObjectKey]model.Pair, gone []model.ObjectKey) {
	maps.Copy(r.s.pairs, put)
	for _, k := range gone {
		delete(r.s.pairs, k)
	}
	if err := r.e.cfg.Ledger.Save(r.app.Key, put, gone); err != nil {
		r.e.cfg.Log.Error("writing the ledger: a restart will compare anew", "app", r.app.Key, "err", err)
	}
}

// rememberKinds notes the kinds that are about to be written, before they are.
func (r *run) rememberKinds() error {
	kinds := r.kinds()
	if slices.Equal(kinds, r.s.kinds) {
		return nil
	}
	if err := r.e.cfg.Ledger.SaveKinds(r.app.Key, kinds); err != nil {
		return model.As(model.ErrTransient, fmt.Errorf("writing the ledger: %w", err))
	}
	r.s.kinds = kinds
	return nil
}
