package engine

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// staged is a world in which objects ask for waves and phases: its cluster holds
// hooks, its reporter records, and its history keeps.
type staged struct {
	*world
	hooks   *hookCluster
	history *kept
	status  *recorder
	feed    *feed
}

// feed are sources of which one may not be subscribed to.
type feed struct {
	*sources
	gone model.SourceKey
}

func (f *feed) States(keys []model.SourceKey) ([]model.SourceState, bool) {
	if f.gone != "" && slices.Contains(keys, f.gone) {
		return nil, false
	}
	return f.sources.States(keys)
}

// inStages runs a test in such a world.
func inStages(t *testing.T, test func(*staged)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, sources: newSources(), target: newCluster(), second: newCluster(), ledger: newMemory(), reports: &reports{}}
		w.target.kinds["Job"], w.second.kinds["Job"] = true, true
		s := &staged{world: w, hooks: &hookCluster{cluster: w.target}, history: &kept{}, status: &recorder{reports: w.reports}, feed: &feed{sources: w.sources}}
		s.start()
		test(s)
		s.stop()
	})
}

// start starts an engine, as after a restart: what is around it stays.
func (s *staged) start() {
	s.engine = New(Config{
		Sources: s.feed, Renderer: s.sources, Ledger: s.ledger, History: s.history, Log: slog.New(slog.DiscardHandler),
		Target: func(name string) (Target, error) {
			if name == "second" {
				return &hookCluster{cluster: s.second}, nil
			}
			return s.hooks, nil
		},
		Dialects: map[string]Dialect{"argo": {Reporter: s.status, Stamp: stamp, Traits: asked}},
	})
	s.status.engine = s.engine
	s.target.notify, s.second.notify = s.engine.Wake, s.engine.Wake
	ctx, cancel := context.WithCancel(s.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.engine.Run(ctx) }()
	s.world.stop = func() {
		cancel()
		if err := <-ended; err != nil {
			s.t.Error(err)
		}
	}
}

// asked are traits by annotations of the same names.
func asked(_, annotations map[string]string) model.Traits {
	var t model.Traits
	if wave, err := strconv.Atoi(annotations["wave"]); err == nil {
		t.Wave = int32(wave)
	}
	if phase := annotations["hook"]; phase != "" {
		t.Hooks = model.PhasesOf(model.SyncPhase(phase))
	}
	return t
}

// release makes the source hold a commit of objects: "name=value annotation=value…".
func (s *staged) release(id string, objects ...string) {
	s.sources.commit(id)
	s.sources.mu.Lock()
	for _, text := range objects {
		s.sources.objects[id] = append(s.sources.objects[id], asking(text))
	}
	s.sources.mu.Unlock()
	s.engine.SourceChanged("src")
	synctest.Wait()
}

func asking(text string) model.Object {
	fields := strings.Fields(text)
	o := manifest(fields[0])
	meta, annotations := map[string]any{"name": o.Name}, map[string]string{}
	for _, f := range fields[1:] {
		key, value, _ := strings.Cut(f, "=")
		annotations[key] = value
	}
	if o.Kind != "ConfigMap" {
		o.Group = "batch"
	}
	if annotations["generate"] != "" {
		o.Name = ""
		meta = map[string]any{"generateName": annotations["generate"]}
	}
	meta["annotations"] = annotations
	body, err := json.Marshal(map[string]any{"kind": o.Kind, "metadata": meta, "data": text})
	if err != nil {
		panic(err)
	}
	o.JSON, o.Digest, o.Annotations = body, model.DigestOf(body), annotations
	return o
}

// hookCluster is a cluster that knows hooks: they are held and run until they are
// told to end. Objects named "slow…" take their time to become healthy.
type hookCluster struct {
	*cluster
	// looked is called for every look at an object.
	looked func(model.ObjectKey)
	// unserved is the version of Jobs that is not served any more.
	unserved string
}

