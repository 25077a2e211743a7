package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestBrowserAccount is what somebody does with the own account, in a real browser and by
// the command line, with what is stored in the cluster's Secret.
func TestBrowserAccount(t *testing.T) {
	browser := newBrowser(t)
	d := &day{installation: newHouse(t), browser: browser}
	d.tab = newTab(browser, t, d.wire.url())
	d.open("/account")
	d.enter("/account")
	d.part(t, "change the password", d.changePassword)
	d.part(t, "make and revoke a token", d.keepTokens)
	d.part(t, "change it on the command line", d.changePasswordByCommand)
}

// changePassword ends every other session, and leaves all else of the Secret as it is.
func (d *day) changePassword(t *testing.T) {
	d.sees("#me", "admin")
	elsewhere := d.session()
	d.answers("a session elsewhere", elsewhere, http.StatusOK)
	d.edit(secretKind, "argocd", "argocd-secret", `{"stringData":{"webhook.github.secret":"kept"}}`)
	d.expect("422")
	d.typePasswords("not the password", "a longer password")
	d.sees("[role=alert]", "password")
	d.answers("the session elsewhere, after a wrong guess", elsewhere, http.StatusOK)
	d.expect()
	d.typePasswords(d.password, "a longer password")
	d.tab.at("/account")
	d.sees("#toasts", "Your password is changed")
	d.answers("the session elsewhere", elsewhere, http.StatusUnauthorized)
	d.open("/apps")
	d.sees("header", "admin")
	if kept := secretValue(d.get(secretKind, "argocd", "argocd-secret"), "webhook.github.secret"); kept != "kept" {
		t.Errorf("the Secret's other key is %q", kept)
	}
	d.click("details.menu summary", "admin")
	d.follow("button", "Sign out")
	d.tab.at("/auth/login")
	d.open("/account")
	d.expect("401")
	d.write("input[name=name]", "admin")
	d.write("input[name=password]", d.password)
	d.follow("button", "Sign in")
	d.sees("[role=alert]", "The name or the password is wrong.")
	d.expect()
	d.password = "a longer password"
	d.open("/account")
	d.enter("/account")
}

// typePasswords fills in the form.
func (d *day) typePasswords(current, chosen string) {
	d.tab.t.Helper()
	d.write("input[name=current]", current)
	d.write("input[name=new]", chosen)
	d.write("input[name=again]", chosen)
	d.follow("button", "Change password")
}

// keepTokens has one that is good until it is revoked.
func (d *day) keepTokens(t *testing.T) {
	d.settings(map[string]string{"accounts.admin": "apiKey, login"})
	d.eventually("the form for tokens", func() error {
		d.open("/account")
		if !is[bool](d.tab, "document.querySelector('#tokens') != null") {
			return fmt.Errorf("there is none")
		}
		return nil
	})
	d.write("input[name=id]", "pipeline")
	d.follow("button", "Make a token")
	d.sees("[role=status]", "pipeline")
	token := is[string](d.tab, "document.querySelector('.copyable code').textContent")
	d.answers("the token", token, http.StatusOK)
	d.open("/account")
	if strings.Contains(d.text(), token) {
		t.Error("the token is shown again")
	}
	d.follow("button[aria-label='Revoke the token pipeline']", "")
	d.sees("#toasts", "The token is revoked")
	d.answers("the revoked token", token, http.StatusUnauthorized)
	d.sees("main", "You have none.")
}

// changePasswordByCommand goes by the server, without a kubeconfig.
func (d *day) changePasswordByCommand(t *testing.T) {
	c := newCommander(t, d.env, d.wire.url())
	c.in = d.password + "\n"
	c.says("signing in", 0, "as admin", "login", c.server, "--username", "admin", "--password-stdin")
	c.in = "not the password\nthe longest password\n"
	c.says("a wrong password", 1, "password", "account", "update-password", "--password-stdin")
	c.in = d.password + "\nthe longest password\n"
	c.says("changing the password", 0, "The password of admin is changed", "account", "update-password", "--password-stdin")
	c.says("the session goes on", 0, "admin", "account", "list")
	d.password = "the longest password"
	d.answers("a session with it", d.session(), http.StatusOK)
}

// session is the token of one that is opened elsewhere.
func (d *day) session() string {
	d.tab.t.Helper()
	body := fmt.Sprintf(`{"username":"admin","password":%q}`, d.password)
	r, err := http.NewRequestWithContext(d.tab.t.Context(), http.MethodPost, d.wire.url()+"/api/v1/session", strings.NewReader(body))
	if err != nil {
		d.tab.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	status, text := d.ask(r)
	var got struct{ Token string }
	if err := json.Unmarshal(text, &got); err != nil || status != http.StatusOK || got.Token == "" {
		d.tab.t.Fatalf("opening a session: %d %s %v", status, text, err)
	}
	return got.Token
}

// answers awaits how the server answers whoever has the token.
func (d *day) answers(what, token string, want int) {
	d.tab.t.Helper()
	d.eventually(what, func() error {
		r, err := http.NewRequestWithContext(d.tab.t.Context(), http.MethodGet, d.wire.url()+"/fixpoint/v1/account", nil)
		if err != nil {
			return err
		}
		r.Header.Set("Authorization", "Bearer "+token)
		if status, text := d.ask(r); status != want {
			return fmt.Errorf("answered with %d, want %d: %s", status, want, text)
		}
		return nil
	})
}

func (d *day) ask(r *http.Request) (status int, body []byte) {
	d.tab.t.Helper()
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		d.tab.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err = io.ReadAll(answer.Body)
	if err != nil {
		d.tab.t.Fatal(err)
	}
	return answer.StatusCode, body
}
