package signin_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/bcrypt"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/signin"
)

// TestAPITokens are made, listed, used, and deleted.
func TestAPITokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, signin.Config{})
		forever, err := w.service.IssueToken(t.Context(), "ci", 0, "forever")
		if err != nil {
			t.Fatal(err)
		}
		short, err := w.service.IssueToken(t.Context(), "ci", time.Hour, "")
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // at once, and when the Secret has come round
			if w.who(forever) != "ci" || w.who(short) != "ci" {
				t.Error("the tokens don't let in")
			}
			w.use()
		}
		list, err := w.service.Tokens("ci")
		if err != nil || len(list) != 3 || list[0].ID != "t1" || list[1].ID != "forever" || list[1].ExpiresAt != 0 ||
			list[2].ExpiresAt-list[2].IssuedAt != 3600 {
			t.Errorf("listed: %+v, %v", list, err)
		}
		var stored []map[string]any
		if err := json.Unmarshal(w.secret["accounts.ci.tokens"], &stored); err != nil || len(stored) != 3 {
			t.Errorf("stored: %s, %v", w.secret["accounts.ci.tokens"], err)
		}
		id, err := w.service.Authenticate(bearer(short))
		if err != nil {
			t.Fatal(err)
		}
		if err := w.service.Logout(t.Context(), id); err != nil || w.who(short) != "ci" {
			t.Errorf("signing out ends an API token, %v", err)
		}
		time.Sleep(time.Hour)
		if w.who(short) != "-" || w.who(forever) != "ci" {
			t.Error("after an hour the short one lets in, or the other does not")
		}
		id, err = w.service.Authenticate(bearer(forever))
		if err != nil {
			t.Fatal(err)
		}
		if err := w.service.DeleteToken(t.Context(), "ci", "forever"); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if w.who(forever) != "-" || !errors.Is(w.service.Valid(t.Context(), id), signin.ErrRefused) {
				t.Error("a deleted token lets in")
			}
			w.use()
		}
	})
}

// TestAPITokenRefusals says when tokens can't be made or deleted.
func TestAPITokenRefusals(t *testing.T) {
	w := newWorld(t, signin.Config{})
	_, twice := w.service.IssueToken(t.Context(), "ci", 0, "t1")
	_, without := w.service.IssueToken(t.Context(), "bob", 0, "")
	_, unknown := w.service.IssueToken(t.Context(), "mallory", 0, "")
	_, negative := w.service.IssueToken(t.Context(), "ci", -time.Hour, "")
	_, long := w.service.IssueToken(t.Context(), "ci", 0, strings.Repeat("x", 201))
	badID := func(id string) error { _, err := w.service.IssueToken(t.Context(), "ci", 0, id); return err }
	_, listed := w.service.Tokens("mallory")
	for name, tt := range map[string]struct{ got, want error }{
		"an id twice":              {twice, model.ErrInvalid},
		"without the capability":   {without, model.ErrInvalid},
		"unknown":                  {unknown, model.ErrNotFound},
		"in the past":              {negative, model.ErrInvalid},
		"a long id":                {long, model.ErrInvalid},
		"an id of bytes":           {badID("\xff"), model.ErrInvalid},
		"an id of lines":           {badID("a\nb"), model.ErrInvalid},
		"an id of a space":         {badID(" "), model.ErrInvalid},
		"an id like a folder":      {badID(".."), model.ErrInvalid},
		"deleting an unknown one":  {w.service.DeleteToken(t.Context(), "ci", "t9"), model.ErrNotFound},
		"deleting of nobody":       {w.service.DeleteToken(t.Context(), "mallory", "t1"), model.ErrNotFound},
		"those of an unknown name": {listed, model.ErrNotFound},
	} {
		if !errors.Is(tt.got, tt.want) {
			t.Errorf("%s: %v, want %v", name, tt.got, tt.want)
		}
	}
	before := string(w.secret["accounts.alice.tokens"])
	w.secret["accounts.alice.tokens"] = []byte("{secret")
	if _, err := w.service.IssueToken(t.Context(), "alice", 0, ""); !errors.Is(err, model.ErrInvalid) || strings.Contains(err.Error(), "{secret") {
		t.Errorf("over a list that nobody can read: %v (before %q)", err, before)
	}
	if string(w.secret["accounts.alice.tokens"]) != "{secret" {
		t.Error("it was overwritten")
	}
}

