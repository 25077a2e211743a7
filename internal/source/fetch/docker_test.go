package fetch

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// config is a .dockerconfigjson whose entries have their own key as password.
func config(hosts ...string) string {
	auths := map[string]any{}
	for _, host := range hosts {
		auths[host] = map[string]string{"auth": base64.StdEncoding.EncodeToString([]byte("user:" + host))}
	}
	text, _ := json.Marshal(map[string]any{"auths": auths})
	return string(text)
}

func TestDockerLogin(t *testing.T) {
	for _, tt := range []struct{ config, repository, want string }{
		{config("example.com"), "example.com/app", "example.com"},
		{config("example.com"), "sub.example.com/app", ""},
		{config("example.com"), "example.com:5000/app", ""},
		{config("example.com:5000"), "example.com:5000/app", "example.com:5000"},
		{config("EXAMPLE.com"), "example.com/app", "EXAMPLE.com"},
		{config("https://example.com/"), "example.com/app", "https://example.com/"},
		{config("https://example.com/v2/"), "example.com/app", "https://example.com/v2/"},
		{config("*.example.com"), "a.example.com/app", "*.example.com"},
		{config("*.example.com"), "a.b.example.com/app", ""},
		{config("*.example.com"), "example.com/app", ""},
		{config("*"), "example.com/app", ""},
		{config("*.com"), "evil.com/app", "*.com"},
		{config("["), "example.com/app", ""},
		{config("example.com/team"), "example.com/team/app", "example.com/team"},
		{config("example.com/team"), "example.com/team", "example.com/team"},
		{config("example.com/team"), "example.com/teams/app", ""},
		{config("example.com", "example.com/team", "example.com/team/app"), "example.com/team/app", "example.com/team/app"},
		{config("example.com", "example.com/team"), "example.com/other", "example.com"},
		{config("example.com") + "\n" + config("example.com/team"), "example.com/team/app", "example.com/team"},
		{config("https://index.docker.io/v1/"), "docker.io/library/app", "https://index.docker.io/v1/"},
		{config("docker.io"), "registry-1.docker.io/library/app", "docker.io"},
		{config(), "example.com/app", ""},
		{"", "example.com/app", ""},
		{`{"auths":{"example.com":{"username":"user","password":"plain"}}}`, "example.com/app", "plain"},
	} {
		login, ok, err := DockerLogin(tt.config, tt.repository)
		if err != nil || ok != (tt.want != "") || login.Password != tt.want || ok && login.Username != "user" {
			t.Errorf("%s for %s: %+v, %t, %v; want %q", tt.config, tt.repository, login, ok, err, tt.want)
		}
	}
	for _, text := range []string{"planted", `{"auths":{"example.com":{"auth":"planted"}}}`, `{"auths":["planted"]}`, `{"auths":{"example.com":{"auth":"cGxhbnRlZA=="}}}`} {
		_, _, err := DockerLogin(text, "example.com/app")
		if !errors.Is(err, model.ErrInvalid) || strings.Contains(err.Error(), "planted") || strings.Contains(err.Error(), "cGxh") {
			t.Errorf("%s: %v", text, err)
		}
	}
}
