package target

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/restmapper"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Resource is where a kind is served.
type Resource struct {
	schema.GroupVersionResource
	Namespaced bool
}

// kinds knows which kinds the cluster serves. It asks the API server at first
// use, after forget, and for an unknown kind at most once in unknownPause: kinds
// of aggregated APIs come without an event.
type kinds struct {
	mapper *restmapper.DeferredDiscoveryRESTMapper

	mu    sync.Mutex
	asked time.Time
	epoch int
	miss  bool // an unknown kind was asked for since the last forget
	// down is why the last question got no answer, until downUntil: meanwhile
	// nobody waits for a cluster that does not answer.
	down      error
	downUntil time.Time
}

const unknownPause = 10 * time.Second

func newKinds(client discovery.DiscoveryInterface) *kinds {
	return &kinds{mapper: restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(client)), asked: time.Now()}
}

// resource finds where the object's kind is served at its version. An unknown
// kind is model.ErrNotFound; not being able to ask is model.ErrTransient.
func (k *kinds) resource(ref model.ObjectRef) (Resource, error) {
	if err := k.unreachable(); err != nil {
		return Resource{}, err
	}
	m, err := k.mapping(ref)
	if meta.IsNoMatchError(err) && k.askAgain() {
		if m, err = k.mapping(ref); err == nil {
			k.rise() // it is served now, and was not before
		}
	}
	switch {
	case meta.IsNoMatchError(err):
		k.mu.Lock()
		k.miss = true
		k.mu.Unlock()
		return Resource{}, k.unknown(ref)
	case err != nil:
		return Resource{}, k.noAnswer(model.As(model.ErrTransient, fmt.Errorf("asking the cluster for its kinds: %w", err)))
	}
	return Resource{m.Resource, m.Scope.Name() == meta.RESTScopeNameNamespace}, nil
}

// anyVersion is resource for what needs no certain version: where the object's is
// not served any more, another that is.
func (k *kinds) anyVersion(ref model.ObjectRef) (Resource, error) {
	res, err := k.resource(ref)
	if isUnknown(err) && ref.Version != "" {
		return k.resource(model.ObjectRef{ObjectKey: ref.ObjectKey})
	}
	return res, err
}

// downPause is how long a cluster that did not answer is not asked again.
const downPause = 2 * time.Second

func (k *kinds) unreachable() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if time.Now().Before(k.downUntil) {
		return k.down
	}
	return nil
}

func (k *kinds) noAnswer(err error) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.down, k.downUntil = err, time.Now().Add(downPause)
	return err
}

func (k *kinds) mapping(ref model.ObjectRef) (*meta.RESTMapping, error) {
	gk := schema.GroupKind{Group: ref.Group, Kind: ref.Kind}
	if ref.Version == "" {
		return k.mapper.RESTMapping(gk)
	}
	return k.mapper.RESTMapping(gk, ref.Version)
}

// unknown says what is served instead of an unknown kind or version.
func (k *kinds) unknown(ref model.ObjectRef) error {
	served, _ := k.mapper.RESTMappings(schema.GroupKind{Group: ref.Group, Kind: ref.Kind})
	if len(served) == 0 {
		return model.As(model.ErrNotFound, fmt.Errorf(
			"the cluster does not know kind %s of %s: install its CustomResourceDefinition, or correct apiVersion and kind",
			ref.Kind, ref.APIVersion()))
	}
	var versions []string
	for _, m := range served {
		versions = append(versions, m.GroupVersionKind.GroupVersion().String())
	}
	slices.Sort(versions)
	return model.As(model.ErrNotFound, fmt.Errorf("the cluster serves %s as %s, not as %s: change its apiVersion",
		ref.Kind, strings.Join(slices.Compact(versions), ", "), ref.APIVersion()))
}

func (k *kinds) askAgain() bool {
	k.mu.Lock()
	again := time.Since(k.asked) >= unknownPause
	if again {
		k.asked = time.Now()
	}
	k.mu.Unlock()
	if again {
		k.mapper.Reset()
	}
	return again
}

// forget makes the next question go to the API server.
func (k *kinds) forget() {
	k.mu.Lock()
	k.asked, k.miss = time.Now(), false
	k.mu.Unlock()
	k.mapper.Reset() // not under the lock: it waits for a question under way
	k.rise()
}

// missed reports whether an unknown kind was asked for since the last forget.
func (k *kinds) missed() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.miss
}

func (k *kinds) rise() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.epoch++
}

// generation rises whenever what is known may have changed.
func (k *kinds) generation() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.epoch
}

// isUnknown reports whether err says that a kind is not served.
func isUnknown(err error) bool { return errors.Is(err, model.ErrNotFound) }
