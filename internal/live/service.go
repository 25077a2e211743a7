package live

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"sync"
	"time"

	"k8s.io/client-go/rest"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Config is what a Service needs. Its zero value is good for use.
type Config struct {
	// Log gets what nobody is told of otherwise; nil drops it.
	Log *slog.Logger
	// Health judges a live object; nil judges none. It may be called concurrently. Of
	// the kinds that NeedsContent denies it is given the metadata only.
	Health func(map[string]any) model.Health
	// NeedsContent says of which kinds, beside those that this package shows facts of,
	// whole objects have to be read; nil: those outside of Kubernetes' own groups.
	NeedsContent func(group, kind string) bool
	// Linger is how long watches go on after the last viewer has left; 0 is 30 s.
	Linger time.Duration
	// Fresh is how long a list that was read without a watch is used again; 0 is 5 s.
	Fresh time.Duration
	// Pause is the least time between two signals to a viewer; 0 is 250 ms.
	Pause time.Duration
	// Patience is how long a read may take that somebody waits for, and a quarter of how
	// long a list may; 0 is 15 s.
	Patience time.Duration
}

func (c Config) withDefaults() Config {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Health == nil {
		c.Health = func(map[string]any) model.Health { return model.Health{} }
	}
	if c.NeedsContent == nil {
		c.NeedsContent = func(group, _ string) bool { return !kubernetesOwn(group) }
	}
	if c.Linger == 0 {
		c.Linger = 30 * time.Second
	}
	if c.Fresh == 0 {
		c.Fresh = 5 * time.Second
	}
	if c.Pause == 0 {
		c.Pause = 250 * time.Millisecond
	}
	if c.Patience == 0 {
		c.Patience = readTimeout
	}
	return c
}

// Service reads clusters. It is safe for concurrent use.
type Service struct {
	cfg Config

	mu       sync.Mutex
	closed   bool
	clusters map[string]*Cluster
	ending   sync.WaitGroup
}

// New returns a Service that is connected to nothing.
func New(cfg Config) *Service {
	return &Service{cfg: cfg.withDefaults(), clusters: map[string]*Cluster{}}
}

var errClosed = errors.New("the reading of clusters has ended")

// Cluster is the connection to a cluster, the same one for the same name and config.
// Another config replaces it: the viewers of the old connection are ended. It sends no
// request yet. The config must not be changed afterwards.
func (s *Service) Cluster(name string, config *rest.Config) (*Cluster, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errClosed
	}
	old := s.clusters[name]
	if old != nil && (old.config == config || reflect.DeepEqual(old.config, config)) {
		return old, nil
	}
	made, err := connect(s.cfg, name, config)
	if err != nil {
		return nil, model.As(model.ErrInvalid, fmt.Errorf("connecting to cluster %q: %w", name, err))
	}
	s.clusters[name] = made
	s.endLocked(old)
	return made, nil
}

// Drop ends the connection to a cluster that is gone; there may be none.
func (s *Service) Drop(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endLocked(s.clusters[name])
	delete(s.clusters, name)
}

// endLocked ends a connection, if there is one, without waiting for it.
func (s *Service) endLocked(c *Cluster) {
	if c != nil {
		c.end()
		s.ending.Go(c.wait)
	}
}

// Run waits for the end of ctx, ends all connections and waits for what they have
// under way.
func (s *Service) Run(ctx context.Context) error {
	<-ctx.Done()
	s.Close()
	return nil
}

// Close is what Run does at its end. Whatever is called afterwards fails.
func (s *Service) Close() {
	s.mu.Lock()
	s.closed = true
	for _, c := range s.clusters {
		s.endLocked(c)
	}
	s.clusters = map[string]*Cluster{}
	s.mu.Unlock()
	s.ending.Wait()
}
