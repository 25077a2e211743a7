package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// world is an engine with everything around it in memory. It lives in a
// synctest bubble: time passes only when everybody waits.
type world struct {
	t       *testing.T
	engine  *Engine
	sources *sources
	target  *cluster
	second  *cluster // named "second"
	ledger  *memory
	reports *reports
	stop    func()
	// workers and reporter are other than usual where they are set.
	workers  int
	reporter Reporter
}

func inWorld(t *testing.T, test func(*world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, sources: newSources(), target: newCluster(), second: newCluster(), ledger: newMemory(), reports: &reports{}}
		w.start()
		test(w)
		w.stop()
	})
}

// start starts an engine; what is around it stays.
func (w *world) start() {
	targets := map[string]*cluster{"": w.target, "second": w.second}
	reporter := w.reporter
	if reporter == nil {
		reporter = w.reports
	}
	w.engine = New(Config{
		Workers: w.workers,
		Sources: w.sources, Renderer: w.sources, Ledger: w.ledger, Log: slog.New(slog.DiscardHandler),
		Target: func(name string) (Target, error) {
			if t := targets[name]; t != nil {
				return t, nil
			}
			return nil, model.As(model.ErrNotFound, fmt.Errorf("no cluster %q", name))
		},
		Dialects: map[string]Dialect{"argo": {Reporter: reporter, Stamp: stamp}},
	})
	w.target.notify, w.second.notify = w.engine.Wake, w.engine.Wake
	ctx, cancel := context.WithCancel(w.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.engine.Run(ctx) }()
	w.stop = func() {
		cancel()
		if err := <-ended; err != nil {
			w.t.Error(err)
		}
	}
}

func stamp(app model.AppKey, _ model.ObjectKey) (labels, annotations map[string]string) {
	return nil, map[string]string{"owner": app.Name}
}

// put declares an app and waits until everything is quiet.
func (w *world) put(app model.App) {
	w.engine.Put(app)
	synctest.Wait()
}

// commit makes the source hold a commit and waits until everything is quiet.
// The objects are "name=value", a ConfigMap each.
func (w *world) commit(id string, objects ...string) {
	w.push(id, objects...)
	synctest.Wait()
}

func (w *world) push(id string, objects ...string) {
	w.sources.commit(id, objects...)
	w.engine.SourceChanged("src")
}

// after lets time pass.
func (w *world) after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (w *world) report(name string) model.Report {
	r, _ := w.engine.Report(appKey(name))
	return r
}

// did expects the requests that the cluster has seen since the last time.
func (w *world) did(when string, want ...string) {
	w.t.Helper()
	if got := w.target.requests(); !slices.Equal(got, want) {
		w.t.Errorf("%s: requests %q, want %q", when, got, want)
	}
}

// phase expects the state of the app's operation.
func (w *world) phase(when, name string, want model.Phase, text string) {
	w.t.Helper()
	op := w.report(name).Operation
	if op == nil || op.Phase != want || !strings.Contains(op.Message, text) {
		w.t.Errorf("%s: operation %+v, want %s with %q", when, op, want, text)
	}
}

func appKey(name string) model.AppKey {
	return model.AppKey{Dialect: "argo", Namespace: "apps", Name: name}
}

// automated is an app that is kept as declared.
func automated(name string) model.App {
	return model.App{
		Key: appKey(name), Generation: 1, Sources: []model.AppSource{{Key: "src"}}, Namespace: "web", Manager: "us", Spec: model.Digest{1},
		Sync: model.Sync{
			Auto: true, Prune: true, SelfHeal: true,
			Retry: model.Retry{Limit: 2, Base: 10 * time.Second, Factor: 2, Max: time.Minute},
		},
	}
}

func configMap(name string) model.ObjectKey {
	return model.ObjectKey{Kind: "ConfigMap", Namespace: "web", Name: name}
}

