package child

import "testing"

// TestCauseOf: what the runtime, and the system, say when a child dies.
func TestCauseOf(t *testing.T) {
	const exit, abort = "exit status 2", "signal: aborted (core dumped)"
	tests := map[string]struct {
		text, state string
		want        Cause
	}{
		"the heap":   {"fatal error: runtime: out of memory\n\nruntime stack:\n", exit, OutOfMemory},
		"the stacks": {"runtime: goroutine stack exceeds 33554432-byte limit\nfatal error: stack overflow\n", exit, TooDeep},
		"a thread":   {"runtime: failed to create new OS thread (have 5 already; errno=12)\n", exit, OutOfMemory},
		"the collector's queues": {
			"SIGSEGV: segmentation violation\nPC=0x43aaa0 m=3 sigcode=1 addr=0x0\n\n" +
				"goroutine 0 gp=0xc000007340 m=3 mp=0xc00005b808 [idle]:\nruntime.(*spanQueue).tryDrain(...)\n", exit, OutOfMemory,
		},
		"the collector's queues, after a log": {
			"a warning\nSIGSEGV: segmentation violation\nPC=0x43aaa0 m=3 sigcode=1 addr=0x0\n\ngoroutine 0 gp=0xc000007340 m=3 [idle]:\n", exit, OutOfMemory,
		},
		"a nil pointer": {
			"panic: runtime error: invalid memory address or nil pointer dereference\n" +
				"[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x47]\n\ngoroutine 1 [running]:\n", exit, Unknown,
		},
		"a signal to a goroutine": {"SIGSEGV: segmentation violation\nPC=0x47 m=0\n\ngoroutine 7 [running]:\n", exit, Unknown},
		"killed":                  {"", "signal: killed", Killed},
		"killed when it was full": {"fatal error: runtime: cannot allocate memory\n", "signal: killed", OutOfMemory},
		"something else":          {"", abort, Unknown},
	}
	for name, tt := range tests {
		if got := causeOf(tt.text, tt.state); got != tt.want {
			t.Errorf("%s: %d, want %d", name, got, tt.want)
		}
	}
}
