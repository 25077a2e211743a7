package argo

import (
	"strconv"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/fixpoint-cd/fixpoint/internal/model"
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

// TestSettingsChangeWhileRead is GHSA-g88p-r42r-ppp9: renders ask for credentials
// while the Secrets change. Each answer is of one state of them.
func TestSettingsChangeWhileRead(t *testing.T) {
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "argocd", Name: "repo", Labels: map[string]string{LabelSecretType: "repository"}},
		Data:       map[string][]byte{"url": []byte("https://git.example/r"), "username": []byte("0"), "password": []byte("0")},
	}
	b := newBench(t, minimal(t, ""), secret)
	b.reconcile()
	var readers sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				src, err := b.r.Remote(Key("argocd", "a"), model.Source{URL: "https://git.example/r"})
				if err != nil || src.Auth.Username == "" || src.Auth.Username != src.Auth.Password {
					t.Errorf("credentials of %q and %q, %v", src.Auth.Username, src.Auth.Password, err)
					return
				}
				_ = b.r.Clusters()
			}
		})
	}
	for i := range 200 {
		text := []byte(strconv.Itoa(i))
		secret.Data["username"], secret.Data["password"] = text, text
		if err := b.client.Update(t.Context(), secret); err != nil {
			t.Fatal(err)
		}
		if _, err := b.r.reconcileSettings(t.Context(), reconcile.Request{}); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	readers.Wait()
}
