package signin_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/access"
	"github.com/fixpoint-cd/fixpoint/internal/signin"
)

// TestOwnPassword: who has changed its own goes on with a new session, whatever is read
// of before.
func TestOwnPassword(t *testing.T) {
	w := newWorld(t, signin.Config{})
	old := w.login("alice")
	if _, err := w.service.Confirm(t.Context(), "alice", "guess", here); !errors.Is(err, signin.ErrPassword) {
		t.Errorf("another password is confirmed: %v", err)
	}
	proof, err := w.service.Confirm(t.Context(), "alice", password, here)
	if err != nil {
		t.Errorf("its password is not confirmed: %v", err)
	}
	begun, written := make(chan struct{}), make(chan error, 1)
	err = w.service.Reload(func() error { // reads while somebody writes
		set, _ := signin.Read(w.cm, w.secret, "", nil, nil)
		go func() {
			close(begun)
			written <- w.service.SetPassword(t.Context(), "alice", "staple battery", proof)
		}()
		<-begun
		w.service.Use(set)
		return nil
	})
	if err = errors.Join(err, <-written); err != nil {
		t.Fatal(err)
	}
	session, err := w.service.Session("alice")
	if err != nil {
		t.Fatal(err)
	}
	if w.who(old.Token) != "-" || w.who(session.Token) != "alice" {
		t.Errorf("the old session is of %s, the new one of %s", w.who(old.Token), w.who(session.Token))
	}
	w.use()
	if w.who(session.Token) != "alice" {
		t.Error("what was written is not what the session was opened with")
	}
	if _, err := w.service.Session("nobody"); err == nil {
		t.Error("a session of nobody")
	}
}

// TestSecurityPasswordChangedMeanwhile: who knew a password changes nothing with it once
// somebody else has changed it, also where that was at another replica.
func TestSecurityPasswordChangedMeanwhile(t *testing.T) {
	w := newWorld(t, signin.Config{})
	proof, err := w.service.Confirm(t.Context(), "alice", password, here)
	if err != nil {
		t.Fatal(err)
	}
	changed := hash(t, "of the owner")
	w.mu.Lock()
	w.secret["accounts.alice.password"] = changed
	w.mu.Unlock()
	if err := w.service.SetPassword(t.Context(), "alice", "of the intruder", proof); !errors.Is(err, signin.ErrPassword) {
		t.Errorf("it is %v, want %v", err, signin.ErrPassword)
	}
	if !bytes.Equal(w.secret["accounts.alice.password"], changed) {
		t.Error("the password is another one")
	}
}

// TestHow says by what kind of token somebody is there.
func TestHow(t *testing.T) {
	w := newWorld(t, signin.Config{})
	issued, err := w.service.IssueToken(t.Context(), "alice", 0, "")
	if err != nil {
		t.Fatal(err)
	}
	for want, token := range map[string]string{signin.ByPassword: w.login("alice").Token, signin.ByToken: issued} {
		id, err := w.service.Authenticate(bearer(token))
		if err != nil || signin.How(id) != want {
			t.Errorf("%q, %v, want %q", signin.How(id), err, want)
		}
	}
	if got := signin.How(access.Identity{Anonymous: true}); got != "" {
		t.Errorf("an anonymous reader has come by %q", got)
	}
}
