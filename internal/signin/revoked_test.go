package signin_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/access"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/signin"
)

// ends are revocations that are shared, and may fail.
type ends struct {
	mu    sync.Mutex
	ids   map[string]time.Time
	asked int
	err   error
}

func (e *ends) Revoke(_ context.Context, id string, until time.Time) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.err == nil {
		e.ids[id] = until
	}
	return e.err
}

func (e *ends) Revoked(_ context.Context, id string) (bool, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.asked++
	_, ok := e.ids[id]
	return ok, e.err
}

func (e *ends) fail(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.err = err
}

// TestLogoutRevokes: a token that was copied before is worth nothing, here at once and
// at other replicas soon, and no other session ends.
func TestLogoutRevokes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &ends{ids: map[string]time.Time{}}
		w, other := newWorld(t, signin.Config{Revocations: store}), newWorld(t, signin.Config{Revocations: store})
		other.secret = w.secret
		other.use()
		session, second := w.login("alice").Token, w.login("alice").Token
		if w.who(session) != "alice" || other.who(session) != "alice" || w.who(second) != "alice" {
			t.Fatal("the sessions don't let in")
		}
		id, err := w.service.Authenticate(bearer(session))
		if err != nil {
			t.Fatal(err)
		}
		if err := w.service.Logout(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		if w.who(session) != "-" || !errors.Is(w.service.Valid(t.Context(), id), signin.ErrRefused) {
			t.Error("the session goes on where it was ended")
		}
		if w.who(second) != "alice" {
			t.Error("the other session of alice ends too")
		}
		time.Sleep(5 * time.Second)
		if other.who(session) != "-" {
			t.Error("the session goes on at another replica")
		}
		for _, until := range store.ids {
			if !until.Equal(id.Expires) {
				t.Errorf("it is remembered until %s, the session lasts to %s", until, id.Expires)
			}
		}
	})
}

// TestRevocationsAreRemembered, so that a page that is open asks for them rarely.
func TestRevocationsAreRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &ends{ids: map[string]time.Time{}}
		w := newWorld(t, signin.Config{Revocations: store})
		session := w.login("alice").Token
		for range 100 {
			w.who(session)
		}
		if store.asked != 1 {
			t.Errorf("the store was asked %d times for 100 requests", store.asked)
		}
	})
}

// TestUnknownRevocationsRefuse: where nobody can tell whether a session was ended it
// lets nobody in; passwords and API tokens go on.
func TestUnknownRevocationsRefuse(t *testing.T) {
	store := &ends{ids: map[string]time.Time{}}
	w := newWorld(t, signin.Config{Revocations: store})
	session := w.login("alice").Token
	store.fail(errors.New("the disk is full"))
	_, err := w.service.Authenticate(bearer(session))
	if !errors.Is(err, model.ErrTransient) || errors.Is(err, signin.ErrRefused) {
		t.Errorf("the store fails: %v", err)
	}
	key, err := w.service.IssueToken(t.Context(), "alice", 0, "")
	if err != nil || w.who(key) != "alice" {
		t.Errorf("an API token lets in %q, %v", w.who(key), err)
	}
	store.fail(nil)
	id, err := w.service.Authenticate(bearer(session))
	if err != nil {
		t.Fatalf("the store is back: %v", err)
	}
	store.fail(errors.New("the disk is full"))
	if err := w.service.Logout(t.Context(), id); err == nil {
		t.Error("signing out succeeds, and nothing remembers it")
	}
}

// TestLogoutOfNothing breaks nothing.
func TestLogoutOfNothing(t *testing.T) {
	w := newWorld(t, signin.Config{})
	for _, id := range []access.Identity{{}, {Anonymous: true}, {Subject: "alice"}, {Subject: "alice", TokenID: "login"}, {TokenID: "::"}} {
		if err := w.service.Logout(t.Context(), id); err != nil {
			t.Errorf("%+v: %v", id, err)
		}
		if err := w.service.Valid(t.Context(), id); !errors.Is(err, signin.ErrRefused) {
			t.Errorf("%+v is valid: %v", id, err)
		}
	}
}

// TestAnonymousStreamsEnd when readers have to sign in.
func TestAnonymousStreamsEnd(t *testing.T) {
	w := newWorld(t, signin.Config{})
	w.set("users.anonymous.enabled", "true")
	id, err := w.service.Authenticate(plain())
	if err != nil || w.service.Valid(t.Context(), id) != nil {
		t.Fatalf("an anonymous reader: %+v, %v", id, err)
	}
	w.set("users.anonymous.enabled", "false")
	if err := w.service.Valid(t.Context(), id); !errors.Is(err, signin.ErrRefused) {
		t.Errorf("afterwards: %v", err)
	}
	if _, err := w.service.Authenticate(plain()); !errors.Is(err, signin.ErrRefused) {
		t.Errorf("the next request: %v", err)
	}
}
