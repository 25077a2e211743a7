package signin_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/access"
	"github.com/fixpoint-cd/fixpoint/internal/model"
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
	var next signin.Proof
	err = w.service.Reload(func() error { // reads while somebody writes
		set, _ := signin.Read(w.cm, w.secret, "", nil, nil)
		go func() {
			close(begun)
			var err error
			next, err = w.service.SetPassword(t.Context(), "alice", "staple battery", proof)
			written <- err
		}()
		<-begun
		w.service.Use(set)
		return nil
	})
	if err = errors.Join(err, <-written); err != nil {
		t.Fatal(err)
	}
	session, err := w.service.Session("alice", next)
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
	for name, by := range map[string]signin.Proof{"nobody": {}, "alice": {}, "bob": next} {
		if _, err := w.service.Session(name, by); !errors.Is(err, signin.ErrRefused) {
			t.Errorf("a session of %s without proof: %v", name, err)
		}
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
	if _, err := w.service.SetPassword(t.Context(), "alice", "of the intruder", proof); !errors.Is(err, signin.ErrPassword) {
		t.Errorf("it is %v, want %v", err, signin.ErrPassword)
	}
	if !bytes.Equal(w.secret["accounts.alice.password"], changed) {
		t.Error("the password is another one")
	}
}

// TestSecuritySessionAfterAnotherChange: who has changed a password gets no session of one
// that somebody else has set right after.
func TestSecuritySessionAfterAnotherChange(t *testing.T) {
	w := newWorld(t, signin.Config{})
	proof, err := w.service.SetPassword(t.Context(), "alice", "of the intruder", signin.Proof{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.service.SetPassword(t.Context(), "alice", "of the owner", signin.Proof{}); err != nil {
		t.Fatal(err)
	}
	if session, err := w.service.Session("alice", proof); !errors.Is(err, signin.ErrRefused) || session.Token != "" {
		t.Errorf("a session with the password of the intruder: %v", err)
	}
}

// TestSecurityTokensOfTheSecond: a token that was made in the second in which the password
// was changed, by whom the change keeps out, ends with all others.
func TestSecurityTokensOfTheSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, signin.Config{})
		stolen, err := w.service.IssueToken(t.Context(), "alice", 0, "stolen")
		if err != nil || w.who(stolen) != "alice" {
			t.Fatalf("it is of %s, %v", w.who(stolen), err)
		}
		if _, err := w.service.SetPassword(t.Context(), "alice", "of the owner", signin.Proof{}); err != nil {
			t.Fatal(err)
		}
		after, err := w.service.IssueToken(t.Context(), "alice", 0, "after")
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if w.who(stolen) != "-" || w.who(after) != "alice" {
				t.Errorf("the one of before is of %s, that of after of %s", w.who(stolen), w.who(after))
			}
			w.use()
		}
	})
}

// TestSecurityTokensOfAnIDAgain: a token that was revoked stays so when another one is made
// by its id.
func TestSecurityTokensOfAnIDAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, signin.Config{})
		issue := func() (account, role string) {
			account, err := w.service.IssueToken(t.Context(), "alice", 0, "release")
			role, entry, other := w.service.IssueProjectToken("team", "ci", 0, "release")
			if err != nil || other != nil {
				t.Fatal(err, other)
			}
			w.tokens = []signin.ProjectToken{{Project: "team", Role: "ci", Token: entry}}
			return account, role
		}
		leaked, leakedRole := issue()
		if err := w.service.DeleteToken(t.Context(), "alice", "release"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		next, nextRole := issue()
		w.use()
		for token, want := range map[string]string{leaked: "-", leakedRole: "-", next: "alice", nextRole: "proj:team:ci"} {
			if got := w.who(token); got != want {
				t.Errorf("it lets in %q, want %q", got, want)
			}
		}
	})
}

// TestSecurityTokenOfAStaleReplica: a replica that has not read yet that a password was
// changed makes no token for who came in by the one of before.
func TestSecurityTokenOfAStaleReplica(t *testing.T) {
	w := newWorld(t, signin.Config{})
	w.mu.Lock()
	w.secret["accounts.alice.password"] = hash(t, "of the owner")
	w.mu.Unlock()
	if _, err := w.service.IssueToken(t.Context(), "alice", 0, ""); !errors.Is(err, model.ErrTransient) {
		t.Errorf("it is %v, want %v", err, model.ErrTransient)
	}
	w.use()
	if _, err := w.service.IssueToken(t.Context(), "alice", 0, ""); err != nil {
		t.Error(err)
	}
}

// TestSecurityTokensAreBounded: nobody fills argocd-secret with tokens; those that are over
// make room.
func TestSecurityTokensAreBounded(t *testing.T) {
	w := newWorld(t, signin.Config{})
	list := make([]signin.Token, 500)
	for i := range list {
		list[i] = signin.Token{ID: fmt.Sprint(i), IssuedAt: 946684800}
	}
	put := func() {
		w.secret["accounts.alice.tokens"], _ = json.Marshal(list)
		w.use()
	}
	put()
	if _, err := w.service.IssueToken(t.Context(), "alice", 0, ""); !errors.Is(err, model.ErrInvalid) {
		t.Errorf("one more: %v", err)
	}
	list[7].ExpiresAt = 946684900
	put()
	if _, err := w.service.IssueToken(t.Context(), "alice", 0, ""); err != nil {
		t.Errorf("in place of one that is over: %v", err)
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
