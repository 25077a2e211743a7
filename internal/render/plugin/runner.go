package plugin

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/input"
)

// Runner runs plugins. The zero value of a field is its default. It may be used
// by many goroutines at once, and must not be copied.
type Runner struct {
	Plugins []Plugin
	// Program is started with Args; by default the program that runs already, with
	// the argument sandbox-exec. It has to call sandbox.ExecMain.
	Program string
	Args    []string
	// Dir is where copies are made; default is that for temporary files.
	Dir string
	// Timeout bounds one command; default 90 seconds.
	Timeout time.Duration
	// Memory is what the processes of a command may use together, in bytes;
	// default 512 MiB. Processes is how many there may be; default 128.
	Memory    int64
	Processes int
	// Disk is what they may write, in bytes, about; default 1 GiB.
	Disk int64
	// MaxBytes bounds the files of an app; default 10 MiB. MaxOutput bounds what
	// a command writes to its standard output; default 16 MiB.
	MaxBytes, MaxOutput int64

	mu sync.Mutex
	// found are the plugins that were discovered, by the content of the directory.
	found map[model.Digest]string
}

// Command is the argument with which a program is told to call
// sandbox.ExecMain.
const Command = "sandbox-exec"

func positive[T ~int | ~int64](v, otherwise T) T {
	if v <= 0 {
		return otherwise
	}
	return v
}

// Hook is input.Hooks.Plugin for a render. What is wrong with the app or its
// plugin is model.ErrInvalid.
func (r *Runner) Hook(in model.RenderInput) func(ctx context.Context, dir string) ([]byte, error) {
	return func(ctx context.Context, dir string) ([]byte, error) {
		p, err := r.plugin(ctx, in, dir)
		if err != nil {
			return nil, err
		}
		return r.generate(ctx, p, in, dir)
	}
}

// plugin is the one that the app names, else the first that is for the
// directory.
func (r *Runner) plugin(ctx context.Context, in model.RenderInput, dir string) (Plugin, error) {
	name := in.Plugin.Name
	if name == "" {
		found, err := r.discover(ctx, in, dir)
		if err != nil {
			return Plugin{}, err
		}
		if found == "" {
			return Plugin{}, model.Invalidf("no plugin is for %s, by their discovery; name one in the app's plugin.name%s", dir, r.names())
		}
		name = found
	}
	p, ok := r.named(name)
	if !ok {
		return Plugin{}, model.Invalidf("there is no plugin %q%s", name, r.names())
	}
	if in.Plugin.Name == "" || !p.Discover.isSet() {
		return p, nil
	}
	isFor, err := r.isFor(ctx, p, in, dir)
	if err == nil && !isFor {
		err = model.Invalidf("the plugin %q is not for %s, by its discovery", name, dir)
	}
	return p, err
}

// named finds a plugin by its name with the version, or without if that is
// enough.
func (r *Runner) named(name string) (Plugin, bool) {
	for _, form := range []func(Plugin) string{Plugin.fullName, func(p Plugin) string { return p.Name }} {
		if i := slices.IndexFunc(r.Plugins, func(p Plugin) bool { return form(p) == name }); i >= 0 {
			return r.Plugins[i], true
		}
	}
	return Plugin{}, false
}

// names are the plugins that there are, for messages.
func (r *Runner) names() string {
	if len(r.Plugins) == 0 {
		return "; none is configured"
	}
	names := make([]string, len(r.Plugins))
	for i, p := range r.Plugins {
		names[i] = p.fullName()
	}
	return "; configured are " + strings.Join(names, ", ")
}

// generate runs the plugin's commands on a copy of the directory.
func (r *Runner) generate(ctx context.Context, p Plugin, in model.RenderInput, dir string) ([]byte, error) {
	run, err := r.prepare(ctx, p, in, dir)
	if err != nil {
		return nil, err
	}
	defer run.workspace.remove()
	if len(p.Init) > 0 {
		if _, err := run.command(ctx, "init", p.Init); err != nil {
			return nil, err
		}
	}
	return run.command(ctx, "generate", p.Generate)
}

// prepare copies the app for the plugin. The caller removes the workspace.
func (r *Runner) prepare(ctx context.Context, p Plugin, in model.RenderInput, dir string) (*run, error) {
	var version string
	var apis []string
	if in.Host != nil {
		var err error
		if version, apis, err = in.Host.Cluster(ctx); err != nil {
			return nil, fmt.Errorf("asking the target what it serves: %w", err)
		}
	}
	parent := r.Dir
	if parent == "" {
		parent = os.TempDir()
	}
	w, err := newWorkspace(parent, in.Tree, dir, p.KeepModes, positive(r.MaxBytes, 10<<20))
	if err != nil {
		return nil, err
	}
	return &run{runner: r, plugin: p, workspace: w, env: newEnvironment(in.Render, version, apis, w.home())}, nil
}

// Choose makes in the input of a plugin where no tool is named and a plugin is
// for the directory, by its discovery, as Argo CD does; and names the plugin
// where the app does not. What is chosen is then part of what was asked for.
// It remembers what it found for the content of a directory.
func (r *Runner) Choose(ctx context.Context, in model.RenderInput) (model.RenderInput, error) {
	asked := in.Tool == model.ToolPlugin && in.Plugin.Name == ""
	open := in.Tool == "" && !in.Kustomize.Generate
	if !asked && !open || !slices.ContainsFunc(r.Plugins, func(p Plugin) bool { return p.Discover.isSet() }) {
		return in, nil
	}
	dir, err := input.Clean(in.Path)
	if err != nil {
		return in, nil // the job says what is wrong
	}
	name, err := r.discover(ctx, in, dir)
	if err == nil && name != "" {
		in.Tool, in.Plugin.Name = model.ToolPlugin, name
	}
	return in, err
}

// discover is the first plugin that is for a directory; "" if none is.
func (r *Runner) discover(ctx context.Context, in model.RenderInput, dir string) (string, error) {
	if kind, err := input.KindOf(in.Tree, dir); err != nil || kind != input.Dir {
		return "", err
	}
	key, known, name := r.remembered(in, dir)
	if known {
		return name, nil
	}
	for _, p := range r.Plugins {
		if !p.Discover.isSet() {
			continue
		}
		isFor, err := r.isFor(ctx, p, in, dir)
		if err != nil {
			return "", err
		}
		if isFor {
			name = p.fullName()
			break
		}
	}
	r.remember(key, name)
	return name, nil
}

// isFor reports whether the plugin's discovery, which is set, says so.
func (r *Runner) isFor(ctx context.Context, p Plugin, in model.RenderInput, dir string) (bool, error) {
	d := p.Discover
	switch {
	case d.FileName != "":
		return hasFile(in.Tree, dir, d.FileName, false)
	case d.Glob != "":
		return hasFile(in.Tree, dir, d.Glob, true)
	}
	run, err := r.prepare(ctx, p, in, dir)
	if err != nil {
		return false, err
	}
	defer run.workspace.remove()
	output, err := run.command(ctx, "discover", d.Command)
	var ended *endedBadly
	if asEnded(err, &ended) {
		return false, nil
	}
	return len(bytes.TrimSpace(output)) > 0, err
}
