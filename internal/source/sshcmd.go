package source

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/source/lfs"
)

// lfsOverSSH asks an SSH server where its LFS server is, and for a token there
// (git-lfs-authenticate).
func (a *access) lfsOverSSH(ctx context.Context, c call, server *lfs.Server) error {
	path := c.at.path
	if strings.ContainsAny(path, "'\\\n!") {
		return model.Invalidf("the repository's path can't be sent to an SSH server")
	}
	out, err := a.runOverSSH(ctx, c, "git-lfs-authenticate '"+path+"' download")
	if err != nil {
		return fmt.Errorf("asking %s for its LFS server: %w", c.at.host, err)
	}
	var answer struct {
		Href   string            `json:"href"`
		Header map[string]string `json:"header"`
	}
	u := &url.URL{}
	if err := json.Unmarshal(out, &answer); err == nil {
		u, err = url.Parse(answer.Href)
		if err != nil {
			u = &url.URL{}
		}
	}
	host, _ := c.at.hostPort()
	if u.Host == "" || u.User != nil || u.Scheme != "https" && (u.Scheme != "http" || u.Hostname() != host) {
		return model.As(model.ErrDenied, fmt.Errorf("asking %s for its LFS server: the answer is no https:// URL", c.at.host))
	}
	server.URL = answer.Href
	server.Settings = a.settings(withoutLogin(a.auth))
	for name, value := range answer.Header {
		server.Header.Set(name, value)
	}
	return nil
}

// runOverSSH runs one command on an SSH server and returns what it printed.
func (a *access) runOverSSH(ctx context.Context, c call, command string) ([]byte, error) {
	config, target, err := a.sshConfig(c)
	if err != nil {
		return nil, err
	}
	var conn net.Conn
	if c.way.proxy != nil {
		conn, err = c.way.connect(ctx, target, c.auth)
	} else {
		conn, err = a.policy.Dial(ctx, "tcp", target)
	}
	if err != nil {
		return nil, model.As(model.ErrTransient, err)
	}
	defer func() { _ = conn.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	client, channels, requests, err := ssh.NewClientConn(conn, target, config)
	if err != nil {
		return nil, sshError(err)
	}
	session, err := ssh.NewClient(client, channels, requests).NewSession()
	if err != nil {
		return nil, sshError(err)
	}
	defer func() { _ = session.Close() }()
	out := &bounded{limit: 1 << 20}
	session.Stdout = out
	if err := session.Run(command); err != nil {
		return nil, model.As(model.ErrTransient, errors.New("it has none, or refused the command git-lfs-authenticate"))
	}
	return bytes.Clone(out.Bytes()), nil
}

// sshConfig is how to log in. The keys of hosts are checked as for git's own
// connections.
func (a *access) sshConfig(c call) (*ssh.ClientConfig, string, error) {
	key, err := plainKey(c.auth.SSHKey, c.auth.SSHPassword)
	if err != nil {
		return nil, "", err
	}
	signer, err := ssh.ParsePrivateKey([]byte(key))
	if err != nil {
		return nil, "", model.Invalidf("the SSH key can't sign")
	}
	user := c.at.user
	if user == "" {
		user = "git"
	}
	config := &ssh.ClientConfig{
		User: user, Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)}, Timeout: 15 * time.Second,
		HostKeyCallback: ssh.InsecureIgnoreHostKey(), //nolint:gosec // replaced unless the user asks for it
	}
	if !c.auth.Insecure {
		files := &keyFiles{parent: a.store.git.tmp}
		defer files.remove()
		path := files.add("known_hosts", c.auth.KnownHosts)
		if files.err != nil {
			return nil, "", files.err
		}
		if config.HostKeyCallback, err = knownhosts.New(path); err != nil {
			return nil, "", model.Invalidf("the known hosts can't be read")
		}
	}
	host, port := c.at.hostPort()
	target := net.JoinHostPort(host, port)
	config.HostKeyAlgorithms = knownAlgorithms(config.HostKeyCallback, target)
	return config, target, nil
}

// knownAlgorithms are those of the known keys of a host, so that the server shows
// one of them; nil if none is known.
func knownAlgorithms(check ssh.HostKeyCallback, target string) []string {
	probe, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil
	}
	key, err := ssh.NewPublicKey(probe)
	if err != nil {
		return nil
	}
	var known *knownhosts.KeyError
	if !errors.As(check(target, &net.TCPAddr{}, key), &known) {
		return nil
	}
	var out []string
	for _, k := range known.Want {
		if k.Key.Type() == ssh.KeyAlgoRSA {
			out = append(out, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256)
		} else {
			out = append(out, k.Key.Type())
		}
	}
	return out
}

func sshError(err error) error {
	var unknown *knownhosts.KeyError
	switch {
	case errors.As(err, &unknown):
		return model.As(model.ErrDenied, errors.New("the SSH host key is not among the known hosts"))
	case strings.Contains(err.Error(), "unable to authenticate"):
		return model.As(model.ErrDenied, errors.New("the server refused the SSH key"))
	}
	return model.As(model.ErrTransient, errors.New("the SSH connection failed"))
}
