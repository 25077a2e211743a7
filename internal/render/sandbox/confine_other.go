//go:build !linux

package sandbox

import "runtime/debug"

// Available is what this kernel lets a process confine itself with: nothing.
func Available() Confinement { return Confinement{} }

// Confine can take nothing from this process here; it only makes the collector
// keep to the limit of memory.
func Confine(limits Limits) (Confinement, error) {
	if limits.Memory > 0 {
		debug.SetMemoryLimit(limits.Memory)
	}
	return Confinement{}, nil
}
