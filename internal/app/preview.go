package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/fixpoint-cd/fixpoint/internal/backend"
	"github.com/fixpoint-cd/fixpoint/internal/cli"
	"github.com/fixpoint-cd/fixpoint/internal/compare"
	"github.com/fixpoint-cd/fixpoint/internal/engine"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/remote"
	"github.com/fixpoint-cd/fixpoint/internal/source"
	"github.com/fixpoint-cd/fixpoint/internal/target"
	"github.com/fixpoint-cd/fixpoint/internal/textdiff"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// previews answer what a sync would change, inside a controller: they take the
// engine's own way, with the controller's sources and mirrors, and leave nothing
// behind.
type previews struct {
	store   *source.Store
	targets *targets
	engine  *engine.Engine
	paths   compare.Paths
	serial  atomic.Int64

	mu      sync.Mutex
	waiting map[chan struct{}]struct{}
}

// newPreviews makes what answers the UI's questions about syncs.
func (c *controller) newPreviews(dialects map[string]engine.Dialect) *previews {
	p := &previews{
		store: c.store, targets: c.targets, paths: c.scripts.Paths, waiting: map[chan struct{}]struct{}{},
	}
	hosts := *c.hosts
	hosts.uses = remote.NewUses(c.store, func(model.AppKey) { p.news() })
	p.engine = engine.New(engine.Config{
		Sources: c.store, Renderer: c.render, Host: hosts.of, Rendered: hosts.uses.End, Forgotten: hosts.uses.Forget,
		Target: p.target, Ledger: reading{c.ledger}, Paths: p.paths, Log: slog.New(slog.DiscardHandler), Dialects: dialects,
	})
	return p
}

// target is a cluster that is looked at only.
func (p *previews) target(name string) (engine.Target, error) {
	t, err := p.targets.connected(name)
	if err != nil {
		return nil, err
	}
	return looking{t}, nil
}

// looking is a target of which nothing is claimed.
type looking struct{ *target.Target }

func (looking) Claim(model.AppKey, []model.ObjectKey, []model.ObjectKey) {}

// reading is a ledger that nothing is written to.
type reading struct{ engine.Ledger }

func (reading) Save(model.AppKey, map[model.ObjectKey]model.Pair, []model.ObjectKey) error {
	return nil
}
func (reading) SaveKinds(model.AppKey, []model.ObjectRef) error { return nil }
func (reading) Forget(model.AppKey) error                       { return nil }

// news wakes every preview that waits for sources or lists.
func (p *previews) news() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for ch := range p.waiting {
		select {
		case ch <- struct{}{}:
		default:
		}
	}
}

// listen returns a channel that gets a value when there is news.
func (p *previews) listen() (news chan struct{}, stop func()) {
	news = make(chan struct{}, 1)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting[news] = struct{}{}
	return news, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.waiting, news)
	}
}

// diff is what a sync of an app would change. How many are made at a time is the guard's
// to say.
func (p *previews) diff(ctx context.Context, app model.App, q view.DiffQuery) (view.Diff, error) {
	news, stop := p.listen()
	defer stop()
	app.Last, app.Deleting = nil, false
	app, end, err := p.at(app, q.Revision)
	if err != nil {
		return view.Diff{}, err
	}
	defer end()
	found, err := p.engine.Inspect(ctx, app, news)
	if err != nil {
		return view.Diff{}, engine.Discreet(app, err)
	}
	cluster, err := p.targets.connected(app.Target)
	if err != nil {
		return view.Diff{}, err
	}
	l := looker{previewer: cluster, app: app, found: found, paths: p.paths}
	return l.diff(ctx, q)
}

// at is the app with its sources at another revision: all that have the repository of
// the first that is rendered, or each at its own, where there is one for each, joined by
// commas as in model.Revision. They are subscribed to until end is called.
func (p *previews) at(app model.App, revision string) (_ model.App, end func(), err error) {
	if revision == "" {
		return app, func() {}, nil
	}
	wanted := map[model.SourceKey]string{}
	if each := strings.Split(revision, ","); len(each) > 1 && len(each) == len(app.Sources) {
		for i, s := range app.Sources {
			wanted[s.Key] = each[i]
		}
	} else if first := slices.IndexFunc(app.Sources, func(s model.AppSource) bool { return !s.FilesOnly }); first >= 0 {
		wanted[app.Sources[first].Key] = revision
	} else {
		return app, nil, model.Invalidf("the app has no source that is rendered")
	}
	forks := map[model.SourceKey]model.SourceKey{}
	end = func() {
		for _, fork := range forks {
			p.store.Remove(fork)
		}
	}
	for key, rev := range wanted {
		if strings.HasPrefix(rev, "-") || rev == "" || len(rev) > 200 {
			end()
			return app, nil, model.Invalidf("%.40q is no revision: name a commit, a branch or a tag", rev)
		}
		fork := model.SourceKey("preview/" + strconv.FormatInt(p.serial.Add(1), 10))
		if err := p.store.Fork(fork, key, rev); err != nil {
			end()
			return app, nil, err
		}
		forks[key] = fork
	}
	app.Sources = slices.Clone(app.Sources)
	for i := range app.Sources {
		if fork, is := forks[app.Sources[i].Key]; is {
			app.Sources[i].Key = fork
		}
	}
	return app, end, nil
}

// looker looks at the steps of a plan.
type looker struct {
	previewer previewer
	app       model.App
	found     engine.Inspection
	paths     compare.Paths
}

// mostNoise is how many objects that a sync would leave alone are compared for what
// is ignored of them.
const mostNoise = 200