// sources are a source and what is rendered from its commits.
type sources struct {
	mu    sync.Mutex
	state model.SourceState
	known bool
	// others are the states of sources that are not "src".
	others  map[model.SourceKey]model.SourceState
	asked   []model.RenderInput
	objects map[string][]model.Object
	errs    map[string]error
	renders int
}

func newSources() *sources {
	return &sources{objects: map[string][]model.Object{}, errs: map[string]error{}}
}

type tree struct {
	model.Tree
	commit string
}

func (s *sources) commit(id string, objects ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known = true
	s.state = model.SourceState{Snapshot: &model.Snapshot{Ref: "main", Revision: id, Commit: model.Commit{ID: id}, Tree: tree{commit: id}}}
	var out []model.Object
	for _, o := range objects {
		out = append(out, manifest(o))
	}
	s.objects[id] = out
}

func manifest(text string) model.Object {
	name, value, _ := strings.Cut(text, "=")
	kind, bare, ok := strings.Cut(name, "/")
	if !ok {
		kind, bare = "ConfigMap", name
	}
	raw := fmt.Sprintf(`{"apiVersion":"v1","kind":%q,"metadata":{"name":%q},"data":{"v":%q}}`, kind, bare, value)
	return model.Object{
		ObjectRef: model.ObjectRef{ObjectKey: model.ObjectKey{Kind: kind, Name: bare}, Version: "v1"},
		JSON:      []byte(raw), Digest: model.DigestOf([]byte(raw)), Origin: bare + ".yaml",
	}
}

// look notes that the look with that token is over.
func (s *sources) look(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.Handled = token
}

func (s *sources) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known, s.state.Err = true, err
}

func (s *sources) States(keys []model.SourceKey) ([]model.SourceState, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	states := make([]model.SourceState, len(keys))
	for i, key := range keys {
		states[i] = s.state
		if other, ok := s.others[key]; ok {
			states[i] = other
		}
	}
	return states, s.known
}

func (s *sources) Render(_ context.Context, in model.RenderInput) (model.Rendered, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := in.Tree.(tree).commit
	s.renders++
	s.asked = append(s.asked, in)
	if err := s.errs[id]; err != nil {
		return model.Rendered{}, err
	}
	parts := make([][]byte, 0, len(s.objects[id]))
	for _, o := range s.objects[id] {
		parts = append(parts, o.JSON)
	}
	return model.Rendered{Objects: s.objects[id], Tool: "directory", Digest: model.DigestOf(parts...)}, nil
}

// cluster is a target in memory.
type cluster struct {
	notify func(model.AppKey)
	// during is called in the middle of each write, without the lock.
	during func(ctx context.Context, what string) error

	mu      sync.Mutex
	live    map[model.ObjectKey]*model.Live
	content map[model.ObjectKey]model.Digest
	claims  map[model.AppKey]map[model.ObjectKey]bool
	kinds   map[string]bool
	epoch   int
	listed  bool
	fails   map[string]error // by what is asked
	did     []string
	serial  byte
}

func newCluster() *cluster {
	c := &cluster{
		live: map[model.ObjectKey]*model.Live{}, content: map[model.ObjectKey]model.Digest{}, fails: map[string]error{},
		claims: map[model.AppKey]map[model.ObjectKey]bool{}, listed: true, kinds: map[string]bool{"ConfigMap": true, "Namespace": true},
	}
	c.exists("Namespace", "", "web")
	return c
}

func (c *cluster) exists(kind, namespace, name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := model.ObjectKey{Kind: kind, Namespace: namespace, Name: name}
	c.live[key] = &model.Live{Ref: model.ObjectRef{ObjectKey: key, Version: "v1"}, UID: "given"}
}

// fail makes what is asked fail; with nil it succeeds again.
func (c *cluster) fail(what string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fails[what] = err
}

// requests are those since the last time, in order; those of one stage sorted.
func (c *cluster) requests() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := c.did
	c.did = nil
	slices.Sort(out)
	return out
}

