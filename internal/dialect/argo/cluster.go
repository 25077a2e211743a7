package argo

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"

	"github.com/fixpoint-cd/fixpoint/api/argoproj/v1alpha1"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// The cluster that Fixpoint runs in, as Applications name it.
const (
	InClusterServer = "https://kubernetes.default.svc"
	InClusterName   = "in-cluster"
)

// Cluster is a cluster that Applications can be applied to.
type Cluster struct {
	// Name and Server are what destinations name it by.
	Name, Server string
	// Config is the connection; nil for the cluster that Fixpoint runs in, and
	// where Err is set. It holds credentials: never print it.
	Config *rest.Config
	// Err says why there is no connection.
	Err error
	// Unsupported are settings that are not honoured, for users.
	Unsupported []string
	// Digest changes with anything that the Secret says.
	Digest model.Digest

	project string // "" is every project
	limits  limits
	skipped bool // its apps are left alone
}

// Target is the model's name of the cluster: its URL, "" for the one that
// Fixpoint runs in.
func (c Cluster) Target() string {
	if isInCluster(c.Server) {
		return ""
	}
	return c.Server
}

// Project is the only one whose apps may use it; "" is every one.
func (c Cluster) Project() string { return c.project }

func isInCluster(server string) bool { return server == InClusterServer }

// Clusters are those that cluster Secrets declare, by the name of the Secret.
func (s *Settings) Clusters() []Cluster { return s.clusters }

// destination finds the cluster of a destination, for an app of that project.
func (s *Settings) destination(d v1alpha1.ApplicationDestination, project string) (Cluster, error) {
	server := strings.TrimRight(d.Server, "/")
	switch {
	case server != "" && d.Name != "":
		return Cluster{}, fmt.Errorf("application destination can't have both name and server defined: %s %s", d.Name, d.Server)
	case server == "" && d.Name == "":
		return Cluster{}, errors.New("application destination has neither server nor name: set one of them")
	}
	if s.noInCluster && (server == InClusterServer || d.Name == InClusterName) {
		return Cluster{}, fmt.Errorf("cluster %q is switched off by cluster.inClusterEnabled of ConfigMap %s", d.Name+server, configMain)
	}
	var found []Cluster
	for _, c := range s.clusters {
		if (server != "" && c.Server == server) || (d.Name != "" && c.Name == d.Name) {
			found = append(found, c)
		}
	}
	switch {
	case len(found) == 0 && (server == InClusterServer || d.Name == InClusterName):
		return Cluster{Name: InClusterName, Server: InClusterServer}, nil
	case len(found) == 0:
		return Cluster{}, model.As(model.ErrNotFound, fmt.Errorf(
			"there is no cluster %q: declare it by a Secret labelled %s=cluster", d.Name+server, LabelSecretType))
	case len(found) > 1:
		return Cluster{}, fmt.Errorf("there are %d clusters %q: give each a name and server of its own", len(found), d.Name+server)
	case found[0].project != "" && found[0].project != project:
		return Cluster{}, fmt.Errorf("cluster %q belongs to project %q and not to %q", d.Name+server, found[0].project, project)
	case isInCluster(found[0].Server):
		return found[0], nil
	}
	return found[0], found[0].Err
}

// clusterConfig is the JSON of the key config of a cluster Secret.
type clusterConfig struct {
	Username        string `json:"username"`
	Password        string `json:"password"`
	BearerToken     string `json:"bearerToken"`
	TLSClientConfig struct {
		Insecure   bool   `json:"insecure"`
		ServerName string `json:"serverName"`
		CAData     []byte `json:"caData"`
		CertData   []byte `json:"certData"`
		KeyData    []byte `json:"keyData"`
	} `json:"tlsClientConfig"`
	AWSAuthConfig      json.RawMessage `json:"awsAuthConfig"`
	ExecProviderConfig json.RawMessage `json:"execProviderConfig"`
	ProxyURL           string          `json:"proxyUrl"`
	DisableCompression bool            `json:"disableCompression"`
}

// readCluster reads a cluster Secret; none if it names no server. A connection
// that can't be made is the cluster's own error.
func readCluster(secret corev1.Secret) ([]Cluster, error) {
	get := func(key string) string { return strings.TrimSpace(string(secret.Data[key])) }
	at := "Secret " + secret.Namespace + "/" + secret.Name
	c := Cluster{
		Name: get("name"), Server: strings.TrimRight(get("server"), "/"), project: get("project"),
		Digest:  model.DigestOf(mustJSON(secret.Data)),
		limits:  limits{clusterScoped: isTrue(get("clusterResources"))},
		skipped: secret.Annotations[annotationSkip] == "true",
	}
	if c.Server == "" {
		return nil, fmt.Errorf("%s: server is missing: write the URL of the cluster's API server", at)
	}
	if c.Name == "" {
		c.Name = c.Server
	}
	c.limits.namespaces = slices.Collect(values(get("namespaces")))
	if !isInCluster(c.Server) {
		if c.Config, c.Err = restConfig(c.Server, secret.Data["config"]); c.Err != nil {
			c.Err = fmt.Errorf("%s: %w", at, c.Err)
		}
	}
	return []Cluster{c}, c.Err
}

// restConfig makes a connection of a cluster Secret's config. Its errors hold
// nothing of what was read, which is secret.
func restConfig(server string, data []byte) (*rest.Config, error) {
	if u, err := url.Parse(server); err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return nil, errors.New("server is not an http or https URL")
	}
	var c clusterConfig
	if len(data) > 0 && json.Unmarshal(data, &c) != nil {
		return nil, errors.New("config is not the JSON that Argo CD reads: compare it with its documentation of cluster Secrets")
	}
	if isPresent(c.ExecProviderConfig) {
		return nil, errors.New("config.execProviderConfig is not supported: use a bearer token or a client certificate")
	}
	if isPresent(c.AWSAuthConfig) {
		return nil, errors.New("config.awsAuthConfig is not supported: use a bearer token or a client certificate")
	}
	out := &rest.Config{
		Host: server, Username: c.Username, Password: c.Password, BearerToken: c.BearerToken,
		DisableCompression: c.DisableCompression,
		TLSClientConfig: rest.TLSClientConfig{
			Insecure: c.TLSClientConfig.Insecure, ServerName: c.TLSClientConfig.ServerName,
			CAData: c.TLSClientConfig.CAData, CertData: c.TLSClientConfig.CertData, KeyData: c.TLSClientConfig.KeyData,
		},
	}
	if out.Insecure && len(out.CAData) > 0 {
		return nil, errors.New("config.tlsClientConfig has both insecure and caData: keep one of them")
	}
	if c.ProxyURL != "" {
		proxy, err := url.Parse(c.ProxyURL)
		if err != nil || proxy.Host == "" {
			return nil, errors.New("config.proxyUrl is not a URL")
		}
		out.Proxy = http.ProxyURL(proxy)
	}
	return out, nil
}

func isPresent(raw json.RawMessage) bool {
	return len(raw) > 0 && string(raw) != "null" && string(raw) != "{}" && string(raw) != "[]"
}
