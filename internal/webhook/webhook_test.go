package webhook

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

const secret = "s3cret"

func mac(algorithm func() hash.Hash, key, body string) string {
	return hex.EncodeToString(sign(algorithm, []byte(key), []byte(body)))
}

// header makes headers of name, value pairs.
func header(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Set(pairs[i], pairs[i+1])
	}
	return h
}

// TestPush has a call of each sender, in the form that its documentation gives.
func TestPush(t *testing.T) {
	gcr := base64.StdEncoding.EncodeToString([]byte(`{"action":"INSERT","digest":"gcr.example/p/app@sha256:00","tag":"gcr.example/p/app:v2"}`))
	for name, c := range map[string]struct {
		header http.Header
		body   string
		from   sender
		want   Push
	}{
		"github": {header("X-GitHub-Event", "push"),
			`{"ref":"refs/heads/main","repository":{"clone_url":"https://git.example/a/b.git","ssh_url":"git@git.example:a/b.git"}}`,
			gitHub, Push{[]string{"https://git.example/a/b.git", "git@git.example:a/b.git"}, []string{"refs/heads/main"}}},
		"github ping": {header("X-GitHub-Event", "ping"), `{"zen":"…"}`, gitHub, Push{}},
		"github package": {header("X-GitHub-Event", "registry_package"),
			`{"registry_package":{"namespace":"Org","name":"app","package_version":{"package_url":"ghcr.io/org/app:v1","container_metadata":{"tag":{"name":"v1"}}}}}`,
			gitHub, Push{[]string{"oci://ghcr.io/org/app"}, []string{"v1"}}},
		"gitlab": {header("X-Gitlab-Event", "Push Hook"),
			`{"ref":"refs/tags/v1","project":{"git_http_url":"https://git.example/a/b.git","git_ssh_url":"git@git.example:a/b.git"},"repository":{"homepage":"https://git.example/a/b"}}`,
			gitLab, Push{[]string{"https://git.example/a/b", "https://git.example/a/b.git", "git@git.example:a/b.git"}, []string{"refs/tags/v1"}}},
		"gitea": {header("X-Gitea-Event", "push", "X-GitHub-Event", "push", "X-Gogs-Event", "push"),
			`{"ref":"refs/heads/a/b","repository":{"clone_url":"https://git.example/a/b.git"}}`,
			gogs, Push{[]string{"https://git.example/a/b.git"}, []string{"refs/heads/a/b"}}},
		"bitbucket": {header("X-Event-Key", "repo:push", "X-Hook-UUID", "u"),
			`{"repository":{"full_name":"team/app","links":{"html":{"href":"https://bitbucket.org/team/app"}}},
			"push":{"changes":[{"new":{"type":"branch","name":"a/b"},"old":null},{"new":null,"old":{"type":"tag","name":"v1"}}]}}`,
			bitbucket, Push{[]string{"https://bitbucket.org/team/app", "https://bitbucket.org/team/app", "git@bitbucket.org:team/app"},
				[]string{"refs/heads/a/b", "refs/tags/v1"}}},
		"bitbucket server, several refs": {header("X-Event-Key", "repo:refs_changed"),
			`{"repository":{"links":{"clone":[{"href":"https://bb.example/scm/p/a.git","name":"http"},{"href":"ssh://git@bb.example:7999/p/a.git","name":"ssh"}]}},
			"changes":[{"ref":{"id":"refs/heads/a/b"}},{"ref":{"id":"refs/heads/main"}}]}`,
			bitbucketServer, Push{[]string{"https://bb.example/scm/p/a.git", "ssh://git@bb.example:7999/p/a.git"}, []string{"refs/heads/a/b", "refs/heads/main"}}},
		"azure": {nil, `{"publisherId":"tfs","eventType":"git.push","resource":{"refUpdates":[{"name":"refs/heads/main"}],
			"repository":{"remoteUrl":"https://org@dev.azure.com/org/proj/_git/app"}}}`,
			azure, Push{[]string{"https://org@dev.azure.com/org/proj/_git/app", "git@ssh.dev.azure.com:v3/org/proj/app"}, []string{"refs/heads/main"}}},
		"docker hub": {nil, `{"push_data":{"tag":"v1"},"repository":{"repo_name":"team/app"}}`, registry, Push{[]string{"oci://docker.io/team/app"}, []string{"v1"}}},
		"quay":       {nil, `{"docker_url":"quay.example/team/app","updated_tags":["v1","v2"]}`, registry, Push{[]string{"oci://quay.example/team/app"}, []string{"v1", "v2"}}},
		"harbor": {nil, `{"type":"PUSH_ARTIFACT","event_data":{"resources":[{"tag":"v1","resource_url":"hub.example:8443/team/app:v1"}]}}`,
			registry, Push{[]string{"oci://hub.example:8443/team/app"}, []string{"v1"}}},
		"acr": {nil, `{"action":"push","target":{"repository":"app","tag":"v1"},"request":{"host":"r.example"}}`, registry, Push{[]string{"oci://r.example/app"}, []string{"v1"}}},
		"gcr": {nil, `{"message":{"data":"` + gcr + `"}}`, registry, Push{[]string{"oci://gcr.example/p/app"}, []string{"v2"}}},
		"distribution": {nil, `{"events":[{"action":"pull"},{"action":"push","target":{"repository":"app","tag":"v1"},"request":{"host":"r.example:5000"}}]}`,
			registry, Push{[]string{"oci://r.example:5000/app"}, []string{"v1"}}},
		"form": {header("X-GitHub-Event", "push", "Content-Type", "application/x-www-form-urlencoded"),
			"payload=" + strings.ReplaceAll(`{"repository":{"clone_url":"https://git.example/a"}}`, ":", "%3A"), gitHub, Push{URLs: []string{"https://git.example/a"}}},

		// Bodies that other implementations crashed on.
		"gogs, repository null":              {header("X-Gogs-Event", "push"), `{"repository":null}`, gogs, Push{}},
		"azure, no refUpdates":               {nil, `{"publisherId":"tfs","eventType":"git.push","resource":{"refUpdates":[],"repository":null}}`, azure, Push{}},
		"bitbucket server, links no array":   {header("X-Event-Key", "repo:refs_changed"), `{"repository":{"links":{"clone":"x","self":{}}},"changes":{}}`, bitbucketServer, Push{}},
		"bitbucket, changes of another form": {header("X-Hook-UUID", "u"), `{"push":{"changes":[1,null,[]]}}`, bitbucket, Push{}},
		"odd values":                         {nil, `{"repository":{"clone_url":{"a":1},"url":7},"ref":[]}`, anyone, Push{}},
		"null":                               {nil, `null`, anyone, Push{}},
	} {
		t.Run(name, func(t *testing.T) {
			h := c.header
			if h == nil {
				h = http.Header{}
			}
			body, err := decode(h, []byte(c.body))
			if err != nil {
				t.Fatal(err)
			}
			from := senderOf(h, body)
			if from != c.from {
				t.Errorf("sender is %s", from)
			}
			if diff := cmp.Diff(c.want, read(from, body)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// call sends a body and returns the status, and what was refreshed or poked.
func call(t *testing.T, cfg Config, path, body string, h http.Header) (int, []string) {
	t.Helper()
	var did []string
	cfg.Refresh = func(p Push) int { did = append(did, p.URLs...); return len(p.URLs) }
	cfg.Poke = func(path string) int { did = append(did, path); return 1 }
	cfg.Receiver = func(path string) (Receiver, bool) {
		kind, ok := strings.CutPrefix(path, "/hook/")
		return Receiver{Type: kind, Token: secret, Events: []string{"push", "Push Hook", "repo:push"}}, ok
	}
	handler := New(cfg)
	serve := handler.Any()
	if strings.HasPrefix(path, "/hook/") {
		serve = handler.Receivers()
	}
	req := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	maps.Copy(req.Header, h)
	w := httptest.NewRecorder()
	serve.ServeHTTP(w, req)
	if strings.Contains(w.Body.String(), secret) {
		t.Errorf("the answer tells the secret: %s", w.Body)
	}
	return w.Code, did
}

const push = `{"ref":"refs/heads/main","repository":{"clone_url":"https://git.example/a","full_name":"team/app","links":{"clone":[{"href":"https://git.example/a"}]}}}`

func TestAuthentication(t *testing.T) {
	hub := func(key, body string) http.Header {
		return header("X-GitHub-Event", "push", "X-Hub-Signature-256", "sha256="+mac(sha256.New, key, body))
	}
	azurePush := `{"publisherId":"tfs","eventType":"git.push","resource":{"repository":{"remoteUrl":"https://git.example/a"}}}`
	basic := func(user, password string) http.Header {
		r := http.Request{Header: http.Header{}}
		r.SetBasicAuth(user, password)
		return r.Header
	}
	now := time.Now().Unix()
	std := func(stamp int64) http.Header {
		code := base64.StdEncoding.EncodeToString(sign(sha256.New, []byte("raw"), fmt.Appendf(nil, "id.%d.%s", stamp, push)))
		return header("X-Gitlab-Event", "Push Hook", "Webhook-Id", "id", "Webhook-Timestamp", fmt.Sprint(stamp), "Webhook-Signature", "v1,AAAA v1,"+code)
	}
	whsec := Secrets{GitLab: "whsec_" + base64.StdEncoding.EncodeToString([]byte("raw"))}
	for name, c := range map[string]struct {
		secrets Secrets
		open    bool
		body    string
		header  http.Header
		status  int
	}{
		"github":                       {Secrets{GitHub: secret}, false, push, hub(secret, push), 202},
		"github by the shared secret":  {Secrets{Shared: secret}, false, push, hub(secret, push), 202},
		"github, wrong":                {Secrets{GitHub: secret}, false, push, hub("other", push), 403},
		"github, changed body":         {Secrets{GitHub: secret}, false, push + " ", hub(secret, push), 403},
		"github, another's secret":     {Secrets{GitLab: secret}, false, push, hub(secret, push), 401},
		"unsigned":                     {Secrets{GitHub: secret}, false, push, header("X-GitHub-Event", "push"), 401},
		"not hex":                      {Secrets{Gogs: secret}, false, push, header("X-Gitea-Signature", "zz"), 403},
		"gitea":                        {Secrets{Gogs: secret}, false, push, header("X-Gitea-Signature", mac(sha256.New, secret, push)), 202},
		"gogs":                         {Secrets{Gogs: secret}, false, push, header("X-Gogs-Signature", mac(sha256.New, secret, push)), 202},
		"gitlab token":                 {Secrets{GitLab: secret}, false, push, header("X-Gitlab-Token", secret), 202},
		"gitlab token, wrong":          {Secrets{GitLab: secret}, false, push, header("X-Gitlab-Token", "s3cre"), 403},
		"gitlab signed":                {whsec, false, push, std(now), 202},
		"gitlab signed long ago":       {whsec, false, push, std(now - 3600), 403},
		"one wrong beside a right one": {Secrets{GitLab: secret}, false, push, header("X-Gitlab-Token", secret, "X-Hub-Signature-256", "sha256=00"), 403},
		"bitbucket":                    {Secrets{BitbucketUUID: "{u-1}"}, false, push, header("X-Hook-UUID", "u-1"), 202},
		"bitbucket, another hook":      {Secrets{BitbucketUUID: "{u-1}"}, false, push, header("X-Hook-UUID", "u-2"), 403},
		"bitbucket, nothing set":       {Secrets{GitHub: secret}, false, push, header("X-Hook-UUID", "u-2"), 401},
		"bitbucket server":             {Secrets{BitbucketServer: secret}, false, push, header("X-Event-Key", "repo:refs_changed", "X-Hub-Signature", "sha256="+mac(sha256.New, secret, push)), 202},
		"azure":                        {Secrets{AzureUsername: "u", AzurePassword: secret}, false, azurePush, basic("u", secret), 202},
		"azure, wrong":                 {Secrets{AzureUsername: "u", AzurePassword: secret}, false, azurePush, basic("u", "p"), 403},
		"azure, none":                  {Secrets{AzureUsername: "u", AzurePassword: secret}, false, azurePush, nil, 401},
		"nothing configured":           {Secrets{}, false, push, hub(secret, push), 401},
		"nothing configured, allowed":  {Secrets{}, true, push, nil, 202},
		"allowed, but not for others":  {Secrets{GitHub: secret}, true, push, header("X-Gitlab-Event", "Push Hook"), 401},
		"no JSON":                      {Secrets{Shared: secret}, false, "{", header("X-Gitlab-Token", secret), 400},
		"no JSON and no proof":         {Secrets{Shared: secret}, false, "{", nil, 401},
		"a list":                       {Secrets{Shared: secret}, false, "[]", header("X-Gitlab-Token", secret), 400},
		"another event":                {Secrets{Shared: secret}, false, "{}", header("X-Gitlab-Token", secret), 202},
		"too large":                    {Secrets{Shared: secret}, false, strings.Repeat(" ", 2000), header("X-Gitlab-Token", secret), 413},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := Config{Secrets: func() Secrets { return c.secrets }, Unsigned: c.open, MaxBytes: func() int64 { return 1000 }}
			status, did := call(t, cfg, "/api/webhook", c.body, c.header)
			if status != c.status || (len(did) > 0) != (c.status == 202 && c.body != "{}") {
				t.Errorf("status %d, refreshed %q", status, did)
			}
		})
	}
}

// TestSecurityNothingUnprovenIsDecoded (GHSA-jmvp-698c-4x3w): a call that proves nothing
// costs no more memory than its body, whoever it says to be from.
func TestSecurityNothingUnprovenIsDecoded(t *testing.T) {
	secrets := Secrets{Shared: secret, GitHub: secret, AzureUsername: "u", AzurePassword: secret}
	body := `{"eventType":"git.push","publisherId":"tfs","a":[` + strings.Repeat("{},", 50_000) + `0]}`
	for name, h := range map[string]http.Header{
		"nobody": nil, "GitHub, unsigned": header("X-GitHub-Event", "push"), "GitHub, wrong": header("X-Hub-Signature-256", "sha256=00"),
		"a form": header("Content-Type", "application/x-www-form-urlencoded"), "Azure, wrong": header("Authorization", "Basic dTpw"),
	} {
		handler := New(Config{Secrets: func() Secrets { return secrets }}).Any()
		allocations := testing.AllocsPerRun(1, func() {
			req := httptest.NewRequest(http.MethodPost, "/api/webhook", strings.NewReader(body))
			maps.Copy(req.Header, h)
			w := httptest.NewRecorder()
			if handler.ServeHTTP(w, req); w.Code != 401 && w.Code != 403 {
				t.Errorf("%s: %d %s", name, w.Code, w.Body)
			}
		})
		if allocations > 5_000 {
			t.Errorf("%s: %.0f allocations for %d values that nobody has vouched for", name, allocations, 50_000)
		}
	}
}

// TestSecurityLargeBodies: as many large bodies as there is room for are worked on at a
// time, not only read.
func TestSecurityLargeBodies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		body := `{"repository":{"clone_url":"https://git.example/a"},"a":"` + strings.Repeat("a", small) + `"}`
		release, inside := make(chan struct{}), make(chan int, 2*bodies)
		handler := New(Config{Secrets: func() Secrets { return Secrets{Shared: secret} }, Refresh: func(Push) int {
			inside <- 1
			<-release
			return 1
		}}).Any()
		var all sync.WaitGroup
		for range bodies + 2 {
			all.Go(func() {
				req := httptest.NewRequest(http.MethodPost, "/api/webhook", strings.NewReader(body))
				req.Header.Set("X-Gitlab-Token", secret)
				handler.ServeHTTP(httptest.NewRecorder(), req)
			})
		}
		synctest.Wait()
		if len(inside) != bodies {
			t.Errorf("%d are worked on at a time, and not %d", len(inside), bodies)
		}
		close(release)
		all.Wait()
		if len(inside) != bodies+2 {
			t.Errorf("%d of %d were worked on", len(inside), bodies+2)
		}
	})
}