// change lets somebody else change, delete (nil) or mark an object.
func (c *cluster) change(key model.ObjectKey, edit func(*model.Live)) {
	c.mu.Lock()
	if edit == nil {
		apps := c.concernedLocked(key)
		delete(c.live, key)
		c.mu.Unlock()
		c.tell(apps)
		return
	}
	before := c.live[key].Fields
	edit(c.live[key])
	if c.live[key].Fields != before {
		c.content[key] = model.Digest{}
	}
	apps := c.concernedLocked(key)
	c.mu.Unlock()
	c.tell(apps)
}

func drifts(l *model.Live) { l.Fields[31]++ }

func (c *cluster) concernedLocked(key model.ObjectKey) []model.AppKey {
	apps := map[model.AppKey]bool{}
	for app, keys := range c.claims {
		if _, ok := keys[key]; ok {
			apps[app] = true
		}
	}
	if l := c.live[key]; l != nil && !l.Owner.IsZero() {
		apps[l.Owner] = true
	}
	return slices.Collect(maps.Keys(apps))
}

func (c *cluster) tell(apps []model.AppKey) {
	for _, a := range apps {
		c.notify(a)
	}
}

func (c *cluster) Ensure(model.AppKey, []model.ObjectRef) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.listed, c.fails["list"]
}

func (c *cluster) Claim(app model.AppKey, declared, interested []model.ObjectKey) {
	c.mu.Lock()
	keys := map[model.ObjectKey]bool{}
	for _, k := range interested {
		keys[k] = false
	}
	for _, k := range declared {
		keys[k] = true
	}
	told := map[model.AppKey]bool{}
	for k, declares := range c.claims[app] {
		if declares && !keys[k] {
			for _, a := range c.concernedLocked(k) {
				told[a] = true
			}
		}
	}
	for k, declares := range keys {
		if declares && !c.claims[app][k] {
			for _, a := range c.concernedLocked(k) {
				told[a] = true
			}
		}
	}
	if c.claims[app] = keys; len(keys) == 0 {
		delete(c.claims, app)
	}
	c.mu.Unlock()
	delete(told, app)
	c.tell(slices.Collect(maps.Keys(told)))
}

func (c *cluster) Claimants(key model.ObjectKey) []model.AppKey {
	c.mu.Lock()
	defer c.mu.Unlock()
	var apps []model.AppKey
	for app, keys := range c.claims {
		if keys[key] {
			apps = append(apps, app)
		}
	}
	slices.SortFunc(apps, func(a, b model.AppKey) int { return strings.Compare(a.Name, b.Name) })
	return apps
}

func (c *cluster) Live(key model.ObjectKey, _ model.AppKey, _ string) (model.Live, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if l := c.live[key]; l != nil {
		return *l, true
	}
	return model.Live{}, false
}

func (c *cluster) Owned(app model.AppKey, _ string) []model.Live {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []model.Live
	for _, l := range c.live {
		if l.Owner == app {
			out = append(out, *l)
		}
	}
	return out
}

func (c *cluster) Namespaced(ref model.ObjectRef) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.kinds[ref.Kind] {
		return false, model.As(model.ErrNotFound, fmt.Errorf("the cluster does not know kind %s", ref.Kind))
	}
	return ref.Kind != "Namespace", nil
}

func (c *cluster) KindsEpoch() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.epoch
}

func (c *cluster) serve(kind string, served bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kinds[kind], c.epoch = served, c.epoch+1
}