func (c *hookCluster) Namespaced(ref model.ObjectRef) (bool, error) {
	if c.unserved != "" && ref.Kind == "Job" && ref.Version == c.unserved {
		return false, model.As(model.ErrNotFound, errors.New("not served at that version"))
	}
	return c.cluster.Namespaced(ref)
}

func (c *hookCluster) Live(key model.ObjectKey, app model.AppKey, manager string) (model.Live, bool) {
	if c.looked != nil {
		c.looked(key)
	}
	return c.cluster.Live(key, app, manager)
}

func (c *hookCluster) Apply(ctx context.Context, o model.Object, manager string, how model.Write) (model.Live, error) {
	if how.DryRun {
		return model.Live{}, nil
	}
	live, err := c.cluster.Apply(ctx, o, manager, how)
	if err != nil {
		return live, err
	}
	var body struct{ Metadata struct{ Finalizers []string } }
	if err := json.Unmarshal(o.JSON, &body); err != nil {
		return live, err
	}
	live.Traits = asked(nil, o.Annotations)
	live.Operation = o.Annotations[model.AnnotationOperation]
	live.Held = slices.Contains(body.Metadata.Finalizers, model.HookFinalizer)
	if live.Traits.IsHook() || strings.HasPrefix(o.Name, "slow") {
		live.Health, live.Busy = model.Health{Status: model.Progressing}, true
	}
	if strings.HasPrefix(o.Name, "bad") {
		live.Health = model.Health{Status: model.Degraded}
	}
	c.mu.Lock()
	now := live
	c.live[o.ObjectKey] = &now
	c.mu.Unlock()
	return live, nil
}

func (c *hookCluster) Read(ctx context.Context, ref model.ObjectRef) (map[string]any, error) {
	c.mu.Lock()
	err := c.fails["read "+ref.Name]
	c.mu.Unlock()
	if err != nil {
		return nil, err
	}
	return c.cluster.Read(ctx, ref)
}

func (c *hookCluster) Delete(ctx context.Context, ref model.ObjectRef, uid, policy string) error {
	c.mu.Lock()
	l := c.live[ref.ObjectKey]
	held := l != nil && l.Held
	if held {
		now := *l
		now.Terminating = true
		c.live[ref.ObjectKey] = &now
		c.did = append(c.did, "delete "+ref.Name)
	}
	c.mu.Unlock()
	if held {
		return nil
	}
	return c.cluster.Delete(ctx, ref, uid, policy)
}

func (c *hookCluster) Release(ctx context.Context, ref model.ObjectRef, uid string) error {
	c.mu.Lock()
	err := c.fails["release "+ref.Name]
	c.mu.Unlock()
	if err != nil {
		return err
	}
	if err := c.cluster.Release(ctx, ref, uid); err != nil {
		return err
	}
	c.mu.Lock()
	l := c.live[ref.ObjectKey]
	goes := l != nil && l.Terminating
	c.mu.Unlock()
	if goes {
		c.change(ref.ObjectKey, nil)
	}
	return nil
}

// ends lets a hook, or a slow object, come to its end.
func (c *hookCluster) ends(key model.ObjectKey, status model.HealthStatus) {
	if _, exists := c.cluster.Live(key, model.AppKey{}, ""); !exists {
		return
	}
	c.change(key, func(l *model.Live) { l.Health, l.Busy = model.Health{Status: status}, false })
	synctest.Wait()
}

// exist are the names of the objects of the app that exist.
func (c *hookCluster) exist() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []string
	for key, l := range c.live {
		if !l.Owner.IsZero() {
			out = append(out, key.Name)
		}
	}
	slices.Sort(out)
	return out
}

func job(name string) model.ObjectKey {
	return model.ObjectKey{Group: "batch", Kind: "Job", Namespace: "web", Name: name}
}

// recorder takes reports and records the operations that they tell of.
type recorder struct {
	*reports
	engine *Engine
	// late: nothing is recorded.
	late bool
	// during is called for every report.
	during func(model.Report)
}

