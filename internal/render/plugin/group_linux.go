package plugin

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"golang.org/x/sys/unix"
)

// self is this program, even if another has taken its place on the disk since.
func self() string { return "/proc/self/exe" }

// runGroup runs a command as the first of a group of processes, which it can't
// leave, and ends the whole group with it or with ctx. watch is called while it
// runs, with the group.
func runGroup(ctx context.Context, cmd *exec.Cmd, watch func(ctx context.Context, group int)) error {
	// A child is told to end with the thread that started it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return err
	}
	group := cmd.Process.Pid
	ctx, over := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() { watch(ctx, group) })
	var mu sync.Mutex
	gone := false
	kill := func() {
		mu.Lock()
		defer mu.Unlock()
		if !gone {
			_ = unix.Kill(-group, unix.SIGKILL) // fails only if nobody is left
		}
	}
	context.AfterFunc(ctx, kill)
	awaitEnd(group)
	kill()
	awaitLast(group)
	over()
	watching.Wait()
	// From here on another group may get the number.
	mu.Lock()
	gone = true
	mu.Unlock()
	return cmd.Wait()
}

// awaitEnd waits until a child has ended, and leaves it to be waited for.
func awaitEnd(pid int) {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

// lastWords is how long at most a killed process may take to go. One that waits for a disk
// takes longer than that, and keeps nobody else waiting.
const lastWords = time.Minute

// awaitLast waits until all of a killed group are gone: until then each may end the call that
// it is in, and so make files.
func awaitLast(group int) {
	for deadline := time.Now().Add(lastWords); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if n, _ := usage(group); n == 0 {
			return
		}
	}
}

// looks is how often a running command is looked at.
const looks = 200 * time.Millisecond

// watch ends a command whose processes together take too much.
func (r *run) watch(stop context.CancelCauseFunc) func(context.Context, int) {
	return func(ctx context.Context, group int) {
		tick := time.NewTicker(looks)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if err := r.excess(group); err != nil {
					stop(err)
					return
				}
			}
		}
	}
}

// excess says what the group has too much of; nil if nothing.
func (r *run) excess(group int) error {
	name := r.plugin.fullName()
	memory, disk := positive(r.runner.Memory, 512<<20), positive(r.runner.Disk, 1<<30)
	processes := positive(r.runner.Processes, 128)
	switch n, resident := usage(group); {
	case n > processes:
		return model.Invalidf("the plugin %s has more than %d processes", name, processes)
	case resident > memory:
		return model.Invalidf("the plugin %s needs more than %d MiB of memory; split the app or raise the limit", name, memory>>20)
	case r.workspace.exceeds(disk):
		return model.Invalidf("the plugin %s has written more than %d MiB", name, disk>>20)
	}
	return nil
}

// usage is how many processes a group has, and how much memory. Those that have ended count
// no more, even if nobody has taken note of it.
func usage(group int) (processes int, resident int64) {
	all, err := os.ReadDir("/proc")
	if err != nil {
		return 0, 0
	}
	for _, e := range all {
		if _, err := strconv.Atoi(e.Name()); err != nil {
			continue
		}
		stat, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if err != nil {
			continue
		}
		// After the name, which may hold anything: state, parent, group, …
		const stateField, groupField, residentField = 0, 2, 21
		fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
		if len(fields) <= residentField || string(fields[groupField]) != strconv.Itoa(group) ||
			bytes.ContainsAny(fields[stateField], "ZX") {
			continue
		}
		pages, err := strconv.ParseInt(string(fields[residentField]), 10, 64)
		if err == nil {
			processes, resident = processes+1, resident+pages*int64(os.Getpagesize())
		}
	}
	return processes, resident
}
