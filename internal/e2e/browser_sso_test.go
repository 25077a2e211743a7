package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/security"
	"github.com/chromedp/chromedp"

	"github.com/fixpoint-cd/fixpoint/internal/app"
	"github.com/fixpoint-cd/fixpoint/internal/signin/oidctest"
)

// people are those whom the provider knows.
var people = map[string]oidctest.Person{
	"ann": {Claims: map[string]any{"sub": "u-ann", "email": "ann@example.com", "email_verified": true, "groups": []string{"payments-team"}}},
	"ola": {Claims: map[string]any{"sub": "u-ola", "email": "ola@example.com", "email_verified": true, "groups": []string{"platform"}}},
	"max": {Claims: map[string]any{"sub": "u-max", "email": "max@example.com", "nonce": "another"}},
}

// rights let the one team see its own project, and the other one everything.
const rights = `apiVersion: v1
kind: ConfigMap
metadata: {name: argocd-rbac-cm, namespace: argocd, labels: {app.kubernetes.io/part-of: argocd}}
data:
  policy.csv: |
    p, role:payments, applications, get, payments/*, allow
    p, role:payments, applications, sync, payments/*, allow
    g, payments-team, role:payments
    g, platform, role:readonly
`

// sso is an installation whose people an identity provider knows.
type sso struct {
	*env
	*tab
	provider *oidctest.Provider
	// site is another one than the provider's to the browser, as it mostly is.
	site string
}

func newSSO(t *testing.T) *sso {
	t.Helper()
	browser := newBrowser(t)
	provider := oidctest.New()
	t.Cleanup(provider.Close)
	provider.Ask(people)
	shown := make(chan string, 1)
	e := newEnv(t, func(o *app.Options) { o.UIListen, o.UIStarted = "127.0.0.1:0", func(addr string) { shown <- addr } })
	s := &sso{env: e, provider: provider, site: strings.Replace("http://"+<-shown, "127.0.0.1", "localhost", 1)}
	e.forgetSettings()
	t.Cleanup(func() { e.delete(configMapKind, "argocd", "argocd-rbac-cm") })
	e.apply(rights)
	s.configure()
	repo := e.repo("sso", map[string]string{"settings.yaml": configMap("settings", "one")})
	e.namespaces("sso")
	for _, project := range []string{"payments", "shop"} {
		e.apply(strings.Replace(manual(project+"-api", repo, ".", "sso"), "project: default", "project: "+project, 1))
	}
	s.tab = newTab(browser, t, s.site)
	command(s.tab, security.SetIgnoreCertificateErrors, security.SetIgnoreCertificateErrorsParams{Ignore: true}) // the provider's is its own
	return s
}

// configure names the provider in argocd-cm, with more lines of oidc.config.
func (s *sso) configure(more ...string) {
	s.env.t.Helper()
	s.settings(map[string]string{"url": s.site, "oidc.config": fmt.Sprintf(
		"name: Example ID\nissuer: %s\nclientID: %s\nclientSecret: %s\ncliClientID: %s\nrootCA: |\n  %s\n%s\n",
		s.provider.URL, oidctest.ClientID, oidctest.ClientSecret, oidctest.PublicID,
		strings.ReplaceAll(strings.TrimSpace(s.provider.RootCA()), "\n", "\n  "), strings.Join(more, "\n"))})
}

// offered waits until the page for signing in has the provider.
func (s *sso) offered(path string) {
	s.env.t.Helper()
	s.eventually("the provider on the page", func() error {
		s.open(path)
		if ok, err := js[bool](s.tab, "!!document.querySelector('a[href^=\"/auth/sso\"]')"); err != nil || !ok {
			return errors.Join(err, fmt.Errorf("it is not on\n%s", s.text()))
		}
		return nil
	})
}

// to goes to the provider, as the one button of the page says.
func (s *sso) to() {
	s.env.t.Helper()
	s.click("a.button", "Sign in with Example ID")
	s.sees("h1", "Example ID")
}

// come is somebody who signs in, from the page for it, and gets to the path.
func (s *sso) come(name, path string) {
	s.env.t.Helper()
	s.to()
	s.click("button", "Continue as "+name)
	s.tab.at(path)
	s.sees("header", name+"@example.com")
}

