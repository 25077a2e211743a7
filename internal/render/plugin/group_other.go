//go:build !linux

package plugin

import (
	"context"
	"os"
	"os/exec"
)

// self is this program.
func self() string {
	name, err := os.Executable()
	if err != nil {
		return os.Args[0]
	}
	return name
}

// runGroup runs a command and ends it with ctx.
func runGroup(ctx context.Context, cmd *exec.Cmd, _ func(context.Context, int)) error {
	if err := cmd.Start(); err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })()
	return cmd.Wait()
}

// watch has nothing to look at here.
func (r *run) watch(context.CancelCauseFunc) func(context.Context, int) { return nil }
