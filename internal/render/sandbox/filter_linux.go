//go:build amd64 || arm64

package sandbox

import (
	"fmt"
	"os"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// computing are the calls that Go's runtime makes in a process that computes
// and speaks over open descriptors; the frequent ones first.
var computing = slices.Concat([]uint32{
	unix.SYS_FUTEX, unix.SYS_READ, unix.SYS_WRITE, unix.SYS_NANOSLEEP, unix.SYS_MADVISE,
	unix.SYS_MMAP, unix.SYS_MUNMAP, unix.SYS_MPROTECT, unix.SYS_MINCORE, unix.SYS_BRK,
	unix.SYS_RT_SIGRETURN, unix.SYS_RT_SIGPROCMASK, unix.SYS_RT_SIGACTION, unix.SYS_SIGALTSTACK,
	unix.SYS_SCHED_YIELD, unix.SYS_SCHED_GETAFFINITY, unix.SYS_GETPID, unix.SYS_GETTID,
	unix.SYS_CLOCK_GETTIME, unix.SYS_CLOCK_NANOSLEEP, unix.SYS_GETTIMEOFDAY, unix.SYS_RESTART_SYSCALL,
	unix.SYS_EPOLL_CREATE1, unix.SYS_EPOLL_CTL, unix.SYS_EPOLL_PWAIT, unix.SYS_EVENTFD2,
	unix.SYS_PREAD64, unix.SYS_CLOSE, unix.SYS_FSTAT, unix.SYS_GETRANDOM,
	unix.SYS_EXIT, unix.SYS_EXIT_GROUP,
	// The C library's, where a program is built with it.
	unix.SYS_RSEQ, unix.SYS_SET_ROBUST_LIST, unix.SYS_WRITEV,
})

// computingFilter lets a process compute. It may make threads but no
// processes, signal itself only, and open nothing.
func computingFilter() program {
	p := newProgram()
	p.calls(allow, computing...)
	p.when(unix.SYS_CLONE, test{0, unix.BPF_JSET, []uint32{unix.CLONE_THREAD}}, allow, deny)
	p.when(unix.SYS_TGKILL, test{0, unix.BPF_JEQ, []uint32{uint32(os.Getpid())}}, allow, deny)
	p.when(unix.SYS_FCNTL, test{1, unix.BPF_JEQ, []uint32{
		unix.F_GETFD, unix.F_SETFD, unix.F_GETFL, unix.F_SETFL, unix.F_DUPFD_CLOEXEC,
	}}, allow, deny)
	p.calls(absent, unix.SYS_CLONE3)
	p.verdict(deny)
	return p
}

// harmful are calls that no program needs to turn files into manifests. Some
// are ways around the rest: io_uring opens sockets without socket(2), a new
// session leaves the group of processes that is ended together.
var harmful = []uint32{
	unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_PROCESS_MADVISE,
	unix.SYS_KCMP, unix.SYS_PIDFD_OPEN, unix.SYS_PIDFD_GETFD, unix.SYS_PIDFD_SEND_SIGNAL,
	unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER,
	unix.SYS_BPF, unix.SYS_PERF_EVENT_OPEN, unix.SYS_USERFAULTFD, unix.SYS_FANOTIFY_INIT,
	unix.SYS_KEYCTL, unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY,
	unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_MOVE_MOUNT, unix.SYS_OPEN_TREE, unix.SYS_FSOPEN,
	unix.SYS_FSCONFIG, unix.SYS_FSMOUNT, unix.SYS_FSPICK, unix.SYS_MOUNT_SETATTR, unix.SYS_PIVOT_ROOT,
	unix.SYS_CHROOT, unix.SYS_UNSHARE, unix.SYS_SETNS,
	unix.SYS_SETSID, unix.SYS_SETPGID,
	unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE, unix.SYS_DELETE_MODULE, unix.SYS_KEXEC_LOAD,
	unix.SYS_REBOOT, unix.SYS_SWAPON, unix.SYS_SWAPOFF, unix.SYS_SYSLOG, unix.SYS_ACCT, unix.SYS_QUOTACTL,
	unix.SYS_SETTIMEOFDAY, unix.SYS_CLOCK_SETTIME, unix.SYS_CLOCK_ADJTIME, unix.SYS_ADJTIMEX,
	unix.SYS_SETHOSTNAME, unix.SYS_SETDOMAINNAME, unix.SYS_OPEN_BY_HANDLE_AT, unix.SYS_NAME_TO_HANDLE_AT,
	unix.SYS_MKNODAT, unix.SYS_MOVE_PAGES, unix.SYS_MIGRATE_PAGES, unix.SYS_MEMFD_SECRET,
	unix.SYS_SHMGET, unix.SYS_MSGGET, unix.SYS_SEMGET, unix.SYS_MQ_OPEN, unix.SYS_VHANGUP,
}

// namespaces are the bits of clone(2) that make a process leave the world that
// its limits were made for.
const namespaces = unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET |
	unix.CLONE_NEWIPC | unix.CLONE_NEWUTS | unix.CLONE_NEWCGROUP

// commandFilter lets a command do what commands do, but for what is harmful
// and, without network, sockets. signals: others can be signalled as far as
// Landlock lets it, which it must therefore look after.
func commandFilter(network, signals bool) program {
	p := newProgram()
	p.calls(deny, harmful...)
	p.calls(deny, harmfulHere...)
	p.when(unix.SYS_CLONE, test{0, unix.BPF_JSET, []uint32{namespaces}}, deny, allow)
	p.calls(absent, unix.SYS_CLONE3)
	p.when(unix.SYS_SOCKETPAIR, test{0, unix.BPF_JEQ, []uint32{unix.AF_UNIX}}, allow, deny)
	if network {
		p.when(unix.SYS_SOCKET, test{0, unix.BPF_JEQ, []uint32{unix.AF_INET, unix.AF_INET6, unix.AF_NETLINK}}, allow, deny)
	} else {
		p.calls(deny, unix.SYS_SOCKET)
	}
	if !signals {
		p.when(unix.SYS_KILL, test{0, unix.BPF_JEQ, []uint32{0}}, allow, deny)
		p.calls(deny, unix.SYS_TKILL, unix.SYS_RT_SIGQUEUEINFO)
	}
	p.verdict(allow)
	return p
}

// install puts the filter on all threads of the process, for good.
func (p program) install() error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("giving up privileges: %w", err)
	}
	prog := unix.SockFprog{Len: uint16(len(p)), Filter: &p[0]}
	thread, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER,
		unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&prog)))
	if errno != 0 {
		return fmt.Errorf("installing the filter of system calls: %w", errno)
	}
	if thread != 0 {
		return fmt.Errorf("installing the filter of system calls: thread %d does not take it", thread)
	}
	return nil
}

// hasFilter reports whether the kernel takes filters.
func hasFilter() bool {
	action := deny &^ uint32(unix.SECCOMP_RET_DATA)
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_GET_ACTION_AVAIL, 0, uintptr(unsafe.Pointer(&action)))
	return errno == 0
}
