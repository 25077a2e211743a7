package signin_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fixpoint-cd/fixpoint/internal/signin"
)

// read reads settings over those that have nothing wrong.
func read(cm map[string]string, secret map[string]string, scopes string) (signin.Settings, []string) {
	data := map[string][]byte{"server.secretkey": []byte(key)}
	for k, v := range secret {
		data[k] = []byte(v)
	}
	set, problems := signin.Read(cm, data, scopes, nil, func(secret, key string) (string, bool) {
		return "from another", secret == "other" && key == "id"
	})
	var texts []string
	for _, p := range problems {
		texts = append(texts, p.Error())
	}
	return set, texts
}

// TestRead reads settings as Argo CD does.
func TestRead(t *testing.T) {
	set, problems := read(map[string]string{
		"url": "https://a.example.com/", "additionalUrls": "- https://b.example.com\n",
		"accounts.ci": "apiKey", "accounts.john.doe": " login , apiKey ", "accounts.off": "login", "accounts.off.enabled": "false",
		"accounts.admin": "apiKey", "users.session.duration": "12h",
	}, map[string]string{
		"accounts.ci.tokens": `[{"id":"a","iat":1,"exp":2}]`, "admin.tokens": `[{"id":"b","iat":3}]`,
		"accounts.john.doe.passwordMtime": "2026-01-02T03:04:05.9Z",
	}, "[groups, email]")
	if len(problems) != 0 {
		t.Errorf("problems: %q", problems)
	}
	want := map[string]signin.Account{
		"admin":    {Enabled: true, Login: true, APIKey: true, Tokens: []signin.Token{{ID: "b", IssuedAt: 3}}},
		"ci":       {Enabled: true, APIKey: true, Tokens: []signin.Token{{ID: "a", IssuedAt: 1, ExpiresAt: 2}}},
		"john.doe": {Enabled: true, Login: true, APIKey: true, Changed: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)},
		"off":      {Login: true},
	}
	if diff := cmp.Diff(want, set.Accounts); diff != "" {
		t.Error(diff)
	}
	if set.URL != "https://a.example.com" || !cmp.Equal(set.MoreURLs, []string{"https://b.example.com"}) ||
		set.Session != 12*time.Hour || !cmp.Equal(set.GroupClaims, []string{"groups", "email"}) || set.Anonymous {
		t.Errorf("settings: %+v", set)
	}
}

// TestReadProvider reads oidc.config.
func TestReadProvider(t *testing.T) {
	set, problems := read(map[string]string{"oidc.config": `
name: Example
issuer: https://id.example.com
clientID: $other:id
clientSecret: $id.secret
cliClientID: cli
requestedScopes: [profile]
logoutURL: https://id.example.com/out?to={{logoutRedirectURL}}
enablePKCEAuthentication: true
`}, map[string]string{"id.secret": "hush\n"}, "")
	if len(problems) != 0 {
		t.Errorf("problems: %q", problems)
	}
	want := &signin.OIDC{
		Name: "Example", Issuer: "https://id.example.com", ClientID: "from another", ClientSecret: "hush", CLIClientID: "cli",
		Scopes: []string{"openid", "profile"}, Audiences: []string{"from another", "cli"},
		LogoutURL: "https://id.example.com/out?to={{logoutRedirectURL}}",
	}
	if diff := cmp.Diff(want, set.OIDC); diff != "" {
		t.Error(diff)
	}
}

