package flux

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// fill puts what a need holds into the source. An error names keys, never
// values.
func fill(source *model.Source, n Need, content *Content, all Contents) error {
	switch n.For {
	case ForAccess:
		return fillAccess(source, content.Data)
	case ForTLS:
		return fillTLS(&source.Auth, content.Data)
	case ForProxy:
		return fillProxy(&source.Proxy, content.Data)
	case ForVerify:
		return fillVerify(source, content.Data)
	case ForPull:
		return fillPull(&source.Auth, n, content, all)
	}
	return fmt.Errorf("nothing is known to do with it for %s", n.For)
}

func fillAccess(source *model.Source, data map[string][]byte) error {
	switch source.Kind {
	case model.SourceOCI:
		return fillRegistry(&source.Auth, data)
	case model.SourceBucket:
		return fillBucket(&source.Auth, data)
	case model.SourceHelm:
		return fillHelm(&source.Auth, data)
	}
	return fillGit(source.URL, &source.Auth, data)
}

// value is that of the first key that has one.
func value(data map[string][]byte, keys ...string) string {
	for _, k := range keys {
		if v := string(data[k]); v != "" {
			return v
		}
	}
	return ""
}

// fillGit reads a GitHub App's keys; identity, password and known_hosts for ssh;
// else username and password, or bearerToken, and what TLS has.
func fillGit(url string, a *model.Auth, data map[string][]byte) error {
	if len(data["githubAppID"]) > 0 {
		return fillGitHub(a, data)
	}
	if strings.HasPrefix(url, "ssh://") {
		a.SSHKey, a.SSHPassword, a.KnownHosts = value(data, "identity"), value(data, "password"), value(data, "known_hosts")
		if a.SSHKey == "" || a.KnownHosts == "" {
			return errors.New("it needs the keys identity and known_hosts for an ssh repository")
		}
		return nil
	}
	a.BearerToken = value(data, "bearerToken")
	if err := fillPassword(a, data); err != nil {
		return err
	}
	return fillTLS(a, data)
}

func fillPassword(a *model.Auth, data map[string][]byte) error {
	a.Username, a.Password = value(data, "username"), value(data, "password")
	if a.Password != "" && a.Username == "" {
		return errors.New("it has the key password but not username")
	}
	return nil
}

// fillGitHub reads the credentials of a GitHub App.
func fillGitHub(a *model.Auth, data map[string][]byte) error {
	app := model.GitHubApp{
		ID:             value(data, "githubAppID"),
		InstallationID: value(data, "githubAppInstallationID"),
		Owner:          value(data, "githubAppInstallationOwner"),
		PrivateKey:     value(data, "githubAppPrivateKey"),
		BaseURL:        value(data, "githubAppBaseURL"),
	}
	switch {
	case app.ID == "" || app.PrivateKey == "":
		return errors.New("it needs the keys githubAppID and githubAppPrivateKey")
	case (app.InstallationID == "") == (app.Owner == ""):
		return errors.New("it needs one of the keys githubAppInstallationID and githubAppInstallationOwner")
	}
	a.GitHub, a.CA = app, value(data, "ca.crt")
	return nil
}

// fillTLS reads a CA and a client certificate; what is not there stays.
func fillTLS(a *model.Auth, data map[string][]byte) error {
	ca, cert, key := value(data, "ca.crt", "caFile"), value(data, "tls.crt", "certFile"), value(data, "tls.key", "keyFile")
	if (cert == "") != (key == "") {
		return errors.New("it has one of the keys tls.crt and tls.key but not the other")
	}
	if ca != "" {
		a.CA = ca
	}
	if cert != "" {
		a.ClientCert, a.ClientKey = cert, key
	}
	return nil
}

func fillProxy(p *model.Proxy, data map[string][]byte) error {
	p.URL, p.Username, p.Password = value(data, "address"), value(data, "username"), value(data, "password")
	if !hasScheme(p.URL, "http", "https", "socks5") {
		return errors.New("it needs the key address, which begins with http://, https:// or socks5://")
	}
	return nil
}

// fillHelm reads the credentials for a Helm repository over HTTP.
func fillHelm(a *model.Auth, data map[string][]byte) error {
	if err := fillPassword(a, data); err != nil {
		return err
	}
	return fillTLS(a, data)
}

func fillBucket(a *model.Auth, data map[string][]byte) error {
	a.AccessKey, a.SecretKey = value(data, "accesskey"), value(data, "secretkey")
	if a.AccessKey == "" || a.SecretKey == "" {
		return errors.New("it needs the keys accesskey and secretkey")
	}
	return nil
}

// fillRegistry reads a docker config, or username and password.
func fillRegistry(a *model.Auth, data map[string][]byte) error {
	config, err := dockerConfig(data)
	if err != nil {
		return err
	}
	if config != "" {
		addConfig(a, config)
		return nil
	}
	if len(data["password"]) == 0 {
		return errors.New("it needs the key .dockerconfigjson, or username and password")
	}
	return fillPassword(a, data)
}

// dockerConfig is a .dockerconfigjson on one line; "" if there is none. The old
// .dockercfg is the same without its outermost level.
func dockerConfig(data map[string][]byte) (string, error) {
	config := data[".dockerconfigjson"]
	if old := data[".dockercfg"]; len(config) == 0 && len(old) > 0 {
		config = slices.Concat([]byte(`{"auths":`), old, []byte("}"))
	}
	if len(config) == 0 {
		return "", nil
	}
	var any map[string]json.RawMessage
	if json.Unmarshal(config, &any) != nil {
		return "", errors.New("its docker config is no JSON") // the error would show what it holds
	}
	line, err := json.Marshal(any)
	return string(line), err
}

func addConfig(a *model.Auth, config string) {
	if a.DockerConfig != "" {
		config = a.DockerConfig + "\n" + config
	}
	a.DockerConfig = config
}

// fillPull reads the docker configs of a ServiceAccount's imagePullSecrets.
func fillPull(a *model.Auth, n Need, account *Content, all Contents) error {
	for _, name := range account.Pull {
		ref := Ref{kindSecret, n.Namespace, name}
		secret := all[ref]
		if secret == nil {
			return fmt.Errorf("its imagePullSecrets name %s, which does not exist", ref)
		}
		config, err := dockerConfig(secret.Data)
		if err != nil {
			return fmt.Errorf("%s: %w", ref, err)
		}
		if config != "" {
			addConfig(a, config)
		}
	}
	return nil
}

// fillVerify reads public keys: those for SSH have names that end in .sshpub,
// all others are OpenPGP's.
func fillVerify(source *model.Source, data map[string][]byte) error {
	verify := *source.Verify
	for _, name := range slices.Sorted(maps.Keys(data)) {
		key := strings.TrimSpace(string(data[name]))
		switch {
		case key == "":
		case strings.HasSuffix(name, ".sshpub"):
			verify.SSH = append(verify.SSH, key)
		default:
			verify.GPG = append(verify.GPG, key)
		}
	}
	if len(verify.GPG)+len(verify.SSH) == 0 {
		return errors.New("it holds no public key")
	}
	source.Verify = &verify
	return nil
}
