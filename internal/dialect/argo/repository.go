package argo

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// repository is what a Secret says of one repository, or of all whose URL begins
// with url.
type repository struct {
	access
	secret  string
	name    string
	address string // as written
	url     string // normalised
	project string // "" is every project
}

// access is how a repository is reached.
type access struct {
	auth  model.Auth
	proxy model.Proxy
	// oci: it is a registry, whatever its URL looks like; plainHTTP: one that is
	// spoken to without TLS.
	oci, plainHTTP bool
	lfs            bool
	// refused says why it can't be reached in the way that is asked for.
	refused error
	// unsupported are settings that are not honoured, for users.
	unsupported []string
}

// repositoryKeys are the keys of repository Secrets that are read or that ask for
// what is done in any case.
var repositoryKeys = map[string]bool{
	"type": true, "url": true, "name": true, "project": true,
	"username": true, "password": true, "bearerToken": true,
	"sshPrivateKey": true, "tlsClientCertData": true, "tlsClientCertKey": true,
	"githubAppID": true, "githubAppInstallationID": true, "githubAppPrivateKey": true, "githubAppEnterpriseBaseUrl": true,
	"insecure": true, "insecureIgnoreHostKey": true, "enableLfs": true,
	"enableOCI": true, "insecureOCIForceHttp": true, "proxy": true, "noProxy": true,
	// No more of the history is fetched than what is needed, and no cache has to
	// be warmed.
	"depth": true, "webhookManifestCacheWarmDisabled": true,
}

// refusedKeys are the keys of credentials without which a repository can't be
// read, and that can't be used; and what to do instead.
var refusedKeys = []struct{ name, advice string }{
	{"gcpServiceAccountKey", "use a user and password, or an SSH key"},
	{"azureServicePrincipalClientId", "use a personal access token as the password"},
	{"azureServicePrincipalClientSecret", "use a personal access token as the password"},
	{"azureServicePrincipalTenantId", "use a personal access token as the password"},
	{"useAzureWorkloadIdentity", "use a personal access token as the password"},
}

// consequencesOfKeys say what it means that a key is not honoured.
var consequencesOfKeys = map[string]string{
	"forceHttpBasicAuth": ": user and password are sent when the server asks for them",
}

// readRepository reads a repository or repo-creds Secret.
func readRepository(secret corev1.Secret) ([]repository, error) {
	get := func(key string) string { return strings.TrimSpace(string(secret.Data[key])) }
	raw := func(key string) string { return string(secret.Data[key]) }
	at := "Secret " + secret.Namespace + "/" + secret.Name
	if get("url") == "" {
		return nil, fmt.Errorf("%s: url is missing: name the repository", at)
	}
	kind := get("type")
	if kind != "" && kind != "git" && kind != "helm" && kind != "oci" {
		return nil, fmt.Errorf("%s: type %q is none of git, helm and oci", at, kind)
	}
	r := repository{secret: at, name: get("name"), project: get("project"), address: get("url")}
	r.oci = kind == "oci" || isTrue(get("enableOCI")) || isOCI(r.address) ||
		(kind == "helm" && !strings.Contains(r.address, "://"))
	if r.url = normalURL(r.address); r.oci {
		r.url = ociURL(r.address)
	}
	r.plainHTTP, r.lfs = isTrue(get("insecureOCIForceHttp")), isTrue(get("enableLfs"))
	r.auth = model.Auth{
		Username: get("username"), Password: raw("password"), BearerToken: get("bearerToken"),
		SSHKey: raw("sshPrivateKey"), ClientCert: raw("tlsClientCertData"), ClientKey: raw("tlsClientCertKey"),
		Insecure: isTrue(get("insecure")) || isTrue(get("insecureIgnoreHostKey")),
		GitHub: model.GitHubApp{
			ID: get("githubAppID"), InstallationID: get("githubAppInstallationID"),
			PrivateKey: raw("githubAppPrivateKey"), BaseURL: get("githubAppEnterpriseBaseUrl"),
		},
	}
	r.refused = refusal(at, get)
	for _, key := range slices.Sorted(maps.Keys(secret.Data)) {
		if isAsked(get(key)) && !repositoryKeys[key] && !isRefused(key) {
			r.unsupported = append(r.unsupported, fmt.Sprintf("%s: %s is not honoured%s", at, key, consequencesOfKeys[key]))
		}
	}
	var err error
	if r.proxy, err = proxyOf(get("proxy"), get("noProxy")); err != nil {
		err = fmt.Errorf("%s: %w", at, err)
		r.refused = errors.Join(r.refused, err)
	}
	return []repository{r}, err
}

func isAsked(value string) bool { return value != "" && value != "false" }

func isRefused(key string) bool {
	for _, k := range refusedKeys {
		if k.name == key {
			return true
		}
	}
	return key == "azureActiveDirectoryEndpoint"
}

func refusal(at string, get func(string) string) error {
	for _, k := range refusedKeys {
		if isAsked(get(k.name)) {
			return fmt.Errorf("%s: %s is not supported: %s", at, k.name, k.advice)
		}
	}
	return nil
}

// proxyOf reads a proxy with the user and password in its URL. Its error holds
// nothing of what was read, which is secret.
func proxyOf(text, exempt string) (model.Proxy, error) {
	if text == "" {
		return model.Proxy{}, nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return model.Proxy{}, errors.New("proxy is not a URL such as http://proxy.example.com:3128")
	}
	if u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "socks5" && u.Scheme != "socks5h" {
		return model.Proxy{}, errors.New("proxy is none that is known: write http://, https:// or socks5://")
	}
	password, _ := u.User.Password()
	out := model.Proxy{Username: u.User.Username(), Password: password, Exempt: exempt}
	u.User = nil
	out.URL = u.String()
	return out, nil
}

func isTrue(text string) bool {
	b, err := strconv.ParseBool(text)
	return err == nil && b
}