func (c *cluster) Compare(
	ctx context.Context, obj model.Object, _ string, _ model.Write, judge model.Judge,
) (model.Judgement, error) {
	body := map[string]any{"apiVersion": "v1", "kind": obj.Kind, "metadata": map[string]any{"name": obj.Name}}
	if _, err := judge.Judge(ctx, body, body); err != nil {
		return model.Judgement{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.did = append(c.did, "dry-run "+obj.Name)
	return model.Judgement{Same: c.content[obj.ObjectKey] == obj.Digest, Owned: true}, c.fails["dry-run "+obj.Name]
}

func (c *cluster) Read(_ context.Context, ref model.ObjectRef) (map[string]any, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.did = append(c.did, "read "+ref.Name)
	return map[string]any{"metadata": map[string]any{"name": ref.Name}}, nil
}

func (c *cluster) Release(_ context.Context, ref model.ObjectRef, _ string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.did = append(c.did, "release "+ref.Name)
	if l := c.live[ref.ObjectKey]; l != nil {
		now := *l
		now.Held = false
		c.live[ref.ObjectKey] = &now
	}
	return nil
}

func (c *cluster) Apply(ctx context.Context, obj model.Object, _ string, _ model.Write) (model.Live, error) {
	what := "apply " + obj.Name
	if c.during != nil {
		if err := c.during(ctx, what); err != nil {
			return model.Live{}, err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.did = append(c.did, what)
	if err := c.fails[what]; err != nil {
		return model.Live{}, err
	}
	old := c.live[obj.ObjectKey]
	c.serial++
	l := &model.Live{
		Ref: obj.ObjectRef, UID: fmt.Sprint(c.serial), Owner: appKey(obj.Annotations["owner"]), Fields: model.Digest{c.serial},
		Time: time.Now().Unix(), ResourceVersion: fmt.Sprint(c.serial), Health: model.Health{Status: model.Healthy},
	}
	if old != nil {
		l.UID = old.UID
	}
	c.live[obj.ObjectKey], c.content[obj.ObjectKey] = l, obj.Digest
	return *l, nil
}

func (c *cluster) Delete(_ context.Context, ref model.ObjectRef, uid, _ string) error {
	c.mu.Lock()
	what := "delete " + ref.Name
	c.did = append(c.did, what)
	err := c.fails[what]
	if l := c.live[ref.ObjectKey]; l == nil || l.UID != uid {
		err = errors.New("another object has that name")
	}
	apps := c.concernedLocked(ref.ObjectKey)
	if err == nil {
		delete(c.live, ref.ObjectKey)
	}
	c.mu.Unlock()
	if err == nil {
		c.tell(apps)
	}
	return err
}

func (*cluster) Parallel() int { return 4 }

// memory is a ledger.
type memory struct {
	mu    sync.Mutex
	pairs map[model.AppKey]map[model.ObjectKey]model.Pair
	kinds map[model.AppKey][]model.ObjectRef
}

func newMemory() *memory {
	return &memory{pairs: map[model.AppKey]map[model.ObjectKey]model.Pair{}, kinds: map[model.AppKey][]model.ObjectRef{}}
}

func (m *memory) Load(app model.AppKey) (map[model.ObjectKey]model.Pair, []model.ObjectRef, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := map[model.ObjectKey]model.Pair{}
	for k, p := range m.pairs[app] {
		p.Recalled = true
		out[k] = p
	}
	return out, m.kinds[app], nil
}

func (m *memory) Save(app model.AppKey, put map[model.ObjectKey]model.Pair, gone []model.ObjectKey) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.pairs[app] == nil {
		m.pairs[app] = map[model.ObjectKey]model.Pair{}
	}
	maps.Copy(m.pairs[app], put)
	for _, k := range gone {
		delete(m.pairs[app], k)
	}
	return nil
}

func (m *memory) SaveKinds(app model.AppKey, kinds []model.ObjectRef) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.kinds[app] = kinds
	return nil
}

func (m *memory) Forget(app model.AppKey) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.pairs, app)
	delete(m.kinds, app)
	return nil
}

// reports are what was reported, in order.
type reports struct {
	mu  sync.Mutex
	all []model.Report
}

func (r *reports) Report(_ context.Context, report model.Report) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, report)
}

func (r *reports) since(n int) []model.Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.all[n:])
}

var (
	errLasting = model.As(model.ErrInvalid, errors.New("not valid"))
	errPassing = model.As(model.ErrTransient, errors.New("not now"))
)
