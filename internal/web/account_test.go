package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fixpoint-cd/fixpoint/internal/view"
	"github.com/fixpoint-cd/fixpoint/internal/view/viewtest"
)

// TestAccountPage: each kind of reader gets what is for it.
func TestAccountPage(t *testing.T) {
	for name, tt := range map[string]struct {
		who      view.Who
		says     []string
		password bool
	}{
		"a local account":   {view.Who{Name: "ana"}, []string{"with name and password", "role:dev", "Sync Applications", "payments/*", "release", "it has ended"}, true},
		"a provider's user": {view.Who{Name: "u-7", Title: "ana@example.com", Groups: []string{"ops", "web"}}, []string{"by Example ID", "ana@example.com", "u-7", "ops, web", "See Applications"}, false},
		"nobody":            {view.Who{Anonymous: true}, []string{"You are not signed in", "See Applications"}, false},
	} {
		d := get(t, site(viewtest.New(), viewtest.Options{Who: tt.who}), "/account")
		for _, want := range tt.says {
			if !strings.Contains(text(d.one("main")), want) {
				t.Errorf("%s is not told %q in\n%s", name, want, text(d.one("main")))
			}
		}
		for _, form := range []string{"/account/password", "/account/tokens"} {
			if got := len(d.all("main form[action="+form+"]")) > 0; got != tt.password {
				t.Errorf("%s has the form %s: %t, want %t", name, form, got, tt.password)
			}
		}
		if got := len(d.all("main form[action=/auth/logout]")); got != map[bool]int{true: 0, false: 1}[tt.who.Anonymous] {
			t.Errorf("%s can sign out %d times", name, got)
		}
	}
}

// TestChangePassword: what is wrong is told at the form, and no password is in the answer;
// who has changed its own gets another session.
func TestChangePassword(t *testing.T) {
	const good, next = "correct horse", "staple battery"
	var renewed []string
	w := New(Config{Renew: func(_ http.ResponseWriter, _ *http.Request, s view.Session) error {
		renewed = append(renewed, s.Token)
		return nil
	}})
	h := siteOf(w, viewtest.New(), viewtest.Options{Who: view.Who{Name: "ana"}})
	for name, tt := range map[string]struct {
		current, next, again, says string
		code                       int
	}{
		"wrong":    {"wrong horse", next, next, "the current password is wrong", 422},
		"typo":     {good, next, "stapel battery", "differ", 422},
		"short":    {good, "short-1", "short-1", "8 to 32 characters", 422},
		"too many": {"guess again", next, next, "too many wrong passwords", 429},
	} {
		d := post(t, h, "/account/password", url.Values{"current": {tt.current}, "new": {tt.next}, "again": {tt.again}})
		if says := text(d.one("#why-password")); d.code != tt.code || !strings.Contains(says, tt.says) {
			t.Errorf("%s: %d %s, want %d, %q", name, d.code, says, tt.code, tt.says)
		}
		for _, secret := range []string{tt.current, tt.next, tt.again} {
			if strings.Contains(string(d.body), secret) {
				t.Errorf("%s: the page has the password %q", name, secret)
			}
		}
		checkPage(t, d)
	}
	if len(renewed) > 0 {
		t.Fatalf("sessions without a change: %q", renewed)
	}
	d := post(t, h, "/account/password", url.Values{"current": {good}, "new": {next}, "again": {next}})
	if d.code != http.StatusSeeOther || d.head.Get("Location") != "/account?done=password" || !cmp.Equal(renewed, []string{"session-new"}) {
		t.Errorf("%d to %s, sessions %q", d.code, d.head.Get("Location"), renewed)
	}
}

// TestAccountTokens: a token is shown once, where it was made; what is wrong is told.
func TestAccountTokens(t *testing.T) {
	h := site(viewtest.New(), viewtest.Options{Who: view.Who{Name: "ana"}})
	const token = "made-up-token-of-ana"
	d := post(t, h, "/account/tokens", url.Values{"id": {" ci "}, "days": {"90"}})
	if d.code != http.StatusOK || strings.Count(string(d.body), token) == 0 || d.head.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %s %s", d.code, d.head.Get("Cache-Control"), text(d.one("main")))
	}
	checkPage(t, d)
	if strings.Contains(string(get(t, h, "/account").body), token) {
		t.Error("it is shown again")
	}
	for says, form := range map[string]url.Values{"already": {"id": {"release"}, "days": {"90"}}, "how long": {"id": {"x"}, "days": {"1e9"}}} {
		d := post(t, h, "/account/tokens", form)
		if why := text(d.one("#why-token")); d.code != http.StatusUnprocessableEntity || !strings.Contains(why, says) || strings.Contains(string(d.body), token) {
			t.Errorf("%d %s, want %q", d.code, why, says)
		}
		checkPage(t, d)
	}
	for _, id := range []string{"release", "deleted by somebody else"} {
		if d := post(t, h, "/account/tokens/delete", url.Values{"id": {id}}); d.code != http.StatusSeeOther || d.head.Get("Location") != "/account?done=revoked" {
			t.Errorf("%d to %s", d.code, d.head.Get("Location"))
		}
	}
	stranger := site(viewtest.New(), viewtest.Options{Who: view.Who{Anonymous: true}})
	for _, path := range []string{"/account/password", "/account/tokens", "/account/tokens/delete"} {
		if d := post(t, stranger, path, url.Values{"days": {"90"}}); d.code != http.StatusForbidden {
			t.Errorf("%s of a reader who has not signed in: %d", path, d.code)
		}
	}
}

// TestPermissions are sentences, and nothing of a policy is lost in them.
func TestPermissions(t *testing.T) {
	right := func(resource, action, object string) view.Right {
		return view.Right{Subject: "role:x", Resource: resource, Action: action, Object: object}
	}
	deny := right("applications", "delete", "*/*")
	deny.Deny = true
	got := permissions([]view.Right{
		right("applications", "get", "*"), right("kustomizations", "get", "*"), right("applications", "sync", "shop/*"), deny,
		right("*", "*", "*"), right("applications", "action/*", "shop/*"), right("applications", "action/apps/Deployment/restart", "shop/*"),
		right("applications", "update/*", "*"), right("newfangled", "frob", "a/b"), right("newfangled", "frob", "a/c"),
	})
	want := []permission{
		{"See Applications, Kustomizations", "", false, "role:x"}, {"Sync Applications", "shop/*", false, "role:x"}, {"Delete Applications", "", true, "role:x"},
		{"Do anything with everything", "", false, "role:x"}, {"Run actions on objects of Applications", "shop/*", false, "role:x"},
		{"Run the action apps/Deployment/restart on objects of Applications", "shop/*", false, "role:x"},
		{"Change objects * of Applications", "", false, "role:x"}, {"frob newfangled", "a/b", false, "role:x"}, {"frob newfangled", "a/c", false, "role:x"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
