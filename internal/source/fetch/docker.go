package fetch

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"path"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Login is what a .dockerconfigjson has for a registry.
type Login struct {
	Username, Password string
	// IdentityToken is exchanged for a token, RegistryToken is one.
	IdentityToken, RegistryToken string
}

// dockerEntry is an entry of auths.
type dockerEntry struct {
	Auth          string `json:"auth"`
	Username      string `json:"username"`
	Password      string `json:"password"`
	IdentityToken string `json:"identitytoken"`
	RegistryToken string `json:"registrytoken"`
}

// dockerConfigs reads one .dockerconfigjson after the other.
func dockerConfigs(text string) ([]map[string]dockerEntry, error) {
	var out []map[string]dockerEntry
	d := json.NewDecoder(strings.NewReader(text))
	for {
		var config struct {
			Auths map[string]dockerEntry `json:"auths"`
		}
		err := d.Decode(&config)
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			// The error of encoding/json may repeat its input.
			return nil, model.Invalidf("the .dockerconfigjson of the credentials is not the JSON of one; make it with kubectl create secret docker-registry")
		}
		out = append(out, config.Auths)
	}
}

// DockerLogin is what one or more .dockerconfigjson have for a repository, such
// as "registry.example.com/team/app": the entry with the longest path, host names
// with * as in a kubelet's; of equal ones the first.
func DockerLogin(text, repository string) (Login, bool, error) {
	configs, err := dockerConfigs(text)
	if err != nil {
		return Login{}, false, err
	}
	host, rest, _ := strings.Cut(repository, "/")
	var best dockerEntry
	length := -1
	for _, auths := range configs {
		found, at := dockerEntry{}, -1
		for key, entry := range auths {
			h, p := dockerKey(key)
			if n := len(h) + len(p) + 1; matchHost(h, dockerHost(host)) && matchPath(p, rest) && n > at {
				found, at = entry, n
			}
		}
		if at > length {
			best, length = found, at
		}
	}
	if length < 0 {
		return Login{}, false, nil
	}
	login, err := best.login()
	return login, err == nil, err
}

// dockerKey takes a key of auths apart.
func dockerKey(key string) (host, rest string) {
	key = strings.TrimPrefix(strings.TrimPrefix(key, "https://"), "http://")
	host, rest, _ = strings.Cut(key, "/")
	rest = strings.Trim(rest, "/")
	if rest == "v1" || rest == "v2" {
		rest = ""
	}
	return dockerHost(host), rest
}

// dockerHost gives Docker Hub one of its names.
func dockerHost(host string) string {
	switch host = strings.ToLower(host); host {
	case "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com":
		return "docker.io"
	}
	return host
}

// matchHost compares part by part; a * stands for no dot.
func matchHost(pattern, host string) bool {
	want, have := strings.Split(pattern, "."), strings.Split(host, ".")
	if len(want) != len(have) {
		return false
	}
	for i := range want {
		if ok, err := path.Match(want[i], have[i]); err != nil || !ok {
			return false
		}
	}
	return true
}

func matchPath(prefix, name string) bool {
	return prefix == "" || name == prefix || strings.HasPrefix(name, prefix+"/")
}

func (e dockerEntry) login() (Login, error) {
	l := Login{Username: e.Username, Password: e.Password, IdentityToken: e.IdentityToken, RegistryToken: e.RegistryToken}
	if e.Auth == "" {
		return l, nil
	}
	text, err := base64.StdEncoding.DecodeString(e.Auth)
	user, password, ok := strings.Cut(string(text), ":")
	if err != nil || !ok {
		return Login{}, model.Invalidf("an auth in the .dockerconfigjson of the credentials is not the base64 of user:password")
	}
	l.Username, l.Password = user, strings.TrimRight(password, "\x00")
	return l, nil
}

// dockerSecrets are the words of a .dockerconfigjson that nobody may read.
func dockerSecrets(text string) []string {
	configs, err := dockerConfigs(text)
	if err != nil {
		return nil
	}
	var out []string
	for _, auths := range configs {
		for _, e := range auths {
			out = append(out, e.Auth, e.Password, e.IdentityToken, e.RegistryToken)
			if l, err := e.login(); err == nil {
				out = append(out, l.Password)
			}
		}
	}
	return out
}
