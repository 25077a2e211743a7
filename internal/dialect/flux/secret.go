package flux

import (
	"errors"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// AuthOf reads the credentials for a repository from the data of a Secret:
// username and password, or bearerToken; identity, password and known_hosts for
// ssh; ca.crt (or caFile), tls.crt and tls.key. An error names keys, never
// values.
func AuthOf(url string, data map[string][]byte) (model.Auth, error) {
	get := func(keys ...string) string {
		for _, k := range keys {
			if v := string(data[k]); v != "" {
				return v
			}
		}
		return ""
	}
	if strings.HasPrefix(url, "ssh://") {
		a := model.Auth{SSHKey: get("identity"), SSHPassword: get("password"), KnownHosts: get("known_hosts")}
		if a.SSHKey == "" || a.KnownHosts == "" {
			return model.Auth{}, errors.New("it needs the keys identity and known_hosts for an ssh repository")
		}
		return a, nil
	}
	a := model.Auth{
		Username:    get("username"),
		Password:    get("password"),
		BearerToken: get("bearerToken"),
		CA:          get("ca.crt", "caFile"),
		ClientCert:  get("tls.crt", "certFile"),
		ClientKey:   get("tls.key", "keyFile"),
	}
	switch {
	case a.Password != "" && a.Username == "":
		return model.Auth{}, errors.New("it has the key password but not username")
	case (a.ClientCert == "") != (a.ClientKey == ""):
		return model.Auth{}, errors.New("it has one of the keys tls.crt and tls.key but not the other")
	}
	return a, nil
}
