package source

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

func TestWebhook(t *testing.T) {
	const secret = "s3cret"
	push := `{"ref":"refs/heads/main","repository":{"clone_url":"https://GitHub.com/MyOrg/App.git","ssh_url":"git@github.com:MyOrg/App.git"}}`
	gitlab := `{"ref":"refs/heads/main","project":{"git_http_url":"https://github.com/myorg/app.git"},"repository":{"homepage":"https://github.com/myorg/app"}}`
	hash := func(body, key string) string { return hex.EncodeToString(sign([]byte(key), []byte(body))) }
	now := time.Now().Unix()
	standard := func(stamp int64, body string) http.Header {
		sum := sign([]byte("raw key"), fmt.Appendf(nil, "id.%d.%s", stamp, body))
		return http.Header{
			"Webhook-Id": {"id"}, "Webhook-Timestamp": {fmt.Sprint(stamp)},
			"Webhook-Signature": {"v1,AAAA v1," + base64.StdEncoding.EncodeToString(sum)},
		}
	}
	whsec := "whsec_" + base64.StdEncoding.EncodeToString([]byte("raw key"))

	r := store(t, Config{})
	defer func() { _ = r.Close() }()
	r.Set("https", model.Source{URL: "https://user:password@github.com:443/myorg/app"})
	r.Set("ssh", model.Source{URL: "ssh://git@github.com/myorg/app.git", Ref: model.Ref{Branch: "main"}})
	r.Set("scp", model.Source{URL: "git@github.com:myorg/app", Ref: model.Ref{Branch: "other"}})
	r.Set("else", model.Source{URL: "https://github.com/myorg/app2"})

	cases := map[string]struct {
		reason string
		method string
		secret string
		header http.Header
		body   string
		status int
		poked  string
	}{
		"github":        {header: http.Header{"X-Hub-Signature-256": {"sha256=" + hash(push, secret)}}, body: push, secret: secret, status: 202, poked: "2"},
		"gitea":         {header: http.Header{"X-Gitea-Signature": {hash(push, secret)}}, body: push, secret: secret, status: 202, poked: "2"},
		"forgejo":       {header: http.Header{"X-Forgejo-Signature": {hash(push, secret)}}, body: push, secret: secret, status: 202, poked: "2"},
		"gitlab token":  {header: http.Header{"X-Gitlab-Token": {secret}}, body: gitlab, secret: secret, status: 202, poked: "2"},
		"gitlab signed": {header: standard(now, gitlab), body: gitlab, secret: whsec, status: 202, poked: "2"},
		"no secret set": {body: push, status: 202, poked: "2"},
		"form":          {header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, body: "payload=" + strings.ReplaceAll(push, ":", "%3A"), status: 202, poked: "2"},
		"other branch":  {body: strings.Replace(push, "main", "other", 1), status: 202, poked: "2"},
		"ping":          {body: `{"zen":"…","repository":{"clone_url":"https://github.com/myorg/none"}}`, status: 202, poked: "0"},
		"unsigned":      {body: push, secret: secret, status: 401},
		"wrong secret":  {header: http.Header{"X-Hub-Signature-256": {"sha256=" + hash(push, "other")}}, body: push, secret: secret, status: 403},
		"wrong beside right": {reason: "one wrong signature is enough to refuse",
			header: http.Header{"X-Hub-Signature-256": {"sha256=00"}, "X-Gitlab-Token": {secret}}, body: push, secret: secret, status: 403},
		"wrong token":          {header: http.Header{"X-Gitlab-Token": {"s3cre"}}, body: gitlab, secret: secret, status: 403},
		"old signature":        {header: standard(now-3600, gitlab), body: gitlab, secret: whsec, status: 403},
		"changed body":         {header: http.Header{"X-Gitea-Signature": {hash(push, secret)}}, body: push + " ", secret: secret, status: 403},
		"not hex":              {header: http.Header{"X-Gitea-Signature": {"zz"}}, body: push, secret: secret, status: 403},
		"GET":                  {method: http.MethodGet, status: 405},
		"empty":                {status: 400},
		"no JSON":              {body: "{", status: 400},
		"JSON of another form": {body: `{"repository":[1,2],"ref":5}`, status: 400},
		"null":                 {body: `null`, status: 202, poked: "0"},
		"odd values":           {body: `{"repository":{"clone_url":{"a":1},"url":7}}`, status: 202, poked: "0"},
		"too large":            {body: strings.Repeat(" ", maxWebhook+1), status: 413},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			method := c.method
			if method == "" {
				method = http.MethodPost
			}
			req := httptest.NewRequest(method, "/webhook", strings.NewReader(c.body))
			maps.Copy(req.Header, c.header)
			w := httptest.NewRecorder()
			r.Webhook(func() string { return c.secret }).ServeHTTP(w, req)
			if w.Code != c.status {
				t.Fatalf("status %d (%s), want %d", w.Code, w.Body, c.status)
			}
			if c.poked != "" && !strings.HasPrefix(w.Body.String(), c.poked+" ") {
				t.Fatalf("answer %q, want %s subscriptions", w.Body, c.poked)
			}
			if strings.Contains(w.Body.String(), secret) {
				t.Fatalf("the answer holds the secret: %s", w.Body)
			}
		})
	}
}

func TestWebhookBringsThePush(t *testing.T) {
	git := server(t)
	commit(t, git, "main", map[string]*string{"a": text("1")})
	r := store(t, Config{}).run(t)
	r.Set("app", model.Source{URL: git.URL("app")})
	r.good(t, "app")
	second := commit(t, git, "main", map[string]*string{"a": text("2")})
	body := fmt.Sprintf(`{"ref":"refs/heads/main","repository":{"clone_url":%q}}`, strings.TrimSuffix(git.URL("app"), ".git"))
	w := httptest.NewRecorder()
	r.Webhook(func() string { return "" }).ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/webhook", strings.NewReader(body)))
	until(t, "the pushed commit", func() bool {
		st, _ := r.State("app")
		return st.Snapshot.Commit.ID == second
	})
}

func FuzzWebhook(f *testing.F) {
	f.Add("application/json", []byte(`{"repository":{"clone_url":"https://a/b"}}`))
	f.Add("application/x-www-form-urlencoded", []byte(`payload=%7b`))
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		p, err := parsePush(kind, body)
		if err == nil && p.index == nil {
			t.Fatal("a push without an index")
		}
	})
}
