package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// git runs the git command with nothing of the user's or the system's
// configuration, no prompts, no hooks, and only the transports that are meant.
type git struct {
	program    string
	tmp        string // private, for keys while a command runs
	home       string // an empty repository
	allowLocal bool
}

// call is one git command. What comes from outside is in at, auth and stdin,
// never among args.
type call struct {
	doing  string // for errors: "fetching from"
	gitDir string
	at     remote
	auth   model.Auth
	way    route
	config [][2]string
	stdin  string
	args   []string
}

// maxOutput bounds what a remote makes git print.
const maxOutput = 64 << 20

// run runs a command to its end and returns what it printed.
func (g *git) run(ctx context.Context, c call) ([]byte, error) {
	config, env, done, err := g.credentials(ctx, c)
	defer done()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", c.doing, withoutUserinfo(c.at.String()), err)
	}
	cmd := exec.CommandContext(ctx, g.program, c.args...)
	cmd.Env = append(g.env(c.gitDir, append(append(g.settings(c.at), config...), c.config...)), env...)
	cmd.Dir = g.home
	cmd.Stdin = strings.NewReader(c.stdin)
	stdout, stderr := &bounded{limit: maxOutput}, &tail{limit: 16 << 10}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.SysProcAttr = ownGroup()
	cmd.Cancel = func() error { return killGroup(cmd.Process) }
	cmd.WaitDelay = 5 * time.Second
	err = cmd.Run()
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return nil, model.As(model.ErrTransient, fmt.Errorf("%s %s: no answer in time", c.doing, withoutUserinfo(c.at.String())))
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case stdout.full:
		return nil, model.As(model.ErrInvalid, fmt.Errorf("%s %s: it has too many refs (over %d MiB of them)", c.doing, withoutUserinfo(c.at.String()), maxOutput>>20))
	case err != nil:
		return nil, commandError(c, g.hidePaths(stderr.String()), err)
	}
	return stdout.Bytes(), nil
}

// hidePaths takes the paths of temporary files out of a text; they differ each time.
func (g *git) hidePaths(text string) string {
	parts := strings.Split(text, g.tmp+string(os.PathSeparator))
	for i, p := range parts[1:] {
		if _, rest, ok := strings.Cut(p, string(os.PathSeparator)); ok {
			parts[i+1] = rest
		}
	}
	return strings.Join(parts, "")
}

// settings is the configuration of every command.
func (g *git) settings(at remote) [][2]string {
	return [][2]string{
		{"remote.origin.url", at.String()},
		{"core.hooksPath", os.DevNull},
		{"core.fsmonitor", "false"},
		{"credential.helper", ""},
		{"protocol.version", "2"},
		{"transfer.bundleURI", "false"},
		{"fetch.recurseSubmodules", "false"},
		{"submodule.recurse", "false"},
		{"gc.auto", "0"},
		{"maintenance.auto", "false"},
		{"http.followRedirects", "false"},
		{"http.lowSpeedLimit", "1"},
		{"http.lowSpeedTime", "30"},
	}
}

// env is the whole environment of a command.
func (g *git) env(gitDir string, config [][2]string) []string {
	env := []string{
		"HOME=" + g.home, "XDG_CONFIG_HOME=" + g.home, "LC_ALL=C", "GIT_DIR=" + gitDir,
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_ATTR_NOSYSTEM=1",
		"GIT_TERMINAL_PROMPT=0", "GIT_ALLOW_PROTOCOL=" + g.protocols(), "GIT_SSH_VARIANT=ssh",
		"GIT_CONFIG_COUNT=" + strconv.Itoa(len(config)),
	}
	for i, kv := range config {
		env = append(env, fmt.Sprintf("GIT_CONFIG_KEY_%d=%s", i, kv[0]), fmt.Sprintf("GIT_CONFIG_VALUE_%d=%s", i, kv[1]))
	}
	for _, name := range []string{"PATH", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}

func (g *git) protocols() string {
	if g.allowLocal {
		return "http:https:ssh:file"
	}
	return "http:https:ssh"
}

// bounded keeps output up to a limit and then fails, which ends the command.
type bounded struct {
	bytes.Buffer
	limit int
	full  bool
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > b.limit {
		b.full = true
		return 0, io.ErrShortBuffer
	}
	return b.Buffer.Write(p)
}

// ReadFrom hides that of the buffer, which has no limit.
func (b *bounded) ReadFrom(r io.Reader) (int64, error) {
	return io.Copy(struct{ io.Writer }{b}, r)
}

// tail keeps the end of what is written.
type tail struct {
	data  []byte
	limit int
}

func (t *tail) Write(p []byte) (int, error) {
	t.data = append(t.data, p...)
	if len(t.data) > 2*t.limit {
		t.data = append([]byte(nil), t.data[len(t.data)-t.limit:]...)
	}
	return len(p), nil
}

func (t *tail) String() string { return string(t.data[max(0, len(t.data)-t.limit):]) }