func TestReceivers(t *testing.T) {
	for name, c := range map[string]struct {
		kind   string
		header http.Header
		status int
		poked  bool
	}{
		"generic":               {"generic", nil, 202, true},
		"hmac":                  {"generic-hmac", header("X-Signature", "sha256="+mac(sha256.New, secret, push)), 202, true},
		"hmac sha1":             {"generic-hmac", header("X-Signature", "sha1="+mac(sha1.New, secret, push)), 202, true},
		"hmac, none":            {"generic-hmac", nil, 401, false},
		"hmac, md5":             {"generic-hmac", header("X-Signature", "md5=00"), 403, false},
		"github":                {"github", header("X-GitHub-Event", "push", "X-Hub-Signature-256", "sha256="+mac(sha256.New, secret, push)), 202, true},
		"github, old signature": {"github", header("X-GitHub-Event", "push", "X-Hub-Signature", "sha1="+mac(sha1.New, secret, push)), 202, true},
		"github, other event":   {"github", header("X-GitHub-Event", "issues", "X-Hub-Signature-256", "sha256="+mac(sha256.New, secret, push)), 202, false},
		"github, unsigned":      {"github", header("X-GitHub-Event", "push"), 401, false},
		"github, a token":       {"github", header("X-GitHub-Event", "push", "X-Gitlab-Token", secret), 401, false},
		"gitlab":                {"gitlab", header("X-Gitlab-Event", "Push Hook", "X-Gitlab-Token", secret), 202, true},
		"gitlab, wrong":         {"gitlab", header("X-Gitlab-Event", "Push Hook", "X-Gitlab-Token", "x"), 403, false},
		"bitbucket":             {"bitbucket", header("X-Event-Key", "repo:push", "X-Hub-Signature", "sha256="+mac(sha256.New, secret, push)), 202, true},
		"harbor":                {"harbor", header("Authorization", secret), 202, true},
		"harbor, wrong":         {"harbor", header("Authorization", "x"), 403, false},
		"nexus":                 {"nexus", header("X-Nexus-Webhook-Id", "push", "X-Nexus-Webhook-Signature", mac(sha1.New, secret, push)), 202, true},
		"a type of no checks":   {"gcr", nil, 401, false},
	} {
		t.Run(name, func(t *testing.T) {
			status, did := call(t, Config{}, "/hook/"+c.kind, push, c.header)
			if status != c.status || (len(did) > 0) != c.poked {
				t.Errorf("status %d, poked %q", status, did)
			}
		})
	}
	w := httptest.NewRecorder()
	New(Config{}).Receivers().ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/hook/x", strings.NewReader(push)))
	if w.Code != 404 {
		t.Errorf("an unknown path: %d", w.Code)
	}
	w = httptest.NewRecorder()
	New(Config{}).Receivers().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/hook/x", nil))
	if w.Code != 405 {
		t.Errorf("a GET: %d", w.Code)
	}
}

// FuzzPayload: whatever a body holds, reading it ends without a panic.
func FuzzPayload(f *testing.F) {
	for _, seed := range []string{push, `{"push":{"changes":[{"new":{}}]}}`, `{"events":[{"action":"push"}]}`, `{"message":{"data":"e30="}}`, "payload=%7B%7D", "null"} {
		f.Add("", seed)
		f.Add("X-Event-Key", seed)
	}
	f.Fuzz(func(_ *testing.T, name, text string) {
		h := http.Header{}
		h.Set(name, "x")
		if strings.HasPrefix(text, "payload=") {
			h.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		body, err := decode(h, []byte(text))
		if err != nil {
			return
		}
		for _, s := range []sender{gitHub, gitLab, gogs, bitbucket, bitbucketServer, azure, registry, anyone, senderOf(h, body)} {
			read(s, body)
		}
		_ = Secrets{Shared: "x", AzureUsername: "u"}.verify(senderOf(h, body), h, []byte(text), time.Unix(0, 0))
	})
}
