package flux

import (
	"strings"
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

func TestGitCredentials(t *testing.T) {
	const https, ssh = "https://git.example.com/a", "ssh://git@git.example.com/a"
	for name, tc := range map[string]struct {
		url  string
		data map[string]string
		want model.Auth
		err  string
	}{
		"basic":            {https, map[string]string{"username": "u", "password": "p1"}, model.Auth{Username: "u", Password: "p1"}, ""},
		"token":            {https, map[string]string{"bearerToken": "p1"}, model.Auth{BearerToken: "p1"}, ""},
		"tls":              {https, map[string]string{"ca.crt": "ca", "tls.crt": "c", "tls.key": "p1"}, model.Auth{CA: "ca", ClientCert: "c", ClientKey: "p1"}, ""},
		"older names":      {https, map[string]string{"caFile": "ca", "certFile": "c", "keyFile": "p1"}, model.Auth{CA: "ca", ClientCert: "c", ClientKey: "p1"}, ""},
		"newer name wins":  {https, map[string]string{"caFile": "old", "ca.crt": "new"}, model.Auth{CA: "new"}, ""},
		"password alone":   {https, map[string]string{"password": "p1"}, model.Auth{}, "password but not username"},
		"half a key pair":  {https, map[string]string{"tls.key": "p1"}, model.Auth{}, "tls.crt and tls.key"},
		"nothing we know":  {https, map[string]string{"other": "p1"}, model.Auth{}, ""},
		"ssh":              {ssh, map[string]string{"identity": "k", "password": "p1", "known_hosts": "h"}, model.Auth{SSHKey: "k", SSHPassword: "p1", KnownHosts: "h"}, ""},
		"ssh without host": {ssh, map[string]string{"identity": "p1"}, model.Auth{}, "identity and known_hosts"},
		"ssh with a token": {ssh, map[string]string{"bearerToken": "p1"}, model.Auth{}, "identity and known_hosts"},
	} {
		t.Run(name, func(t *testing.T) {
			data := map[string][]byte{}
			for k, v := range tc.data {
				data[k] = []byte(v)
			}
			var got model.Auth
			err := fillGit(tc.url, &got, data)
			if err == nil && got != tc.want {
				t.Error("other credentials than expected")
			}
			switch {
			case (err != nil) != (tc.err != ""), err != nil && !strings.Contains(err.Error(), tc.err):
				t.Errorf("error = %v, want %q", err, tc.err)
			case err != nil && strings.Contains(err.Error(), "p1"):
				t.Errorf("error %q shows a value", err)
			}
		})
	}
}
