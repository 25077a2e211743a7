package source

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/source/archive"
	"github.com/fixpoint-cd/fixpoint/internal/source/githubapp"
	"github.com/fixpoint-cd/fixpoint/internal/source/hosts"
	"github.com/fixpoint-cd/fixpoint/internal/source/overlay"
)

// Config is what a Store needs. Only Dir has no usable zero value.
type Config struct {
	// Dir is the folder for the mirrors. It is made if there is none; one Store
	// uses it at a time.
	Dir string
	// Rewrites are the mirrors of repositories.
	Rewrites []Rewrite
	// AllowLocal permits absolute paths and file:// URLs.
	AllowLocal bool
	// DenyHosts and AllowHosts are names, *.suffixes, addresses and networks that no
	// source may, and that any may be read from. Denied without being named are
	// link-local addresses and those that hand out a machine's credentials in a
	// cloud; AllowHosts counts before all of that.
	DenyHosts, AllowHosts []string
	// Log defaults to no logging.
	Log *slog.Logger
	// OnChange is called when the state of a subscription changed: the first
	// result, a new commit, an error that came, went or reads differently, a
	// Refresh that is done. Run calls it, from several goroutines; it
	// must not block. nil is no call.
	OnChange func(model.SourceKey)
	// Interval is for sources that have none; default 3 minutes.
	Interval time.Duration
	// MinInterval is the shortest pause between two looks; default 1 second.
	MinInterval time.Duration
	// Timeout bounds one git command, or one look for artifacts, for sources that
	// set none; default 1 minute.
	Timeout time.Duration
	// Retry is the pause after a first failure; it doubles up to a minute, or to
	// the interval if that is longer. Default 2 seconds.
	Retry time.Duration
	// MaxFile is the size of the largest file that is read; default 10 MiB.
	MaxFile int64
	// Artifacts bounds artifacts, charts and buckets.
	Artifacts archive.Limits
	// MaxIndex is the size of the largest index of a Helm repository; default
	// 50 MiB.
	MaxIndex int64
}

// Store holds subscriptions to sources. Its methods may be called from
// several goroutines, before Run, during it and after it.
type Store struct {
	cfg   Config
	git   *git
	lock  *os.File
	trees *lru[oid, []entry]
	climb *lru[climbKey, int]
	views *overlay.Cache
	blobs *blobs
	hosts *limiter
	// policy is what may be connected to, notHere the same for what strangers name.
	policy, notHere *hosts.Policy
	tokens          githubapp.Tokens
	scope           scopes
	shelf           *shelf
	stats           counters
	wake            chan struct{}

	mu      sync.Mutex
	subs    map[model.SourceKey]*subscription
	groups  map[groupKey]*group
	byName  sourceIndex
	mirrors map[string]*mirror
	notices []model.SourceKey // for OnChange, from Set and Refresh
}

// New opens a Store in cfg.Dir. It fails if there is no git command, another
// Store uses the folder, or a rewrite is unusable.
func New(cfg Config) (*Store, error) {
	cfg.Log = cmp.Or(cfg.Log, slog.New(slog.DiscardHandler))
	cfg.Interval = cmp.Or(cfg.Interval, 3*time.Minute)
	cfg.MinInterval = cmp.Or(cfg.MinInterval, time.Second)
	cfg.Timeout = cmp.Or(cfg.Timeout, time.Minute)
	cfg.Retry = cmp.Or(cfg.Retry, 2*time.Second)
	cfg.MaxFile = cmp.Or(cfg.MaxFile, 10<<20)
	cfg.MaxIndex = cmp.Or(cfg.MaxIndex, 50<<20)
	if err := checkRewrites(cfg.Rewrites, cfg.AllowLocal); err != nil {
		return nil, err
	}
	policy, err := hosts.New(cfg.DenyHosts, cfg.AllowHosts)
	if err != nil {
		return nil, err
	}
	s := &Store{
		cfg:     cfg,
		policy:  policy,
		notHere: policy.NotHere(),
		trees:   newLRU[oid, []entry](200_000),
		climb:   newLRU[climbKey, int](200_000),
		blobs:   newBlobs(),
		views:   overlay.NewCache(),
		hosts:   newLimiter(4),
		wake:    make(chan struct{}, 1),
		subs:    map[model.SourceKey]*subscription{},
		groups:  map[groupKey]*group{},
		byName:  sourceIndex{},
		mirrors: map[string]*mirror{},
	}
	if err := s.open(); err != nil {
		return nil, fmt.Errorf("opening the source store: %w", err)
	}
	return s, nil
}

// policyOf is what may be connected to for a source.
func (s *Store) policyOf(src model.Source) *hosts.Policy {
	if src.Foreign {
		return s.notHere
	}
	return s.policy
}

func (s *Store) open() error {
	if s.cfg.Dir == "" {
		return errors.New("no folder is given")
	}
	dir, err := filepath.Abs(s.cfg.Dir)
	if err != nil {
		return err
	}
	s.cfg.Dir = dir
	program, err := exec.LookPath("git")
	if err != nil {
		return fmt.Errorf("the git command is needed; install it: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if s.lock, err = lockDir(filepath.Join(dir, "lock")); err != nil {
		return err
	}
	tmp := filepath.Join(dir, "tmp")
	if err := os.RemoveAll(tmp); err != nil {
		return err
	}
	if err := os.MkdirAll(tmp, 0o700); err != nil {
		return err
	}
	if err := initRepository(filepath.Join(dir, "reader"), readerConfig); err != nil {
		return err
	}
	s.git = &git{program: program, tmp: tmp, home: filepath.Join(dir, "reader"), allowLocal: s.cfg.AllowLocal}
	if s.shelf, err = openShelf(filepath.Join(dir, "artifacts"), s.cfg.Artifacts, s.lookAtArtifacts); err != nil {
		return err
	}
	return s.scope.open(filepath.Join(dir, "salt"))
}

// Close gives the folder free for another Store. Call it after Run has returned;
// trees cannot be relied on afterwards.
func (s *Store) Close() error {
	s.closeReaders()
	return s.lock.Close()
}

// State is how a subscription is; false if there is no such key.
func (s *Store) State(key model.SourceKey) (model.SourceState, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sub, ok := s.subs[key]
	if !ok {
		return model.SourceState{}, false
	}
	return sub.state, true
}

// States are how several subscriptions are at one moment; false if there is no
// such key for one of them. What one look has found for several subscriptions
// appears in all of their states at once: those that follow the same repository
// with the same credentials never mix its commits.
func (s *Store) States(keys []model.SourceKey) ([]model.SourceState, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	states := make([]model.SourceState, len(keys))
	for i, key := range keys {
		sub, ok := s.subs[key]
		if !ok {
			return nil, false
		}
		states[i] = sub.state
	}
	return states, true
}

// mirrorOf is the mirror of a repository, made when it is first asked for.
// s.mu is held.
func (s *Store) mirrorOf(r remote) *mirror {
	key := r.key()
	m, ok := s.mirrors[key]
	if !ok {
		dir := filepath.Join(s.cfg.Dir, hashName(key)+".git")
		m = &mirror{
			store: s, dir: dir, name: r.String(),
			busy: make(chan struct{}, 1), resting: map[string]time.Time{}, places: map[string]remote{},
			reader: &reader{git: s.git, gitDir: s.git.home, objects: filepath.Join(dir, "objects"), started: &s.stats.catFiles, blobs: s.blobs},
		}
		s.mirrors[key] = m
	}
	return m
}

// poke makes Run look at the clock again.
func (s *Store) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}