// leave signs out, which leads to the provider, and back from there.
func (s *sso) leave(subject string) {
	s.env.t.Helper()
	s.click("summary", "Signed in as")
	s.click("button", "Sign out")
	s.sees("h1", "Goodbye, "+subject)
	s.click("a", "Back to where you came from")
	s.tab.at("/auth/login")
}

// TestBrowserSSO signs people in by an identity provider of another site, in a real
// browser, with the content security policy in force.
func TestBrowserSSO(t *testing.T) {
	s := newSSO(t)
	s.offered("/apps?q=api")
	s.part(t, "come and see what the group may", s.comeAndSee)
	s.part(t, "leave here and there", s.leaveBoth)
	s.part(t, "decline", s.decline)
	s.part(t, "answers that are no good", s.noGood)
	s.part(t, "answers to something else", s.replays)
	s.part(t, "the command line", s.commandLine)
	s.part(t, "leave by another address", s.leaveElsewhere)
	s.part(t, "a provider that is away", s.away)
}

// part is a piece of the story; it ends with no fault in the page.
func (s *sso) part(t *testing.T, name string, story func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		outer := s.env.t
		s.env.t, s.tab.t = t, t
		defer func() { s.env.t, s.tab.t = outer, outer }()
		story(t)
		s.expect()
		for _, f := range s.takeFaults() {
			t.Errorf("in the page: %s", f)
		}
	})
}

// comeAndSee: the groups of the provider decide what there is to see.
func (s *sso) comeAndSee(t *testing.T) {
	s.come("ann", "/apps?q=api")
	s.sees("#apps-list", "payments-api")
	s.sees("#apps-list [role=status]", "1 app")
	s.misses("#apps-list", "shop-api")
	if cookie := is[string](s.tab, "document.cookie"); cookie != "" {
		t.Errorf("scripts can read a cookie: %s", cookie)
	}
	s.expect("404", "403")
	s.open("/apps/application/argocd/shop-api")
	s.sees("h1", "Not here")
	s.open("/audit")
	s.sees("h1", "Not permitted")
}

func (s *sso) leaveBoth(t *testing.T) {
	s.open("/apps")
	s.leave("u-ann")
	if n := s.provider.Count("/end"); n != 1 {
		t.Errorf("the provider was told %d times that the session has ended", n)
	}
	s.open("/apps/application/argocd/shop-api")
	s.tab.at("/auth/login")
	s.come("ola", "/apps/application/argocd/shop-api")
	s.sees("h1", "shop-api")
	s.leave("u-ola")
}

// decline: the page says so, and the next attempt goes to where the first one would have.
func (s *sso) decline(*testing.T) {
	s.expect("401")
	s.open("/activity?kind=synced")
	s.to()
	s.click("button", "Decline")
	s.sees("[role=alert]", "Your provider said no")
	s.tidy("a refusal")
	s.come("ola", "/activity?kind=synced")
	s.leave("u-ola")
}

// noGood: a nonce of another attempt, and a code that was given to somebody else, which
// PKCE is against.
func (s *sso) noGood(t *testing.T) {
	s.expect("401")
	s.open("/activity")
	s.to()
	s.click("button", "Continue as max")
	s.sees("[role=alert]", "could not tell who you are")
	s.tidy("a failure")
	s.to()
	state := is[string](s.tab, "new URLSearchParams(location.search).get('state')")
	s.open("/auth/callback?" + url.Values{"code": {s.strangersCode(t)}, "state": {state}}.Encode())
	s.sees("[role=alert]", "could not tell who you are")
	s.open("/apps")
	s.tab.at("/auth/login")
}

// strangersCode is one that the provider gives for an attempt of another browser.
func (s *sso) strangersCode(t *testing.T) string {
	t.Helper()
	client := s.provider.Client()
	to := locationOf(t, client, http.MethodGet, s.site+"/auth/sso", nil)
	back := locationOf(t, client, http.MethodPost, to, url.Values{"as": {"ola"}})
	u, err := url.Parse(back)
	if err != nil || u.Query().Get("code") == "" {
		t.Fatalf("the provider leads to %s, %v", back, err)
	}
	return u.Query().Get("code")
}

// locationOf is where an address leads to.
func locationOf(t *testing.T, client *http.Client, method, address string, form url.Values) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	return answer.Header.Get("Location")
}

