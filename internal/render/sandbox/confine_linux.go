package sandbox

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Available is what this kernel lets a process confine itself with.
func Available() Confinement {
	return Confinement{Landlock: landlockVersion(), Filter: hasFilter()}
}

// Confine takes everything from this process, for good, but computing and the
// descriptors that are open: no file, no network, no other process. What the
// kernel offers has to work: an error if it does not.
func Confine(limits Limits) (Confinement, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	can := Available()
	if err := errors.Join(weaken(), limits.apply()); err != nil {
		return Confinement{}, err
	}
	if can.Landlock > 0 {
		if err := denyAll(); err != nil {
			return Confinement{}, err
		}
	}
	if can.Filter {
		if err := computingFilter().install(); err != nil {
			return Confinement{}, err
		}
	}
	return can, nil
}

// weaken makes the process unreadable for others of the same user, leaves no
// core behind, and lets others have the processor first.
func weaken() error {
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("hiding the process from debuggers: %w", err)
	}
	const nicer = 5
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return nil // no /proc: it stays as eager as it is
	}
	for _, t := range threads {
		if id, err := strconv.Atoi(t.Name()); err == nil {
			_ = unix.Setpriority(unix.PRIO_PROCESS, id, nicer) // a wish
		}
	}
	return nil
}

// apply sets the limits of a process that has to write no file.
func (l Limits) apply() error {
	limits := map[int]uint64{unix.RLIMIT_CORE: 0, unix.RLIMIT_FSIZE: 0, unix.RLIMIT_MEMLOCK: 0, unix.RLIMIT_MSGQUEUE: 0}
	if l.Files > 0 {
		limits[unix.RLIMIT_NOFILE] = l.Files
	}
	if l.Memory > 0 {
		limits[unix.RLIMIT_DATA] = dataSize() + uint64(l.Memory)
		// The collector works harder before the limit ends the process.
		debug.SetMemoryLimit(l.Memory - l.Memory/4)
	}
	return setLimits(limits)
}

// dataSize is how much memory the process has that counts for RLIMIT_DATA.
func dataSize() uint64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "VmData:")
	var kib uint64
	if _, err := fmt.Sscan(rest, &kib); err != nil {
		return 0
	}
	return kib << 10
}

// setLimits lowers limits; one that is lower already stays.
func setLimits(limits map[int]uint64) error {
	for which, value := range limits {
		var was unix.Rlimit
		if err := unix.Getrlimit(which, &was); err != nil {
			return fmt.Errorf("reading limit %d: %w", which, err)
		}
		value = min(value, was.Max)
		if err := unix.Prlimit(0, which, &unix.Rlimit{Cur: value, Max: value}, nil); err != nil {
			return fmt.Errorf("setting limit %d: %w", which, err)
		}
	}
	return nil
}
