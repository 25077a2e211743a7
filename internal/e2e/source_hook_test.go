package e2e

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"os/exec"
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/app"
)

// call is a webhook call.
type call struct {
	body   []byte
	header map[string]string
	path   string // "" is /webhook
}

// hook makes a call and returns the status of the answer.
func (e *env) hook(c call) int {
	e.t.Helper()
	req, err := http.NewRequestWithContext(e.t.Context(), http.MethodPost, "http://"+e.addr+cmp.Or(c.path, "/webhook"), bytes.NewReader(c.body))
	if err != nil {
		e.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	for k, v := range c.header {
		req.Header.Set(k, v)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		e.t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

func mustJSON(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return data
}

func githubPush(repo, ref string) []byte {
	return mustJSON(map[string]any{"ref": ref, "repository": map[string]any{"clone_url": org + repo + ".git", "html_url": org + repo}})
}

func gitlabPush(repo, ref string) []byte {
	return mustJSON(map[string]any{"object_kind": "push", "ref": ref, "project": map[string]any{"git_http_url": org + repo + ".git", "web_url": org + repo}})
}

func signature(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

// TestWebhookSecret tells of pushes with and without the secret.
func TestWebhookSecret(t *testing.T) {
	const secret = "planted-hook-Jw8r"
	e := newEnv(t, func(o *app.Options) { o.WebhookSecret = secret })
	e.forgetSettings()
	e.settings(map[string]string{"timeout.reconciliation": "0s"}) // nobody looks by the clock
	repo := e.repo("hooked", map[string]string{"a.yaml": configMap("hook-a", "0")})
	e.apply(application("hooked", repo, ".", "hooked"))
	e.synced("hooked", "")
	github, gitlab := githubPush(repo, "refs/heads/main"), gitlabPush(repo, "refs/heads/main")
	for _, c := range []struct {
		host           string
		right          call
		unsigned, fake call
	}{
		{"github",
			call{github, map[string]string{"X-GitHub-Event": "push", "X-Hub-Signature-256": "sha256=" + signature(secret, github)}, ""},
			call{github, map[string]string{"X-GitHub-Event": "push"}, ""},
			call{github, map[string]string{"X-GitHub-Event": "push", "X-Hub-Signature-256": "sha256=" + signature("guess", github)}, ""}},
		{"gitlab",
			call{gitlab, map[string]string{"X-Gitlab-Event": "Push Hook", "X-Gitlab-Token": secret}, ""},
			call{gitlab, map[string]string{"X-Gitlab-Event": "Push Hook"}, ""},
			call{gitlab, map[string]string{"X-Gitlab-Event": "Push Hook", "X-Gitlab-Token": "guess"}, ""}},
		{"gitea",
			call{github, map[string]string{"X-Gitea-Event": "push", "X-Gitea-Signature": signature(secret, github)}, ""},
			call{github, map[string]string{"X-Gitea-Event": "push"}, ""},
			call{github, map[string]string{"X-Gitea-Event": "push", "X-Gitea-Signature": signature("guess", github)}, ""}},
	} {
		commit := e.push(repo, c.host, map[string]string{"a.yaml": configMap("hook-a", c.host)}) // its own call is unsigned
		looks := e.count("fixpoint_git_ls_remote_total")
		if status := e.hook(c.unsigned); status != http.StatusUnauthorized {
			t.Errorf("%s: an unsigned call is answered by %d", c.host, status)
		}
		if status := e.hook(c.fake); status != http.StatusForbidden {
			t.Errorf("%s: a wrongly signed call is answered by %d", c.host, status)
		}
		if now := e.count("fixpoint_git_ls_remote_total"); now != looks {
			t.Errorf("%s: refused calls caused %v looks", c.host, now-looks)
		}
		if got, _ := e.data("hooked", "hook-a", "key"); got == c.host {
			t.Errorf("%s: the push was applied without a signed call", c.host)
		}
		if status := e.hook(c.right); status != http.StatusAccepted {
			t.Errorf("%s: a signed call is answered by %d", c.host, status)
		}
		e.synced("hooked", commit)
		e.holds("hooked", "hook-a", "key", c.host)
	}
	e.hides(secret)
}

// copyRepository makes a bare repository hold what another does.
func copyRepository(t *testing.T, from, to string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "git", "--git-dir", to, "fetch", "--quiet", from, "+refs/*:refs/*").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}
