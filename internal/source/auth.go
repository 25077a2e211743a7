package source

import (
	"context"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// helper answers git's question for a user name and a password from its own
// environment. git asks it only for the host that it is configured for.
func helper(prefix string) string {
	return `!f() { test "$1" = get && printf 'username=%s\npassword=%s\n' "$` + prefix + `USERNAME" "$` + prefix + `PASSWORD"; }; f`
}

// withUserinfo takes the credentials of an http URL where there are no others.
func withUserinfo(auth model.Auth, user *url.Userinfo) model.Auth {
	if user == nil || auth.Username != "" || auth.Password != "" || auth.BearerToken != "" {
		return auth
	}
	auth.Username = user.Username()
	auth.Password, _ = user.Password()
	return auth
}

// authAt is what of the credentials for orig may be used at a base of it that the
// operator has named.
func authAt(auth model.Auth, orig, base remote) model.Auth {
	if base.scheme == "http" && orig.scheme != "http" && !loopback(base.host) {
		return withoutLogin(auth)
	}
	return auth
}

// withoutLogin keeps what says whom we trust, and drops who we are.
func withoutLogin(auth model.Auth) model.Auth {
	return model.Auth{CA: auth.CA, Insecure: auth.Insecure, KnownHosts: auth.KnownHosts}
}

func loopback(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// credentials gives a command what it needs to get there and to log in: settings,
// environment, and what done ends and removes. No secret is among a command's
// arguments.
func (g *git) credentials(ctx context.Context, c call) (config [][2]string, env []string, done func(), err error) {
	files := &keyFiles{parent: g.tmp}
	done = files.remove
	switch c.at.scheme {
	case "http", "https":
		config, env, err = httpCredentials(c.at, c.auth, files)
		if err == nil {
			way, more := c.way.httpRoute(c.at)
			config, env = append(config, way...), append(env, more...)
			if c.auth.CA != "" && c.way.proxy != nil {
				config = append(config, [2]string{"http.proxySSLCAInfo", files.add("proxy-ca.pem", c.auth.CA)})
			}
		}
	case "ssh":
		var options []string
		if options, err = sshCredentials(c.auth, files); err != nil {
			break
		}
		way, end, routeErr := c.way.sshRoute(ctx, c.at, c.auth)
		err = routeErr
		done = func() { end(); files.remove() }
		env = []string{"GIT_SSH_COMMAND=ssh " + quoted(append(way, options...))}
	}
	if err == nil {
		err = files.err
	}
	return config, env, done, err
}

// quoted are words for a shell.
func quoted(words []string) string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
	}
	return strings.Join(out, " ")
}

func httpCredentials(at remote, auth model.Auth, files *keyFiles) (config [][2]string, env []string, err error) {
	scope := "http." + at.origin() + "/."
	if strings.ContainsAny(auth.Username+auth.Password+auth.BearerToken, "\r\n\x00") {
		return nil, nil, model.As(model.ErrInvalid, errors.New("the credentials hold a line break; remove it from the Secret"))
	}
	switch {
	case auth.BearerToken != "":
		config = append(config, [2]string{scope + "extraHeader", "Authorization: Bearer " + auth.BearerToken})
	case auth.Username != "" || auth.Password != "":
		config = append(config, [2]string{"credential." + at.origin() + ".helper", helper("FIXPOINT_")})
		user := auth.Username
		if user == "" {
			user = "git"
		}
		env = append(env, "FIXPOINT_USERNAME="+user, "FIXPOINT_PASSWORD="+auth.Password)
	}
	for _, f := range [][3]string{
		{"sslCAInfo", "ca.pem", auth.CA}, {"sslCert", "cert.pem", auth.ClientCert}, {"sslKey", "key.pem", auth.ClientKey},
	} {
		if f[2] != "" {
			config = append(config, [2]string{scope + f[0], files.add(f[1], f[2])})
		}
	}
	if auth.Insecure {
		config = append(config, [2]string{scope + "sslVerify", "false"})
	}
	return config, env, nil
}

func sshCredentials(auth model.Auth, files *keyFiles) ([]string, error) {
	if auth.SSHKey == "" {
		return nil, model.As(model.ErrDenied, errors.New("no SSH key is configured for this repository; add one to its credentials"))
	}
	key, err := plainKey(auth.SSHKey, auth.SSHPassword)
	if err != nil {
		return nil, err
	}
	options := []string{
		"-F", os.DevNull, "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none",
		"-o", "ConnectTimeout=15", "-o", "ServerAliveInterval=15", "-o", "ClearAllForwardings=yes",
		"-o", "GlobalKnownHostsFile=" + os.DevNull, "-o", "UpdateHostKeys=no",
		"-i", files.add("key", key),
	}
	switch {
	case auth.Insecure:
		options = append(options, "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile="+os.DevNull)
	case strings.TrimSpace(auth.KnownHosts) == "":
		return nil, model.As(model.ErrDenied, errors.New("no known hosts are configured for this repository; add the server's host key (ssh-keyscan prints it) to its credentials"))
	default:
		hosts := files.add("known_hosts", strings.TrimRight(auth.KnownHosts, "\n")+"\n")
		options = append(options, "-o", "StrictHostKeyChecking=yes", "-o", `UserKnownHostsFile="`+hosts+`"`)
	}
	return options, nil
}

// plainKey checks a private key and takes its passphrase off.
func plainKey(key, passphrase string) (string, error) {
	key = strings.TrimSpace(strings.ReplaceAll(key, "\r\n", "\n")) + "\n"
	_, err := ssh.ParseRawPrivateKey([]byte(key))
	var locked *ssh.PassphraseMissingError
	switch {
	case err == nil:
		return key, nil
	case !errors.As(err, &locked):
		return "", model.As(model.ErrInvalid, errors.New("the SSH key is not a private key in PEM form"))
	case passphrase == "":
		return "", model.As(model.ErrInvalid, errors.New("the SSH key has a passphrase; add it to the credentials"))
	}
	raw, err := ssh.ParseRawPrivateKeyWithPassphrase([]byte(key), []byte(passphrase))
	if err != nil {
		return "", model.As(model.ErrDenied, errors.New("the passphrase of the SSH key is wrong"))
	}
	block, err := ssh.MarshalPrivateKey(raw, "")
	if err != nil {
		return "", model.As(model.ErrInvalid, errors.New("SSH keys of this type are not supported"))
	}
	return string(pem.EncodeToMemory(block)), nil
}

// keyFiles are private files for the time of one command.
type keyFiles struct {
	parent string
	dir    string
	err    error
}

func (k *keyFiles) add(name, content string) string {
	if k.err != nil {
		return ""
	}
	if k.dir == "" {
		k.dir = filepath.Join(k.parent, rand.Text())
		k.err = os.Mkdir(k.dir, 0o700)
	}
	path := filepath.Join(k.dir, name)
	if k.err == nil {
		k.err = os.WriteFile(path, []byte(content), 0o600)
	}
	if k.err != nil {
		k.err = fmt.Errorf("writing a key file: %w", k.err)
	}
	return path
}

func (k *keyFiles) remove() {
	if k.dir != "" {
		_ = os.RemoveAll(k.dir)
	}
}
