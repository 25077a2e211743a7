package sandbox

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// Offsets of the fields of struct seccomp_data.
const (
	offsetCall = 0
	offsetArch = 4
	offsetArgs = 16
)

// highBits of the number of a system call say, on amd64, that it is one of the
// x32 interface, which the tables don't know.
const highBits = 0x40000000

// The verdicts of a filter.
const (
	allow = uint32(unix.SECCOMP_RET_ALLOW)
	deny  = uint32(unix.SECCOMP_RET_ERRNO | unix.EPERM)
	// absent makes programs use an older call that a filter can look into.
	absent = uint32(unix.SECCOMP_RET_ERRNO | unix.ENOSYS)
	kill   = uint32(unix.SECCOMP_RET_KILL_PROCESS)
)

// program is a filter of system calls in the making.
type program []unix.SockFilter

// newProgram begins with what every filter needs: a process that speaks
// another architecture's interface is killed.
func newProgram() program {
	var p program
	p.load(offsetArch)
	p.jump(unix.BPF_JEQ, auditArch, 1, 0)
	p.verdict(kill)
	p.load(offsetCall)
	p.jump(unix.BPF_JGE, highBits, 0, 1)
	p.verdict(deny)
	return p
}

func (p *program) load(offset uint32) {
	*p = append(*p, unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset})
}

// jump compares what was loaded and skips yes or no instructions.
func (p *program) jump(test uint16, value uint32, yes, no uint8) {
	*p = append(*p, unix.SockFilter{Code: unix.BPF_JMP | test | unix.BPF_K, Jt: yes, Jf: no, K: value})
}

func (p *program) verdict(v uint32) {
	*p = append(*p, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: v})
}

// calls gives each of some calls the verdict.
func (p *program) calls(v uint32, numbers ...uint32) {
	for _, n := range numbers {
		p.jump(unix.BPF_JEQ, n, 0, 1)
		p.verdict(v)
	}
}

// test looks at an argument of a call.
type test struct {
	// arg is the argument's position; only its lower 32 bits are compared.
	arg uint32
	// op is unix.BPF_JEQ, equal to one of values, or unix.BPF_JSET, has a bit
	// of one.
	op     uint16
	values []uint32
}

// when gives a call the verdict yes where its argument passes the test, else no.
func (p *program) when(number uint32, t test, yes, no uint32) {
	p.jump(unix.BPF_JEQ, number, 0, uint8(2+2*len(t.values)))
	p.load(offsetArgs + 8*t.arg + lowHalf())
	for _, v := range t.values {
		p.jump(t.op, v, 0, 1)
		p.verdict(yes)
	}
	p.verdict(no)
}

// lowHalf is where the lower half of a 64-bit number lies.
func lowHalf() uint32 {
	if binary.NativeEndian.Uint16([]byte{0, 1}) == 1 {
		return 4
	}
	return 0
}
