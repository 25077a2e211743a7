package sandbox

import "fmt"

// Confinement is what holds a process back.
type Confinement struct {
	// Landlock is the version of the kernel's Landlock interface, 0 for none.
	Landlock int
	// Filter: a filter of system calls.
	Filter bool
}

// Full reports whether nothing is missing: files, the network, other processes
// and their signals are out of reach, each denied at least once.
func (c Confinement) Full() bool { return c.Landlock > 0 && c.Filter }

// String says what there is and what is missing, for a log.
func (c Confinement) String() string {
	switch {
	case c.Full():
		return fmt.Sprintf("Landlock (version %d) and a filter of system calls", c.Landlock)
	case c.Filter:
		return "a filter of system calls; no Landlock, which needs Linux 5.13 with landlock among its security modules"
	case c.Landlock > 0:
		return fmt.Sprintf("Landlock (version %d); no filter of system calls", c.Landlock)
	}
	return "none: neither Landlock nor a filter of system calls, which need Linux"
}

// Limits bound what a process may take.
type Limits struct {
	// Memory is the size of all memory that a process may write to, in bytes; for
	// Confine, beyond what it has already. 0 is no limit.
	Memory int64
	// Files is how many files it may have open; 0 leaves the limit alone.
	Files uint64
}
