package flux

import (
	"context"
	"maps"
	"slices"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// user is who has read some references: an object of the dialect, and for which
// of its parts.
type user struct {
	object
	part string
}

// The parts of an object that have references of their own.
const (
	partSource = "source"
	partValues = "values"
	partToken  = "token"
)

// references wakes objects of the dialect when a Secret, ConfigMap or
// ServiceAccount changes that they have read. Of those only the metadata is
// watched, of a kind from its first reference on, and nothing is kept but the
// versions that were read.
type references struct {
	wake func(object)
	// begin is told once of each kind that is referred to.
	begin chan string

	mu    sync.Mutex
	begun map[string]bool
	// read are the versions that each user has read; "" is none. While it is
	// reading, they are those that have come meanwhile; nil is none.
	read    map[user]map[Ref]*string
	reading map[user]struct{}
	// users are the same, by reference.
	users map[Ref]map[user]struct{}
	// old are the users that have to read again.
	old map[user]struct{}
}

func newReferences(wake func(object)) *references {
	return &references{
		wake: wake, begin: make(chan string, len(watched)), begun: map[string]bool{}, read: map[user]map[Ref]*string{},
		reading: map[user]struct{}{}, users: map[Ref]map[user]struct{}{}, old: map[user]struct{}{},
	}
}

// watched are the kinds that can be referred to.
var watched = map[string]schema.GroupVersionResource{
	kindSecret:         {Version: "v1", Resource: "secrets"},
	kindConfigMap:      {Version: "v1", Resource: "configmaps"},
	kindServiceAccount: {Version: "v1", Resource: "serviceaccounts"},
}

// get reads what the references name, in place of what the user has read before.
func (r *references) get(ctx context.Context, reader client.Reader, u user, refs []Ref) (Contents, error) {
	r.mu.Lock()
	r.dropLocked(u)
	r.mu.Unlock()
	if len(refs) == 0 {
		return Contents{}, nil
	}
	contents, err := readAll(ctx, reader, refs, func(ref Ref) { r.follow(u, ref) })
	r.mu.Lock()
	defer r.mu.Unlock()
	for ref := range r.read[u] {
		version := ""
		if content := contents[ref]; content != nil {
			version = content.Version
		}
		// What came while it was read may be older or newer: if it is another, it
		// is read once more.
		if seen := r.read[u][ref]; err != nil || seen != nil && *seen != version {
			r.old[u] = struct{}{}
		}
		r.read[u][ref] = &version
	}
	delete(r.reading, u)
	if _, old := r.old[u]; old && err == nil {
		defer r.wake(u.object)
	}
	return contents, err
}

// follow begins to note the versions of a reference that is being read.
func (r *references) follow(u user, ref Ref) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.read[u] == nil {
		r.read[u] = map[Ref]*string{}
	}
	r.reading[u] = struct{}{}
	r.read[u][ref] = nil
	if r.users[ref] == nil {
		r.users[ref] = map[user]struct{}{}
	}
	r.users[ref][u] = struct{}{}
	if !r.begun[ref.Kind] {
		r.begun[ref.Kind] = true
		r.begin <- ref.Kind // there is room for every kind
	}
}

// drop forgets a user.
func (r *references) drop(u user) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dropLocked(u)
}

func (r *references) dropLocked(u user) {
	for ref := range r.read[u] {
		if delete(r.users[ref], u); len(r.users[ref]) == 0 {
			delete(r.users, ref)
		}
	}
	delete(r.read, u)
	delete(r.reading, u)
	delete(r.old, u)
}

// stale reports whether something has changed since the user read it.
func (r *references) stale(u user) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, old := r.old[u]
	return old
}

// seen tells that a reference is at a version; "" is gone.
func (r *references) seen(ref Ref, version string) {
	r.mu.Lock()
	var woken []object
	for u := range r.users[ref] {
		if _, busy := r.reading[u]; busy {
			r.read[u][ref] = &version
		} else if read := r.read[u][ref]; read == nil || *read != version {
			r.old[u] = struct{}{}
			woken = append(woken, u.object)
		}
	}
	r.mu.Unlock()
	for _, o := range woken {
		r.wake(o)
	}
}

// replaced tells that these are all that there are of a kind.
func (r *references) replaced(kind string, versions map[Ref]string) {
	r.mu.Lock()
	refs := slices.Collect(maps.Keys(r.users))
	r.mu.Unlock()
	for _, ref := range refs {
		if ref.Kind == kind {
			r.seen(ref, versions[ref])
		}
	}
}

// run watches the kinds that are referred to, until ctx ends.
func (r *references) run(ctx context.Context, meta metadata.Interface) {
	var all sync.WaitGroup
	defer all.Wait()
	for {
		select {
		case <-ctx.Done():
			return
		case kind := <-r.begin:
			all.Go(func() { r.reflector(kind, meta).RunWithContext(ctx) })
		}
	}
}

// reflector lists and watches the metadata of one kind.
func (r *references) reflector(kind string, meta metadata.Interface) *cache.Reflector {
	of := meta.Resource(watched[kind])
	lw := &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			return of.List(ctx, o)
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			return of.Watch(ctx, o)
		},
	}
	return cache.NewReflectorWithOptions(cache.ToListWatcherWithWatchListSemantics(lw, meta), &metav1.PartialObjectMetadata{}, &arrivals{r, kind},
		cache.ReflectorOptions{Name: "flux-" + kind})
}

// arrivals is the store of a reflector. It keeps nothing.
type arrivals struct {
	refs *references
	kind string
}

func (a *arrivals) ref(obj any) (Ref, string) {
	if gone, ok := obj.(cache.DeletedFinalStateUnknown); ok {
		obj = gone.Obj
	}
	m, ok := obj.(metav1.Object)
	if !ok {
		return Ref{}, ""
	}
	return Ref{a.kind, m.GetNamespace(), m.GetName()}, m.GetResourceVersion()
}

// Add implements cache.ReflectorStore.
func (a *arrivals) Add(obj any) error {
	a.refs.seen(a.ref(obj))
	return nil
}

// Update implements cache.ReflectorStore.
func (a *arrivals) Update(obj any) error { return a.Add(obj) }

// Delete implements cache.ReflectorStore.
func (a *arrivals) Delete(obj any) error {
	ref, _ := a.ref(obj)
	a.refs.seen(ref, "")
	return nil
}

// Replace implements cache.ReflectorStore.
func (a *arrivals) Replace(list []any, _ string) error {
	versions := make(map[Ref]string, len(list))
	for _, obj := range list {
		ref, version := a.ref(obj)
		versions[ref] = version
	}
	a.refs.replaced(a.kind, versions)
	return nil
}

// Resync implements cache.ReflectorStore.
func (a *arrivals) Resync() error { return nil }