func (r *recorder) Report(ctx context.Context, report model.Report) {
	r.reports.Report(ctx, report)
	if r.during != nil {
		r.during(report)
	}
	if op := report.Operation; op != nil && !r.late {
		r.engine.Recorded(report.App, op.Mark(), op.Phase, op.EndedHooks())
	}
}

// kept is a history in memory.
type kept struct {
	mu   sync.Mutex
	all  []model.Deployed
	errs int // how many questions fail yet
}

func (h *kept) Keep(_ model.AppKey, d model.Deployed, _ int) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = append(h.all, d)
	return nil
}

func (h *kept) find(fits func(model.Deployed) bool) (model.Deployed, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, d := range slices.Backward(h.all) {
		if fits(d) {
			return d, nil
		}
	}
	return model.Deployed{}, model.As(model.ErrNotFound, errors.New("nothing is kept"))
}

func (h *kept) Kept(_ model.AppKey, revision string, spec model.Digest) (model.Deployed, error) {
	h.mu.Lock()
	fails := h.errs > 0
	if fails {
		h.errs--
	}
	h.mu.Unlock()
	if fails {
		return model.Deployed{}, errors.New("the disk does not answer")
	}
	return h.find(func(d model.Deployed) bool { return d.Revision == revision && d.Spec == spec })
}

func (h *kept) Healthy(_ model.AppKey, revision string, spec model.Digest) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, d := range h.all {
		if d.Revision == revision && d.Spec == spec {
			h.all[i].Healthy = true
		}
	}
	return nil
}

func (h *kept) LastHealthy(_ model.AppKey, revision string, spec model.Digest) (model.Deployed, error) {
	return h.find(func(d model.Deployed) bool { return d.Healthy && (d.Revision != revision || d.Spec != spec) })
}

func (h *kept) Newest(model.AppKey) (model.Deployed, error) {
	return h.find(func(model.Deployed) bool { return true })
}

// data are the contents of the objects that were deployed with a revision.
func (h *kept) data(revision string) []string {
	d, err := h.find(func(d model.Deployed) bool { return d.Revision == revision })
	if err != nil {
		return []string{err.Error()}
	}
	var out []string
	for _, o := range d.Objects {
		var body struct{ Data string }
		if err := json.Unmarshal(o.JSON, &body); err != nil {
			return []string{err.Error()}
		}
		out = append(out, body.Data)
	}
	return out
}

// byHand is an app that is synced only when somebody asks for it.
func byHand(name string) model.App {
	app := automated(name)
	app.Sync.Auto, app.Sync.SelfHeal, app.History = false, false, 10
	app.Sync.Retry = model.Retry{}
	return app
}

func (s *staged) ask(id string, edit func(*model.Request)) {
	req := model.Request{ID: id, By: "me"}
	if edit != nil {
		edit(&req)
	}
	s.engine.Operate(appKey("web"), req)
	synctest.Wait()
}

// terminate asks for the end of the operation that was reported last.
func (s *staged) terminate() {
	all := s.reports.since(0)
	for _, r := range slices.Backward(all) {
		if r.Operation != nil {
			s.engine.Terminate(appKey("web"), r.Operation.Mark())
			return
		}
	}
	s.t.Error("there is no operation")
}

// wrote expects the writes that the cluster has seen since the last time.
func (s *staged) wrote(when string, want ...string) {
	s.t.Helper()
	got := slices.DeleteFunc(s.target.requests(), func(what string) bool { return strings.HasPrefix(what, "dry-run") })
	if !slices.Equal(got, want) {
		s.t.Errorf("%s: wrote %q, want %q", when, got, want)
	}
}

// again restarts the engine with what status shows of the app's operation.
func (s *staged) again(app model.App) {
	last, _ := s.engine.Report(app.Key)
	s.stop()
	if app.Last = last.Operation; app.Last != nil {
		op := *app.Last
		for i := range op.Results {
			op.Results = slices.Clone(op.Results)
			op.Results[i].Live = model.Live{}
		}
		app.Last, app.Applied = &op, last.Applied
	}
	s.start()
	s.put(app)
}
