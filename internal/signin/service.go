package signin

import (
	"context"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/access"
)

// Store keeps argocd-secret.
type Store interface {
	// Update lets change the Secret's data and writes what became of it; where somebody
	// else wrote meanwhile it does both again.
	Update(ctx context.Context, change func(data map[string][]byte) error) error
}

// StoreFunc is a Store of one function.
type StoreFunc func(ctx context.Context, change func(data map[string][]byte) error) error

// Update is that of Store.
func (f StoreFunc) Update(ctx context.Context, change func(data map[string][]byte) error) error {
	return f(ctx, change)
}

// Config is what a Service is made of.
type Config struct {
	// Revocations remember ended sessions, for all replicas and across restarts; nil is
	// this process's memory.
	Revocations Revocations
	// Store is where tokens and passwords are written to; nil: they can't be.
	Store Store
	// Hashes is how many passwords are compared at once; 0 is half of the processors.
	Hashes int
	// Log is told why somebody was refused; nil is nobody.
	Log *slog.Logger
}

// Service says who asks. Its methods may be called concurrently.
type Service struct {
	settings atomic.Pointer[Settings]
	store    Store
	revoked  *revoked
	throttle *throttle
	hashes   *hashes
	provider atomic.Pointer[provider]
	log      *slog.Logger
	lasting  lasting
	// writing is held while the store is written and what became of it is put into force.
	writing sync.Mutex
}

// New returns a Service that lets nobody in until it has Settings.
func New(c Config) *Service {
	if c.Revocations == nil {
		c.Revocations = newMemory()
	}
	if c.Hashes <= 0 {
		c.Hashes = max(1, runtime.GOMAXPROCS(0)/2)
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	s := &Service{
		store:    c.Store,
		revoked:  newRevoked(c.Revocations),
		throttle: newThrottle(),
		hashes:   newHashes(c.Hashes),
		log:      c.Log,
	}
	s.revoked.ends = s.lasting.ended
	s.settings.Store(&Settings{})
	return s
}

// Use puts settings into force at once, for sessions that are open as well.
func (s *Service) Use(set Settings) {
	s.settings.Store(&set)
	s.useProvider(set.OIDC)
	s.lasting.review(&set)
}

// Reload has read, which reads settings and uses them, see all that this Service has
// written: settings of before a change of password would end the session of whoever has
// made it.
func (s *Service) Reload(read func() error) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	return read()
}

// How somebody has signed in.
const (
	ByPassword = "password"
	BySSO      = "sso"
	ByToken    = "token"
)

// How says how the identity's owner has signed in; "" of an anonymous one.
func How(id access.Identity) string {
	t, ok := ticketOf(id)
	switch {
	case !ok:
		return ""
	case t.kind == kindLogin:
		return ByPassword
	case t.kind == kindSSO, t.kind == kindIDToken:
		return BySSO
	}
	return ByToken
}

// Ways are the ways to sign in that are open.
type Ways struct {
	// Local: names and passwords are taken.
	Local bool
	// SSO is the name of the identity provider; "" if there is none.
	SSO string
	// Anonymous: readers who don't sign in are let in.
	Anonymous bool
}

// Ways says how to sign in.
func (s *Service) Ways() Ways {
	set := s.settings.Load()
	w := Ways{Anonymous: set.Anonymous}
	for _, account := range set.Accounts {
		w.Local = w.Local || account.Enabled && account.Login && len(account.Hash) > 0
	}
	if set.OIDC != nil {
		w.SSO = set.OIDC.Name
	}
	return w
}

// Provider is the identity provider, as the settings in force have it; false if there is
// none.
func (s *Service) Provider() (OIDC, bool) {
	if o := s.settings.Load().OIDC; o != nil {
		return *o, true
	}
	return OIDC{}, false
}

// Valid reports whether what has let somebody in still holds: nil, or what Authenticate
// would say now of the same token. It is for what lasts longer than a request.
func (s *Service) Valid(ctx context.Context, id access.Identity) error {
	set := s.settings.Load()
	if id.Anonymous {
		if set.Anonymous {
			return nil
		}
		return refused("readers have to sign in now")
	}
	t, ok := ticketOf(id)
	if !ok {
		return refused("the identity is not of a token")
	}
	return s.admit(ctx, set, t)
}

// admit says whether a ticket, whose signature is good, holds now.
func (s *Service) admit(ctx context.Context, set *Settings, t ticket) error {
	if err := set.admit(t, time.Now()); err != nil {
		return err
	}
	if !t.kind.session() {
		return nil // the list of tokens says all
	}
	return s.revoked.check(ctx, t.tokenID(), t.expires)
}

// Logout ends the session that the identity is of, everywhere. API tokens are not ended
// by it: they are deleted.
func (s *Service) Logout(ctx context.Context, id access.Identity) error {
	t, ok := ticketOf(id)
	if !ok || !t.kind.session() {
		return nil
	}
	return s.revoked.revoke(ctx, t.tokenID(), t.expires)
}
