package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"sync"
	"testing"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/gitserver"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// patience is generous, since machines are slow at times; nothing waits for it
// to pass.
const patience = 2 * time.Minute

// server starts a Git server with one repository "app" that has a commit.
func server(t *testing.T) *gitserver.Server {
	t.Helper()
	s := gitserver.New(t.TempDir())
	t.Cleanup(s.Close)
	if err := s.Create(t.Context(), "app"); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	return s
}

func text(s string) *string { return &s }

// commit puts files onto a branch of "app".
func commit(t *testing.T, s *gitserver.Server, branch string, files map[string]*string) string {
	t.Helper()
	id, err := s.Commit(t.Context(), "app", branch, "a change", files)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// running is a Store whose Run runs until the test ends or stop is called.
type running struct {
	*Store
	stop    func()
	changes changes
}

type changes struct {
	mu    sync.Mutex
	count map[model.SourceKey]int
}

func (c *changes) add(key model.SourceKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.count == nil {
		c.count = map[model.SourceKey]int{}
	}
	c.count[key]++
}

func (c *changes) of(key model.SourceKey) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.count[key]
}

// store opens a store; its fields that are not set are those of a quick test.
func store(t *testing.T, cfg Config) *running {
	t.Helper()
	r := &running{}
	if cfg.Dir == "" {
		cfg.Dir = t.TempDir()
	}
	if cfg.Interval == 0 {
		cfg.Interval = time.Hour
	}
	if cfg.MinInterval == 0 {
		cfg.MinInterval = time.Millisecond
	}
	if cfg.Retry == 0 {
		cfg.Retry = 10 * time.Millisecond
	}
	cfg.OnChange = r.changes.add
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r.Store = s
	return r
}

func (r *running) run(t *testing.T) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run ended with %v", err)
		}
		if err := r.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	t.Cleanup(r.stop)
	return r
}

// until waits for a condition.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

var tokens struct {
	sync.Mutex
	n int
}

// refresh looks at a source now and returns its state after that.
func (r *running) refresh(t *testing.T, key model.SourceKey) model.SourceState {
	t.Helper()
	tokens.Lock()
	tokens.n++
	token := fmt.Sprint("token ", tokens.n)
	tokens.Unlock()
	r.Refresh(key, token)
	var st model.SourceState
	until(t, "the refresh of "+string(key), func() bool {
		st, _ = r.State(key)
		return st.Handled == token
	})
	return st
}

// good is refresh with the claim that it succeeds.
func (r *running) good(t *testing.T, key model.SourceKey) *model.Snapshot {
	t.Helper()
	st := r.refresh(t, key)
	if st.Err != nil {
		t.Fatalf("state of %s: %v", key, st.Err)
	}
	return st.Snapshot
}

// bad is refresh with the claim that it fails with an error of this kind.
func (r *running) bad(t *testing.T, key model.SourceKey, kind error) model.SourceState {
	t.Helper()
	st := r.refresh(t, key)
	if !errors.Is(st.Err, kind) {
		t.Fatalf("state of %s: error %v, want of the kind %q", key, st.Err, kind)
	}
	return st
}

func read(t *testing.T, s *model.Snapshot, name string) string {
	t.Helper()
	data, err := s.Tree.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// quiet takes what servers of the tests have to say.
var quiet = log.New(io.Discard, "", 0)