func (l looker) diff(ctx context.Context, q view.DiffQuery) (view.Diff, error) {
	out := view.Diff{}
	if s := l.found.Snapshot; s != nil {
		out.Revision, out.Commit = s.Revision, backend.Shown(s.Commit)
	}
	if l.found.Plan.Blocked != nil {
		out.Blocked = l.found.Plan.Blocked.Error()
	}
	for _, w := range l.found.Warnings {
		out.Warnings = append(out.Warnings, w.Message)
	}
	if q.Declared {
		var err error
		out.Declared, err = l.declared()
		return out, err
	}
	found := l.found
	found.Plan.Steps = nil
	var barred []view.ObjectDiff
	alike := 0
	for _, s := range l.found.Plan.Steps {
		if q.Object != nil && s.Object.ObjectKey != *q.Object {
			continue
		}
		switch why := l.found.Barred[s.Object.ObjectKey]; {
		case why == nil:
			found.Plan.Steps = append(found.Plan.Steps, s)
		case s.Action == model.ActionKeep:
			alike++
		default:
			barred = append(barred, view.ObjectDiff{Ref: s.Object, Action: model.ActionRefuse, Reason: why.Error()})
		}
	}
	changes, err := contents(ctx, l.previewer, found, l.app, l.paths)
	if err != nil {
		return out, err
	}
	for _, c := range changes {
		out.Objects = append(out.Objects, l.object(c))
	}
	out.Unchanged = found.Plan.Count(model.ActionKeep) + alike
	if q.Noise {
		err = l.addNoise(ctx, found, &out)
	}
	out.Objects = append(out.Objects, barred...)
	return out, err
}

// declared are the objects as they would be written, and hooks, but for those of which
// nothing may be shown.
func (l looker) declared() ([]map[string]any, error) {
	out, mask := []map[string]any{}, model.Mask{}
	add := func(key model.ObjectKey, o model.Object) error {
		var object map[string]any
		if l.found.Barred[key] != nil {
			return nil
		}
		if err := json.Unmarshal(o.JSON, &object); err != nil {
			return fmt.Errorf("reading %s: %w", key, err)
		}
		mask.Cover(object)
		out = append(out, object)
		return nil
	}
	for _, key := range slices.SortedFunc(maps.Keys(l.found.Desired), model.ObjectKey.Compare) {
		if err := add(key, l.found.Desired[key]); err != nil {
			return nil, err
		}
	}
	for _, hook := range l.found.Hooks {
		if err := add(hook.ObjectKey, hook); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// object is a change for people.
func (l looker) object(c cli.Change) view.ObjectDiff {
	d := view.ObjectDiff{Ref: c.Object, Action: c.Action, Reason: c.Reason, Before: c.Before, After: c.After}
	if c.Err != nil {
		d.Err = engine.Discreet(l.app, c.Err).Error()
	}
	for _, o := range c.Others {
		d.SetBy = append(d.SetBy, view.FieldOwner{
			Manager: o.Manager, Operation: o.Operation, Subresource: o.Subresource, Time: o.Time, Fields: o.Fields,
		})
	}
	d.Hunks, d.Added, d.Removed = textdiff.Hunks(c.Before, c.After, 3)
	return d
}

// addNoise shows what is ignored: of the objects that change all that an apply would
// change, and the objects that only differ in what is ignored.
func (l looker) addNoise(ctx context.Context, found engine.Inspection, out *view.Diff) error {
	shown := map[model.ObjectKey]int{}
	for i, d := range out.Objects {
		shown[d.Ref.ObjectKey] = i
	}
	left := mostNoise
	for _, s := range found.Plan.Steps {
		desired, declared := found.Desired[s.Object.ObjectKey]
		if !declared || s.Action == model.ActionCreate || left == 0 {
			continue
		}
		left--
		d, err := l.whole(ctx, s, desired)
		if err != nil {
			return err
		}
		if i, is := shown[s.Object.ObjectKey]; is {
			out.Objects[i].Before, out.Objects[i].After = d.Before, d.After
			out.Objects[i].Hunks, out.Objects[i].Added, out.Objects[i].Removed = d.Hunks, d.Added, d.Removed
		} else if len(d.Hunks) > 0 {
			d.Noise = true
			out.Objects = append(out.Objects, d)
			out.Unchanged--
		}
	}
	if left == 0 {
		out.Warnings = append(out.Warnings, fmt.Sprintf("what is ignored is shown of the first %d objects only", mostNoise))
	}
	return nil
}

// whole compares an object with what an apply would make of it, whatever is ignored.
func (l looker) whole(ctx context.Context, s model.Step, desired model.Object) (view.ObjectDiff, error) {
	d := view.ObjectDiff{Ref: s.Object, Action: s.Action, Reason: s.Reason}
	var err error
	if d.Before, err = l.previewer.Read(ctx, s.Object); err != nil && !errors.Is(err, model.ErrNotFound) {
		return d, err
	}
	after, err := l.previewer.Preview(ctx, desired, l.app.Manager)
	if err != nil {
		d.Err = engine.Discreet(l.app, err).Error()
		after = d.Before
	}
	d.After = after
	m := model.Mask{}
	for _, o := range []map[string]any{d.Before, d.After} {
		plain(o)
		m.Cover(o)
	}
	d.Hunks, d.Added, d.Removed = textdiff.Hunks(d.Before, d.After, 3)
	return d, nil
}

// plain takes off what no apply is about.
func plain(obj map[string]any) {
	meta, _ := obj["metadata"].(map[string]any)
	for _, field := range []string{"managedFields", "resourceVersion", "generation", "creationTimestamp", "uid"} {
		delete(meta, field)
	}
	delete(obj, "status")
}
