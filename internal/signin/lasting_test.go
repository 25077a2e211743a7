package signin_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/access"
	"github.com/fixpoint-cd/fixpoint/internal/signin"
)

// TestSecurityStreamsEndWithTheirSession: whatever has let somebody in and ends, ends what
// lasts at that moment, and nothing of others.
func TestSecurityStreamsEndWithTheirSession(t *testing.T) {
	for name, end := range map[string]func(*world, access.Identity) error{
		"signed out":       func(w *world, id access.Identity) error { return w.service.Logout(w.t.Context(), id) },
		"account disabled": func(w *world, _ access.Identity) error { w.set("accounts.alice.enabled", "false"); return nil },
		"account removed": func(w *world, _ access.Identity) error {
			delete(w.cm, "accounts.alice")
			w.use()
			return nil
		},
		"password changed here": func(w *world, _ access.Identity) error {
			_, err := w.service.SetPassword(w.t.Context(), "alice", "staple battery", signin.Proof{})
			return err
		},
		"password changed elsewhere": func(w *world, _ access.Identity) error {
			w.mu.Lock()
			w.secret["accounts.alice.password"] = hash(w.t, "staple battery")
			w.mu.Unlock()
			w.use()
			return nil
		},
		"another key": func(w *world, _ access.Identity) error {
			w.mu.Lock()
			w.secret["server.secretkey"] = []byte("another key of thirty-two bytes!")
			w.mu.Unlock()
			w.use()
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, signin.Config{})
			id := identityOf(w, w.login("alice").Token)
			stream, leave := w.service.While(t.Context(), id)
			defer leave()
			other, leaveOther := w.service.While(t.Context(), identityOf(w, w.login("admin").Token))
			defer leaveOther()
			w.use()
			if err := errors.Join(stream.Err(), end(w, id)); err != nil {
				t.Fatalf("before anything has ended: %v", err)
			}
			if cause := context.Cause(stream); !errors.Is(cause, signin.ErrRefused) {
				t.Errorf("it has ended by %v, want %v", cause, signin.ErrRefused)
			}
			if name != "another key" && other.Err() != nil {
				t.Errorf("that of another has ended: %v", context.Cause(other))
			}
			late, leaveLate := w.service.While(t.Context(), id)
			defer leaveLate()
			if !errors.Is(context.Cause(late), signin.ErrRefused) {
				t.Error("one that was let in before begins afterwards")
			}
		})
	}
}

// TestSecurityStreamsEndWithTheirToken: the same of API tokens, and of readers who have
// none.
func TestSecurityStreamsEndWithTheirToken(t *testing.T) {
	w := newWorld(t, signin.Config{})
	var streams []context.Context
	for _, id := range []string{"gone", "kept"} {
		token, err := w.service.IssueToken(t.Context(), "alice", 0, id)
		if err != nil {
			t.Fatal(err)
		}
		stream, leave := w.service.While(t.Context(), identityOf(w, token))
		defer leave()
		streams = append(streams, stream)
	}
	w.set("users.anonymous.enabled", "true")
	nobody, leave := w.service.While(t.Context(), access.Identity{Anonymous: true})
	defer leave()
	if err := w.service.DeleteToken(t.Context(), "alice", "gone"); err != nil {
		t.Fatal(err)
	}
	if streams[0].Err() == nil || streams[1].Err() != nil || nobody.Err() != nil {
		t.Errorf("of the deleted token %v, of the other %v, of nobody %v", streams[0].Err(), streams[1].Err(), nobody.Err())
	}
	w.set("users.anonymous.enabled", "false")
	if !errors.Is(context.Cause(nobody), signin.ErrRefused) {
		t.Errorf("of nobody %v, want %v", context.Cause(nobody), signin.ErrRefused)
	}
}

// TestSecurityEndsOfOtherReplicas: what another replica has ended ends here once anybody
// has found out.
func TestSecurityEndsOfOtherReplicas(t *testing.T) {
	shared := &ends{ids: map[string]time.Time{}}
	w, elsewhere := newWorld(t, signin.Config{Revocations: shared}), newWorld(t, signin.Config{Revocations: shared})
	elsewhere.secret = w.secret
	elsewhere.use()
	id := identityOf(elsewhere, elsewhere.login("bob").Token)
	stream, leave := w.service.While(t.Context(), id)
	defer leave()
	if err := errors.Join(elsewhere.service.Logout(t.Context(), id), stream.Err()); err != nil {
		t.Fatal(err)
	}
	if err := w.service.Valid(t.Context(), id); !errors.Is(err, signin.ErrExpired) {
		t.Fatalf("its session holds: %v", err)
	}
	if !errors.Is(context.Cause(stream), signin.ErrExpired) {
		t.Errorf("it has ended by %v, want %v", context.Cause(stream), signin.ErrExpired)
	}
}

// TestStreamsLeave: what is over is not held on to, and ends as its request does.
func TestStreamsLeave(t *testing.T) {
	w := newWorld(t, signin.Config{})
	id := identityOf(w, w.login("alice").Token)
	stream, leave := w.service.While(t.Context(), id)
	leave()
	if cause := context.Cause(stream); !errors.Is(cause, context.Canceled) || signin.Lasting(w.service) != 0 {
		t.Errorf("it has ended by %v, and %d are left", cause, signin.Lasting(w.service))
	}
}

func identityOf(w *world, token string) access.Identity {
	w.t.Helper()
	id, err := w.service.Authenticate(bearer(token))
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}