// replays: an answer counts once, and in the browser that has asked.
func (s *sso) replays(t *testing.T) {
	s.expect("401")
	before := s.tab.count()
	s.open("/activity")
	s.come("ann", "/activity")
	var answer string
	for _, r := range s.since(before) {
		if path, ok := strings.CutPrefix(r.URL, s.site); ok && strings.HasPrefix(path, "/auth/callback?") {
			answer = path
		}
	}
	s.leave("u-ann")
	s.open(answer)
	s.sees("[role=alert]", "begun in another window")
	s.tidy("a replay")
	s.to()
	s.open("/auth/callback?code=x&state=y")
	s.sees("[role=alert]", "begun in another window")
	s.open("/apps")
	s.tab.at("/auth/login")
}

// commandLine signs somebody in by this browser, who then has the same rights there.
func (s *sso) commandLine(t *testing.T) {
	for name, value := range map[string]string{
		"HOME": t.TempDir(), "XDG_CONFIG_HOME": "", "KUBECONFIG": "/none", "KUBERNETES_SERVICE_HOST": "", "FIXPOINT_SERVER": "", "FIXPOINT_TOKEN": "",
	} {
		t.Setenv(name, value)
	}
	c := &commander{env: s.env, server: s.site}
	out, code := &lockedBuffer{}, make(chan int, 1)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	go func() {
		args := []string{"login", s.site, "--sso", "--sso-port", "0", "--sso-launch-browser=false"}
		code <- app.Run(ctx, args, app.Stdio{In: strings.NewReader(""), Out: out, Err: out})
	}()
	var address string
	s.eventually("the address to open", func() error {
		if address = regexp.MustCompile(`https://\S+/authorize\S+`).FindString(out.String()); address == "" {
			return errors.New(out.String())
		}
		return nil
	})
	s.do(chromedp.Navigate(address))
	s.click("button", "Continue as ann")
	s.sees("h1", "Back to the command line")
	s.tidy("the command line")
	if got := <-code; got != 0 || !strings.Contains(out.String(), "Signed in to "+s.site+" as ann@example.com, until") {
		t.Fatalf("it ends with %d:\n%s", got, out)
	}
	if got, _ := c.run("get"); !strings.Contains(got, "payments-api") || strings.Contains(got, "shop-api") {
		t.Errorf("ann sees\n%s", got)
	}
	c.says("what she may not", 1, `named "shop-api"`, "sync", "argocd/shop-api")
	stored, err := os.ReadFile(filepath.Join(os.Getenv("HOME"), ".config/fixpoint/config.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	token := regexp.MustCompile(`token: (\S+)`).FindStringSubmatch(string(stored))
	c.says("signing out", 0, "Signed out", "logout")
	t.Setenv("FIXPOINT_TOKEN", token[1])
	c.says("with the token of before", 1, "not signed in", "get", "--server", s.site)
}

// leaveElsewhere goes by logoutURL of oidc.config.
func (s *sso) leaveElsewhere(*testing.T) {
	s.configure("logoutURL: " + s.provider.URL + "/custom/end?id_token_hint={{token}}&post_logout_redirect_uri={{logoutRedirectURL}}")
	s.eventually("the other address", func() error {
		s.open("/apps")
		s.come("ola", "/apps")
		s.leave("u-ola")
		if s.provider.Count("/custom/end") == 0 {
			return errors.New("it was not asked for")
		}
		return nil
	})
}

// away: who can't sign in learns that it is not their fault.
func (s *sso) away(*testing.T) {
	s.expect("503", "401")
	gone := oidctest.New()
	gone.Close()
	s.provider = gone
	s.configure()
	s.eventually("no answer of the provider", func() error {
		s.open("/auth/sso?return=/activity")
		if text := s.text(); !strings.Contains(text, "does not answer at the moment") {
			return errors.New(text)
		}
		return nil
	})
	s.tidy("no answer")
}

// tidy fails if axe finds anything in the page, in any of its looks.
func (s *sso) tidy(name string) {
	t := s.env.t
	t.Helper()
	for _, l := range looks {
		s.look(l.scheme, l.width)
		for _, v := range s.violations() {
			t.Errorf("%s, %s: %s: %s\n  %s", name, l.name, v.Rule, v.Help, strings.Join(firsts(v.Places, 3), "\n  "))
		}
		s.picture(filepath.Join(pictures(t), "sign-in-"+strings.ReplaceAll(name, " ", "-")+"-"+l.name+".png"))
	}
	s.look("light", 1360)
}
