package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/view"
	"github.com/fixpoint-cd/fixpoint/internal/view/viewtest"
)

// letAliceIn knows one account. Of busy there are too many attempts, broken breaks.
func letAliceIn(_ context.Context, name, password, from string) (Session, error) {
	switch {
	case from != "127.0.0.1":
		return Session{}, errors.New("the address is " + from)
	case name == "busy":
		return Session{}, Busy{After: 1500 * time.Millisecond}
	case name == "broken":
		return Session{}, errors.New("no settings")
	case name != "alice" || password != "correct":
		return Session{}, view.ErrUnauthenticated
	}
	return Session{Token: "t0ken", Expires: time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600))}, nil
}

func (o *office) signOut(*http.Request) error {
	o.left++
	return nil
}

// TestSignIn: a token for who knows the password; all others learn no more than that it
// is none.
func TestSignIn(t *testing.T) {
	o := open(t, viewtest.Options{})
	for _, tt := range []struct {
		body, want string
		status     int
	}{
		{`{"username": "alice", "password": "correct"}`, `{"token":"t0ken","expires":"2026-01-02T02:04:05Z"}`, 200},
		{`{"username": "alice", "password": "wrong"}`, `"detail":"wrong name or password"`, 401},
		{`{"username": "nobody", "password": "correct"}`, `"detail":"wrong name or password"`, 401},
		{`{}`, `"detail":"wrong name or password"`, 401},
		{`{"username": "busy", "password": "correct"}`, `too many attempts`, 429},
		{`{"username": "broken", "password": "correct"}`, `something went wrong here`, 500},
		{`{"user": "alice"}`, `there are username, password`, 400},
	} {
		got, body := o.ask(t, "POST /session", "X-Nobody: 1", tt.body)
		if got.StatusCode != tt.status || !strings.Contains(body, tt.want) || strings.Contains(body, "no settings") {
			t.Errorf("%s: %d %s", tt.body, got.StatusCode, body)
		}
		if after := got.Header.Get("Retry-After"); tt.status == http.StatusTooManyRequests && after != "2" {
			t.Errorf("Retry-After is %q", after)
		}
	}
	if strings.Contains(o.log.String(), "correct") {
		t.Error("the log has a password")
	}
}

// TestSignOut needs somebody who is signed in.
func TestSignOut(t *testing.T) {
	o := open(t, viewtest.Options{})
	if got, _ := o.ask(t, "DELETE /session", "X-Nobody: 1"); got.StatusCode != http.StatusUnauthorized || o.left != 0 {
		t.Errorf("nobody: %d, %d have left", got.StatusCode, o.left)
	}
	if got, body := o.ask(t, "DELETE /session"); got.StatusCode != http.StatusOK || o.left != 1 {
		t.Errorf("%d %s, %d have left", got.StatusCode, body, o.left)
	}
}
