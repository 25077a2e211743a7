package gitserver

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// sshServer lets the holders of some keys fetch and push.
type sshServer struct {
	listener net.Listener
	host     ssh.PublicKey
	config   *ssh.ServerConfig
	ctx      context.Context
	cancel   context.CancelFunc
	running  sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]bool
}

// StartSSH listens for SSH on a free port of 127.0.0.1. Any user name with one of
// the keys may use every repository.
func (s *Server) StartSSH(keys ...ssh.PublicKey) error {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return fmt.Errorf("starting the SSH server: %w", err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		return fmt.Errorf("starting the SSH server: %w", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("starting the SSH server: %w", err)
	}
	config := &ssh.ServerConfig{PublicKeyCallback: allowed(keys)}
	config.AddHostKey(signer)
	srv := &sshServer{listener: l, host: signer.PublicKey(), config: config, conns: map[net.Conn]bool{}}
	srv.ctx, srv.cancel = context.WithCancel(context.Background())
	s.mu.Lock()
	s.ssh = srv
	s.mu.Unlock()
	srv.running.Go(func() { srv.accept(s) })
	return nil
}

func allowed(keys []ssh.PublicKey) func(ssh.ConnMetadata, ssh.PublicKey) (*ssh.Permissions, error) {
	known := map[string]bool{}
	for _, k := range keys {
		known[string(k.Marshal())] = true
	}
	return func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		if !known[string(key.Marshal())] {
			return nil, errors.New("unknown key")
		}
		return nil, nil
	}
}

// StopSSH ends the SSH server and its connections, if there is one.
func (s *Server) StopSSH() {
	s.mu.Lock()
	srv := s.ssh
	s.ssh = nil
	s.mu.Unlock()
	if srv == nil {
		return
	}
	srv.cancel()
	_ = srv.listener.Close()
	srv.mu.Lock()
	for c := range srv.conns {
		_ = c.Close()
	}
	srv.mu.Unlock()
	srv.running.Wait()
}

// SSHURL is where a repository can be cloned from over SSH; "" without StartSSH.
func (s *Server) SSHURL(repo string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ssh == nil {
		return ""
	}
	return "ssh://git@" + s.ssh.listener.Addr().String() + "/" + repo + ".git"
}

// KnownHosts is the line of a known_hosts file for the SSH server.
func (s *Server) KnownHosts() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ssh == nil {
		return ""
	}
	return knownhosts.Line([]string{s.ssh.listener.Addr().String()}, s.ssh.host)
}

func (srv *sshServer) accept(s *Server) {
	for {
		conn, err := srv.listener.Accept()
		if err != nil {
			return
		}
		srv.mu.Lock()
		srv.conns[conn] = true
		srv.mu.Unlock()
		srv.running.Go(func() {
			srv.serve(s, conn)
			_ = conn.Close()
			srv.mu.Lock()
			delete(srv.conns, conn)
			srv.mu.Unlock()
		})
	}
}

func (srv *sshServer) serve(s *Server, conn net.Conn) {
	_, channels, requests, err := ssh.NewServerConn(conn, srv.config)
	if err != nil {
		return
	}
	srv.running.Go(func() { ssh.DiscardRequests(requests) })
	for c := range channels {
		if c.ChannelType() != "session" {
			_ = c.Reject(ssh.UnknownChannelType, "only sessions are served")
			continue
		}
		channel, requests, err := c.Accept()
		if err != nil {
			return
		}
		srv.running.Go(func() { srv.session(s, channel, requests) })
	}
}

// session answers one "exec" request; an env request may set GIT_PROTOCOL.
func (srv *sshServer) session(s *Server, channel ssh.Channel, requests <-chan *ssh.Request) {
	defer func() { _ = channel.Close() }()
	protocol := ""
	for r := range requests {
		switch r.Type {
		case "env":
			var kv struct{ Name, Value string }
			if ssh.Unmarshal(r.Payload, &kv) == nil && kv.Name == "GIT_PROTOCOL" {
				protocol = kv.Value
			}
			_ = r.Reply(true, nil)
		case "exec":
			var command struct{ Line string }
			_ = ssh.Unmarshal(r.Payload, &command)
			_ = r.Reply(true, nil)
			code := srv.exec(s, channel, command.Line, protocol)
			_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Code uint32 }{code}))
			return
		default:
			_ = r.Reply(false, nil)
		}
	}
}

func (srv *sshServer) exec(s *Server, channel ssh.Channel, line, protocol string) uint32 {
	verb, arg, _ := strings.Cut(line, " ")
	if repo, ok := strings.CutSuffix(arg, " download"); verb == "git-lfs-authenticate" && ok {
		repo = strings.TrimSuffix(strings.TrimPrefix(strings.Trim(repo, "'"), "/"), ".git")
		_, _ = io.WriteString(channel, s.lfsAuthenticate(repo))
		return 0
	}
	repo, isRepo := strings.CutSuffix(strings.TrimPrefix(strings.Trim(arg, "'"), "/"), ".git")
	if verb != "git-upload-pack" && verb != "git-receive-pack" || !isRepo || !validName(repo) {
		fmt.Fprintln(channel.Stderr(), "only Git repositories are served here")
		return 128
	}
	cmd := exec.CommandContext(srv.ctx, "git", strings.TrimPrefix(verb, "git-"), s.Path(repo))
	cmd.Env = append(gitEnv(""), "GIT_PROTOCOL="+protocol)
	cmd.Stdout, cmd.Stderr = channel, channel.Stderr()
	// A pipe of our own, so that Wait does not wait for the client to hang up.
	in, err := cmd.StdinPipe()
	if err != nil {
		return 128
	}
	code := uint32(0)
	serve := func() {
		if cmd.Start() != nil {
			code = 128
			return
		}
		srv.running.Go(func() { copyIn(in, channel) })
		if cmd.Wait() != nil {
			code = 1
		}
	}
	if verb == "git-receive-pack" {
		s.watchPush(srv.ctx, repo, serve)
	} else {
		serve()
	}
	return code
}
