package sandbox

import (
	"fmt"

	"github.com/landlock-lsm/go-landlock/landlock"
	"golang.org/x/sys/unix"
)

// signalScope is the version of Landlock that keeps signals inside.
const signalScope = 6

// landlockVersion is that of the kernel's Landlock; 0 if it has none, or none
// that this process may use.
func landlockVersion() int {
	v, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return 0
	}
	return int(v)
}

// newest is everything that Landlock can deny, and what of it the kernel knows.
var newest = landlock.V11.BestEffort()

// denyAll takes files, network, and signals to others from all threads.
func denyAll() error {
	if err := newest.Restrict(); err != nil {
		return fmt.Errorf("restricting files and network: %w", err)
	}
	return nil
}
