package argo

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestClusterRunsNothing is CVE-2022-24817: what a cluster Secret holds starts no
// command, reads no file, and is in no error.
func TestClusterRunsNothing(t *testing.T) {
	for name, c := range map[string]struct {
		server, config string
		ok             bool
	}{
		"a command":           {"https://east.example", `{"execProviderConfig":{"command":"sh","args":["-c","planted"]}}`, false},
		"another spelling":    {"https://east.example", `{"EXECPROVIDERCONFIG":{"command":"planted"}}`, false},
		"the AWS command":     {"https://east.example", `{"awsAuthConfig":{"clusterName":"planted"}}`, false},
		"of a wrong type":     {"https://east.example", `{"bearerToken":["planted"]}`, false},
		"no JSON":             {"https://east.example", `{"bearerToken":"planted`, false},
		"no base64":           {"https://east.example", `{"tlsClientConfig":{"caData":"planted!"}}`, false},
		"a file as server":    {"file:///planted", `{}`, false},
		"a socket":            {"unix:///planted", `{}`, false},
		"files":               {"https://east.example", `{"tlsClientConfig":{"caFile":"/planted","certFile":"/planted","keyFile":"/planted"},"bearerTokenFile":"/planted","authProvider":{"name":"planted"},"exec":{"command":"planted"}}`, true},
		"a token":             {"https://east.example", `{"bearerToken":"planted"}`, true},
		"a name and password": {"https://east.example", `{"username":"u","password":"planted"}`, true},
	} {
		t.Run(name, func(t *testing.T) {
			clusters, err := readCluster(corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "argocd", Name: "c"},
				Data: map[string][]byte{"server": []byte(c.server), "config": []byte(c.config)}})
			if c.ok != (err == nil) || err != nil && strings.Contains(err.Error(), "planted") {
				t.Fatalf("error %v", err)
			}
			for _, cluster := range clusters {
				r := cluster.Config
				if r == nil {
					if c.ok {
						t.Error("there is no connection")
					}
					continue
				}
				if r.ExecProvider != nil || r.AuthProvider != nil || r.BearerTokenFile != "" || r.TLSClientConfig.CAFile+r.TLSClientConfig.CertFile+r.TLSClientConfig.KeyFile != "" {
					t.Errorf("it starts a command or reads a file: %v", r.TLSClientConfig)
				}
			}
		})
	}
}
