package sandbox

import "golang.org/x/sys/unix"

const auditArch = unix.AUDIT_ARCH_AARCH64

// harmfulHere are harmful calls that other architectures don't have.
var harmfulHere = []uint32{unix.SYS_KEXEC_FILE_LOAD}
