package argo

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// The Secrets and ConfigMaps by which Argo CD is configured.
const (
	// LabelSecretType is on every Secret that is read.
	LabelSecretType = "argocd.argoproj.io/secret-type"
	// LabelPartOf is, with the value PartOf, on every ConfigMap that is read.
	LabelPartOf = "app.kubernetes.io/part-of"
	PartOf      = "argocd"

	configMain       = "argocd-cm"
	configKnownHosts = "argocd-ssh-known-hosts-cm"
	configCerts      = "argocd-tls-certs-cm"
)

// DefaultInterval is the pause between two looks at a repository where
// timeout.reconciliation of argocd-cm says nothing else.
const DefaultInterval = 120 * time.Second

// never is the interval of an installation that has switched polling off.
const never = 365 * 24 * time.Hour

// Settings are what the Secrets and ConfigMaps of Argo CD say. They are read
// once and never change. They hold credentials: never print them.
type Settings struct {
	polling      time.Duration // 0 is DefaultInterval
	repositories []repository
	templates    []repository
	clusters     []Cluster
	knownHosts   string
	certs        map[string]string // host name to PEM
	digest       model.Digest      // of all that was read
}

// ReadSettings reads Secrets and ConfigMaps of the control-plane namespace, in
// any order. The problems say what could not be read, without secret values;
// everything else is in the settings.
func ReadSettings(secrets []corev1.Secret, configs []corev1.ConfigMap) (*Settings, []error) {
	s := &Settings{}
	var found problems
	var parts [][]byte
	slices.SortFunc(configs, func(a, b corev1.ConfigMap) int { return cmp.Compare(a.Name, b.Name) })
	for _, c := range configs {
		found.add(s.readConfig(c))
		parts = append(parts, []byte(c.Name), mustJSON(c.Data))
	}
	slices.SortFunc(secrets, func(a, b corev1.Secret) int { return cmp.Compare(a.Name, b.Name) })
	for _, secret := range secrets {
		parts = append(parts, []byte(secret.Name+" "+secret.Labels[LabelSecretType]), mustJSON(secret.Data))
		switch secret.Labels[LabelSecretType] {
		case "repository":
			r, err := readRepository(secret)
			found.add(err)
			s.repositories = append(s.repositories, r...)
		case "repo-creds":
			r, err := readRepository(secret)
			found.add(err)
			s.templates = append(s.templates, r...)
		case "cluster":
			c, err := readCluster(secret)
			found.add(err)
			s.clusters = append(s.clusters, c...)
		}
	}
	s.digest = model.DigestOf(parts...)
	return s, found
}

func (s *Settings) readConfig(c corev1.ConfigMap) error {
	switch c.Name {
	case configKnownHosts:
		s.knownHosts = c.Data["ssh_known_hosts"]
	case configCerts:
		s.certs = c.Data
	case configMain:
		text := c.Data["timeout.reconciliation"]
		d, err := durationOf(text, DefaultInterval)
		if err != nil {
			return fmt.Errorf("ConfigMap %s: timeout.reconciliation: %w", configMain, err)
		}
		if s.polling = d; d == 0 {
			s.polling = never
		}
	}
	return nil
}

func (s *Settings) interval() time.Duration {
	return cmp.Or(s.polling, DefaultInterval)
}

// repository are the credentials of one repository, or of all whose URL begins
// with url.
type repository struct {
	secret      string
	url         string // normalised
	project     string // "" is every project
	auth        model.Auth
	unsupported []string
}

// unsupportedRepository are keys of repository Secrets that are not honoured.
var unsupportedRepository = []string{
	"githubAppID", "githubAppPrivateKey", "gcpServiceAccountKey", "azureServicePrincipalClientId",
	"useAzureWorkloadIdentity", "proxy", "noProxy", "enableLfs", "forceHttpBasicAuth",
}

// readRepository reads a repository or repo-creds Secret; none for repositories
// that are not Git.
func readRepository(secret corev1.Secret) ([]repository, error) {
	get := func(key string) string { return strings.TrimSpace(string(secret.Data[key])) }
	at := "Secret " + secret.Namespace + "/" + secret.Name
	if kind := get("type"); kind != "" && kind != "git" {
		return nil, nil
	}
	if get("url") == "" {
		return nil, fmt.Errorf("%s: url is missing: name the repository", at)
	}
	r := repository{secret: at, url: normalURL(get("url")), project: get("project")}
	r.auth = model.Auth{
		Username: get("username"), Password: string(secret.Data["password"]), BearerToken: get("bearerToken"),
		SSHKey:     string(secret.Data["sshPrivateKey"]),
		ClientCert: string(secret.Data["tlsClientCertData"]), ClientKey: string(secret.Data["tlsClientCertKey"]),
		Insecure: isTrue(get("insecure")) || isTrue(get("insecureIgnoreHostKey")),
	}
	for _, key := range unsupportedRepository {
		if v := get(key); v != "" && v != "false" {
			r.unsupported = append(r.unsupported, fmt.Sprintf("%s: %s is not honoured yet", at, key))
		}
	}
	return []repository{r}, nil
}

func isTrue(text string) bool {
	b, err := strconv.ParseBool(text)
	return err == nil && b
}

// auth are the credentials for a repository, for an app of that project, and
// what of them is not honoured. A repository's own Secret comes first; one that
// holds no credentials takes those of the longest matching repo-creds.
func (s *Settings) auth(project, url string) (model.Auth, []string) {
	wanted := normalURL(url)
	own := best(s.repositories, project, func(r repository) bool { return r.url == wanted })
	chosen := own
	if own == nil || !hasCredentials(own.auth) {
		template := best(s.templates, project, func(r repository) bool { return coversURL(r.url, wanted) })
		if template != nil {
			chosen = template
		}
	}
	var auth model.Auth
	var unsupported []string
	if chosen != nil {
		auth, unsupported = chosen.auth, chosen.unsupported
	}
	if own != nil {
		auth.Insecure = auth.Insecure || own.auth.Insecure
	}
	if isSSH(wanted) {
		auth.KnownHosts = s.knownHosts
	} else {
		auth.CA = s.certs[hostOf(wanted)]
	}
	return auth, unsupported
}

// best is the one with the longest URL among those that match and that the
// project may use; its own before the ones of every project. nil if none.
func best(all []repository, project string, match func(repository) bool) *repository {
	var found *repository
	for i, r := range all {
		if !match(r) || (r.project != "" && r.project != project) {
			continue
		}
		longer := found == nil || len(r.url) > len(found.url)
		if longer || (len(r.url) == len(found.url) && found.project == "" && r.project != "") {
			found = &all[i]
		}
	}
	return found
}

func hasCredentials(a model.Auth) bool {
	return a.Password != "" || a.BearerToken != "" || a.SSHKey != "" || a.ClientKey != ""
}