// TestUpdatePassword asks for the password of who asks, and for a good one.
func TestUpdatePassword(t *testing.T) {
	tests := map[string]struct {
		change signin.PasswordChange
		want   error
	}{
		"one's own":              {signin.PasswordChange{Account: "bob", By: "bob", Current: password, New: "another horse"}, nil},
		"another's":              {signin.PasswordChange{Account: "bob", By: "admin", Current: password, New: "another horse"}, nil},
		"wrong":                  {signin.PasswordChange{Account: "bob", By: "bob", Current: "a bad guess", New: "another horse"}, signin.ErrPassword},
		"of nobody":              {signin.PasswordChange{Account: "mallory", By: "admin", Current: password, New: "another horse"}, model.ErrNotFound},
		"by nobody":              {signin.PasswordChange{Account: "bob", By: "u-1", Current: password, New: "another horse"}, signin.ErrPassword},
		"too short":              {signin.PasswordChange{Account: "bob", By: "bob", Current: password, New: "short"}, model.ErrInvalid},
		"too long for a pattern": {signin.PasswordChange{Account: "bob", By: "bob", Current: password, New: strings.Repeat("x", 33)}, model.ErrInvalid},
		"too long for a hash":    {signin.PasswordChange{Account: "bob", By: "bob", Current: password, New: strings.Repeat("x", 73)}, model.ErrInvalid},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, signin.Config{})
			tt.change.From = here
			err := w.service.UpdatePassword(t.Context(), tt.change)
			if !errors.Is(err, tt.want) {
				t.Fatalf("%v, want %v", err, tt.want)
			}
			if err != nil && (strings.Contains(err.Error(), tt.change.New) || strings.Contains(err.Error(), tt.change.Current)) {
				t.Errorf("the error tells: %v", err)
			}
			same := bcrypt.CompareHashAndPassword(w.secret["accounts.bob.password"], []byte(tt.change.New)) == nil
			if same != (tt.want == nil) {
				t.Errorf("the new password is stored: %t", same)
			}
		})
	}
}

// TestCurrentPasswordIsNotGuessed by who has only found an open session.
func TestCurrentPasswordIsNotGuessed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, signin.Config{})
		compared := 0
		for range 50 {
			err := w.service.UpdatePassword(t.Context(), signin.PasswordChange{Account: "bob", By: "bob", Current: "guess", New: "another horse", From: here})
			if errors.Is(err, signin.ErrPassword) {
				compared++
			}
		}
		if compared != 5 {
			t.Errorf("%d of 50 guesses were compared, want 5", compared)
		}
	})
}

// TestBootstrap makes what lacks, and random.
func TestBootstrap(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	first, secret, err := signin.Bootstrap(nil, now)
	if err != nil {
		t.Fatal(err)
	}
	set, problems := signin.Read(nil, first, "", nil, nil)
	if len(problems) != 0 || len(set.Key) < 32 || !set.Accounts["admin"].Changed.Equal(now) {
		t.Errorf("settings after the first start: %+v, %v", set.Accounts, problems)
	}
	s := signin.New(signin.Config{})
	s.Use(set)
	if _, err := s.Login(t.Context(), "admin", secret, here); err != nil {
		t.Errorf("with the first password: %v", err)
	}
	second, other, err := signin.Bootstrap(nil, now)
	if err != nil || other == secret || string(second["server.secretkey"]) == string(first["server.secretkey"]) || len(secret) < 16 {
		t.Errorf("two first starts: passwords and keys are alike, or short; %v", err)
	}
	changed, none, err := signin.Bootstrap(first, now)
	if err != nil || len(changed) != 0 || none != "" {
		t.Errorf("the second start changes %v, %v", changed, err)
	}
	changed, none, err = signin.Bootstrap(map[string][]byte{"admin.password": hash(t, password)}, now)
	if _, ok := changed["server.secretkey"]; err != nil || !ok || len(changed) != 1 || none != "" {
		t.Errorf("with a password and no key it changes %v, %v", changed, err)
	}
}

// TestWays says what the page for signing in offers.
func TestWays(t *testing.T) {
	w, _ := newSSO(t)
	if diff := cmp.Diff(signin.Ways{Local: true, SSO: "Example"}, w.service.Ways()); diff != "" {
		t.Error(diff)
	}
	delete(w.cm, "oidc.config")
	for _, name := range []string{"admin.enabled", "accounts.alice.enabled", "accounts.bob.enabled"} {
		w.cm[name] = "false"
	}
	w.set("users.anonymous.enabled", "true")
	if diff := cmp.Diff(signin.Ways{Anonymous: true}, w.service.Ways()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(signin.Ways{}, signin.New(signin.Config{}).Ways()); diff != "" {
		t.Error(diff)
	}
}

// TestSetPassword: whoever may write the Secret need not know the password. All sessions
// end with it, and the pattern holds.
func TestSetPassword(t *testing.T) {
	w := newWorld(t, signin.Config{})
	old := w.login("alice")
	if _, err := w.service.SetPassword(t.Context(), "alice", "short", signin.Proof{}); !errors.Is(err, model.ErrInvalid) || w.who(old.Token) != "alice" {
		t.Errorf("too short: %v, and the session is of %s", err, w.who(old.Token))
	}
	if _, err := w.service.SetPassword(t.Context(), "nobody", "staple battery", signin.Proof{}); !errors.Is(err, model.ErrNotFound) {
		t.Errorf("of nobody: %v", err)
	}
	if _, err := w.service.SetPassword(t.Context(), "alice", "staple battery", signin.Proof{}); err != nil {
		t.Fatal(err)
	}
	if got := w.who(old.Token); got != "-" {
		t.Errorf("the session of before is of %s", got)
	}
	if _, err := w.service.Login(t.Context(), "alice", "staple battery", here); err != nil {
		t.Errorf("with the new password: %v", err)
	}
}