// TestProblems: what can't be used is said, with its place and without any value of a
// Secret, and the safe choice is made.
func TestProblems(t *testing.T) {
	good := "issuer: https://id.example.com\nclientID: a\n"
	tests := map[string]struct {
		cm, secret map[string]string
		scopes     string
		want       string // in the only problem
		safe       func(signin.Settings) bool
	}{
		"anonymous": {cm: map[string]string{"users.anonymous.enabled": "yes"}, want: "users.anonymous.enabled",
			safe: func(s signin.Settings) bool { return !s.Anonymous }},
		"admin": {cm: map[string]string{"admin.enabled": "nope"}, want: "admin.enabled",
			safe: func(s signin.Settings) bool { return !s.Accounts["admin"].Enabled }},
		"capability": {cm: map[string]string{"accounts.a": "login, root"}, want: `"root"`,
			safe: func(s signin.Settings) bool { return s.Accounts["a"].Login }},
		"a name with a colon": {cm: map[string]string{"accounts.proj:a:b": "login"}, want: "without colons",
			safe: func(s signin.Settings) bool { return len(s.Accounts) == 1 }},
		"no hash": {secret: map[string]string{"admin.password": "hunter2"}, want: "admin.password is not the bcrypt hash",
			safe: func(s signin.Settings) bool { return len(s.Accounts["admin"].Hash) == 0 }},
		"no time": {secret: map[string]string{"admin.passwordMtime": "hunter2"}, want: "admin.passwordMtime",
			safe: func(s signin.Settings) bool { return !s.Accounts["admin"].Enabled }},
		"no tokens": {secret: map[string]string{"admin.tokens": "hunter2"}, want: "admin.tokens",
			safe: func(s signin.Settings) bool { return len(s.Accounts["admin"].Tokens) == 0 }},
		"a short key": {secret: map[string]string{"server.secretkey": "hunter2"}, want: "server.secretkey has 7 bytes",
			safe: func(s signin.Settings) bool { return s.Key == nil }},
		"duration": {cm: map[string]string{"users.session.duration": "0"}, want: "users.session.duration",
			safe: func(s signin.Settings) bool { return s.Session == 24*time.Hour }},
		"pattern": {cm: map[string]string{"passwordPattern": "("}, want: "passwordPattern",
			safe: func(s signin.Settings) bool { return !s.Pattern.MatchString("short") }},
		"scopes": {scopes: "{", want: "scopes",
			safe: func(s signin.Settings) bool { return cmp.Equal(s.GroupClaims, []string{"groups"}) }},
		"url":               {cm: map[string]string{"url": "fixpoint.example.com"}, want: "url:"},
		"more urls":         {cm: map[string]string{"additionalUrls": "- javascript:alert(1)"}, want: "additionalUrls", safe: func(s signin.Settings) bool { return len(s.MoreURLs) == 0 }},
		"dex":               {cm: map[string]string{"dex.config": "connectors: []"}, want: "oidc.config"},
		"provider, no YAML": {cm: map[string]string{"oidc.config": "clientSecret: hunter2\n\t- {"}, want: "oidc.config", safe: noProvider},
		"provider, unknown field": {cm: map[string]string{"oidc.config": good + "cachet: 1\n"}, want: "cachet",
			safe: func(s signin.Settings) bool { return s.OIDC != nil }},
		"provider, ignored field": {cm: map[string]string{"oidc.config": good + "refreshTokenThreshold: 5m\n"}, want: "refreshTokenThreshold",
			safe: func(s signin.Settings) bool { return s.OIDC != nil }},
		"provider, workload identity": {cm: map[string]string{"oidc.config": good + "azure: {useWorkloadIdentity: true}\n"}, want: "azure"},
		"provider, issuer":            {cm: map[string]string{"oidc.config": "issuer: id\nclientID: a\n"}, want: "issuer", safe: noProvider},
		"provider, client":            {cm: map[string]string{"oidc.config": "issuer: https://id.example.com\n"}, want: "clientID", safe: noProvider},
		"provider, root":              {cm: map[string]string{"oidc.config": good + "rootCA: hunter2\n"}, want: "rootCA", safe: noProvider},
		"provider, no such key":       {cm: map[string]string{"oidc.config": good + "clientSecret: $nope\n"}, want: `"nope"`, safe: noProvider},
		"provider, no such secret":    {cm: map[string]string{"oidc.config": good + "clientSecret: $nope:a\n"}, want: `"nope"`, safe: noProvider},
		"skip verify": {cm: map[string]string{"oidc.config": good, "oidc.tls.insecure.skip.verify": "1"}, want: "skip.verify",
			safe: func(s signin.Settings) bool { return s.OIDC != nil && !s.OIDC.SkipVerify }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			set, problems := read(tt.cm, tt.secret, tt.scopes)
			if len(problems) != 1 || !strings.Contains(problems[0], tt.want) || strings.Contains(problems[0], "hunter2") {
				t.Errorf("problems: %q, want one about %s", problems, tt.want)
			}
			if tt.safe != nil && !tt.safe(set) {
				t.Errorf("settings: %+v", set)
			}
		})
	}
}

func noProvider(s signin.Settings) bool { return s.OIDC == nil }
