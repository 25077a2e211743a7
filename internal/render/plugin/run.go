package plugin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/sandbox"
)

// run are the commands of one plugin for one app.
type run struct {
	runner    *Runner
	plugin    Plugin
	workspace workspace
	env       environment
}

// endedBadly is the end of a command that says with its exit code that it did
// not work.
type endedBadly struct{ error }

func (e *endedBadly) Unwrap() error { return e.error }

func asEnded(err error, into **endedBadly) bool { return errors.As(err, into) }

// command runs a command of the plugin and returns its standard output.
func (r *run) command(ctx context.Context, what string, line []string) ([]byte, error) {
	timeout := positive(r.plugin.Timeout, positive(r.runner.Timeout, 90*time.Second))
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, model.Invalidf(
		"the plugin %s: %s took longer than the limit of %s; make it faster or raise the limit", r.plugin.fullName(), what, timeout))
	defer cancel()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	out := &bounded{max: positive(r.runner.MaxOutput, 16<<20), tooMuch: func() {
		stop(model.Invalidf("the plugin %s: %s wrote more than %d MiB", r.plugin.fullName(), what, positive(r.runner.MaxOutput, 16<<20)>>20))
	}}
	said := &tail{}
	err := r.start(ctx, stop, r.spec(line, timeout), out, said)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err == nil {
		return out.text.Bytes(), nil
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return nil, model.As(model.ErrTransient, fmt.Errorf("running the plugin %s: %w", r.plugin.fullName(), err))
	}
	return nil, &endedBadly{model.Invalidf("the plugin %s: %s failed (%s)%s", r.plugin.fullName(), what, exit, r.told(said))}
}

// told is what a command wrote to its standard error, without what the app
// gave it, and without the folder that it ran in.
func (r *run) told(said *tail) string {
	text := r.env.scrub(strings.ToValidUTF8(said.String(), "\uFFFD"))
	text = strings.ReplaceAll(text, r.workspace.source()+"/", "")
	text = strings.ReplaceAll(text, r.workspace.top, "(its folder)")
	if text = strings.TrimSpace(text); text == "" {
		return " and said nothing"
	}
	return ": " + text
}

// spec is the command with all that holds it back.
func (r *run) spec(line []string, timeout time.Duration) sandbox.Command {
	const openFiles = 1024
	memory := positive(r.runner.Memory, 512<<20)
	return sandbox.Command{
		Args: line, Dir: r.workspace.source(), Env: r.env.list(),
		Read: r.plugin.Read, Write: []string{r.workspace.top}, Network: r.plugin.Network,
		Limits: sandbox.Limits{Memory: memory, Files: openFiles}, CPU: 2*timeout + time.Second,
		FileSize: positive(r.runner.Disk, 1<<30),
	}
}

// start runs the command to its end and until all that it started is gone. ctx
// ends it; watching it may stop ctx.
func (r *run) start(ctx context.Context, stop context.CancelCauseFunc, spec sandbox.Command, out, said interface{ Write([]byte) (int, error) }) error {
	text, err := json.Marshal(spec)
	if err != nil {
		return err
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		return err
	}
	defer reader.Close()
	program, args := r.runner.Program, r.runner.Args
	if program == "" {
		program, args = self(), []string{Command}
	}
	cmd := exec.Command(program, args...)
	cmd.Args[0] = os.Args[0]
	cmd.Env, cmd.Dir = []string{}, "/"
	cmd.Stdout, cmd.Stderr = out, said
	cmd.ExtraFiles = []*os.File{reader}
	cmd.WaitDelay = 30 * time.Second // for what is still to be read of an output that nobody writes to
	var speaking sync.WaitGroup
	speaking.Go(func() {
		_, _ = writer.Write(text) // if it does not arrive, the command fails
		_ = writer.Close()
	})
	defer speaking.Wait()
	defer reader.Close()
	return runGroup(ctx, cmd, r.watch(stop))
}

// bounded keeps what is written up to a limit, and tells when it is more. The
// buffer is no part of its methods: a reader of its own would know no limit.
type bounded struct {
	text    bytes.Buffer
	max     int64
	tooMuch func()
}

func (b *bounded) Write(data []byte) (int, error) {
	if int64(b.text.Len()+len(data)) > b.max {
		b.tooMuch()
		return len(data), nil
	}
	return b.text.Write(data)
}

// tailBytes is how much of what a command says at last is kept.
const tailBytes = 2 << 10

// tail keeps the end of what is written.
type tail struct {
	text []byte
	cut  bool
}

func (t *tail) Write(data []byte) (int, error) {
	t.text = append(t.text, data...)
	if over := len(t.text) - tailBytes; over > 0 {
		t.text, t.cut = append([]byte{}, t.text[over:]...), true
	}
	return len(data), nil
}

func (t *tail) String() string {
	if !t.cut {
		return string(t.text)
	}
	_, rest, _ := strings.Cut(string(t.text), "\n")
	return "… " + rest
}
