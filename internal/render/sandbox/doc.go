// Package sandbox takes from a process what it does not need before it reads
// anything that a stranger wrote. It knows two shapes: a process that computes
// and has nothing but the descriptors that are open (Confine), and a command
// that reads the system's programs and writes to a folder of its own (Exec).
//
// It builds on Landlock and on a filter of system calls; either alone denies
// most of what both deny. Where a kernel has neither, limits of resources are
// all that is left: see Available.
package sandbox
