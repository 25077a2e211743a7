package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// secret is the file that no confined process may read.
func secret(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(name, []byte("do not read"), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// parent is asked for while that is allowed.
var parent = os.Getppid()

// attempts are what a confined process tries. Each has to fail.
var attempts = map[string]func(target string) error{
	"read file":        func(f string) error { _, err := os.ReadFile(f); return err },
	"read /etc/passwd": func(string) error { _, err := os.ReadFile("/etc/passwd"); return err },
	"read environ":     func(string) error { _, err := os.ReadFile("/proc/self/environ"); return err },
	"read parent's": func(string) error {
		_, err := os.ReadFile("/proc/" + strconv.Itoa(parent) + "/environ")
		return err
	},
	"list /":            func(string) error { _, err := os.ReadDir("/"); return err },
	"write file":        func(f string) error { return os.WriteFile(f+"2", []byte("x"), 0o600) },
	"remove file":       os.Remove,
	"rename file":       func(f string) error { return os.Rename(f, f+"3") },
	"make directory":    func(f string) error { return os.Mkdir(f+"4", 0o700) },
	"change mode":       func(f string) error { return os.Chmod(f, 0o777) },
	"link":              func(f string) error { return os.Symlink(f, f+"5") },
	"dial TCP":          func(string) error { return dial("tcp", os.Getenv("TCP")) },
	"send UDP":          func(string) error { return dial("udp", os.Getenv("UDP")) },
	"dial unix":         func(string) error { return dial("unix", os.Getenv("UNIX")) },
	"dial abstract":     func(string) error { return dial("unix", os.Getenv("ABSTRACT")) },
	"listen TCP":        func(string) error { l, err := net.Listen("tcp", "127.0.0.1:0"); closeIf(l, err); return err },
	"resolve name":      func(string) error { _, err := net.LookupHost("git.example.com"); return err },
	"start process":     func(string) error { return exec.Command("/bin/true").Run() },
	"become a program":  func(string) error { return syscall.Exec("/bin/true", []string{"true"}, nil) },
	"signal parent":     func(string) error { return syscall.Kill(parent, 0) },
	"signal everything": func(string) error { return syscall.Kill(-1, 0) },
	"signal parent's thread": func(string) error {
		return errnoOf(unix.SYS_TGKILL, uintptr(parent), uintptr(parent), 0)
	},
	"trace parent": func(string) error { return syscall.PtraceAttach(parent) },
	"raise limits": func(string) error {
		return unix.Prlimit(0, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 1 << 30, Max: 1 << 30}, nil)
	},
	"own signals":   func(string) error { return errnoOf(unix.SYS_FCNTL, 1, unix.F_SETOWN, uintptr(parent)) },
	"io_uring":      func(string) error { return errnoOf(unix.SYS_IO_URING_SETUP, 1, 0, 0) },
	"bpf":           func(string) error { return errnoOf(unix.SYS_BPF, 0, 0, 0) },
	"keyctl":        func(string) error { return errnoOf(unix.SYS_KEYCTL, 0, 0, 0) },
	"userfaultfd":   func(string) error { return errnoOf(unix.SYS_USERFAULTFD, 0, 0, 0) },
	"read memory":   func(string) error { return errnoOf(unix.SYS_PROCESS_VM_READV, uintptr(parent), 0, 0) },
	"mount":         func(string) error { return unix.Mount("none", "/mnt", "tmpfs", 0, "") },
	"namespaces":    func(string) error { return unix.Unshare(unix.CLONE_NEWUSER) },
	"memfd":         func(string) error { _, err := unix.MemfdCreate("x", 0); return err },
	"x32 interface": func(string) error { return errnoOf(highBits|unix.SYS_GETPPID, 0, 0, 0) },
	"open descriptor": func(f string) error {
		return errnoOf(unix.SYS_OPENAT2, 0, uintptr(unsafe.Pointer(&[]byte(f + "\x00")[0])), 0)
	},
	"fork": func(string) error { return errnoOf(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0) },
}

func dial(network, address string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	c, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Write([]byte("x"))
	return err
}

func closeIf(l net.Listener, err error) {
	if err == nil {
		l.Close()
	}
}

func errnoOf(call uintptr, a, b, c uintptr) error {
	if _, _, errno := unix.Syscall(call, a, b, c); errno != 0 {
		return errno
	}
	return nil
}

// confined confines itself, and tries everything on several threads.
func confined(target string) int {
	hold := make(chan struct{})
	var threads sync.WaitGroup
	for range 4 { // threads that were there before
		threads.Go(func() { runtime.LockOSThread(); <-hold })
	}
	can := Available()
	if got, err := Confine(Limits{Memory: 512 << 20, Files: 64}); err != nil || got != can {
		fmt.Println("confining:", got, err)
		return 1
	}
	close(hold)
	threads.Wait()
	var mu sync.Mutex
	var all sync.WaitGroup
	for name, try := range attempts {
		all.Go(func() {
			runtime.LockOSThread()
			err := try(target)
			mu.Lock()
			defer mu.Unlock()
			fmt.Printf("%s: %v\n", name, err)
		})
	}
	all.Wait()
	return 0
}

func needConfinement(t *testing.T) {
	t.Helper()
	if !Available().Full() {
		t.Skipf("this kernel has %s", Available())
	}
}

// TestConfineDeniesEverything runs the attempts once unconfined, where those
// that don't need privileges work, so that the denials are the sandbox's.
func TestConfineDeniesEverything(t *testing.T) {
	needConfinement(t)
	target := secret(t)
	for name, value := range listeners(t) {
		t.Setenv(name, value)
	}
	for _, name := range []string{"read file", "read /etc/passwd", "list /", "write file", "dial TCP", "send UDP", "dial unix", "dial abstract", "start process", "signal parent"} {
		if err := attempts[name](target); err != nil {
			t.Errorf("%s fails unconfined: %v", name, err)
		}
	}
	cmd := exec.Command(os.Args[0], "confined", target)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("the confined process: %v\n%s", err, out)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) != len(attempts) {
		t.Errorf("%d attempts were reported, want %d:\n%s", len(lines), len(attempts), out)
	}
	for _, line := range lines {
		if strings.HasSuffix(line, ": <nil>") {
			t.Errorf("a confined process may: %s", line)
		}
	}
	if text, err := os.ReadFile(target); err != nil || string(text) != "do not read" {
		t.Errorf("the file was touched: %q, %v", text, err)
	}
}

// listeners are servers to reach, by the environment variable with the address.
func listeners(t *testing.T) map[string]string {
	t.Helper()
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	path, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	abstract, err := net.Listen("unix", fmt.Sprintf("@fixpoint-sandbox-test-%d", os.Getpid())) // the machine's, not this process's
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tcp.Close(); udp.Close(); path.Close(); abstract.Close() })
	return map[string]string{"TCP": tcp.Addr().String(), "UDP": udp.LocalAddr().String(), "UNIX": path.Addr().String(), "ABSTRACT": abstract.Addr().String()}
}

// TestFilterAlone shows that either half denies files and the network.
func TestFilterAlone(t *testing.T) {
	needConfinement(t)
	for _, half := range []string{"landlock", "filter"} {
		t.Run(half, func(t *testing.T) {
			cmd := exec.Command(os.Args[0], "half", half, secret(t))
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
		})
	}
}

func half(which, target string) int {
	runtime.LockOSThread()
	var err error
	if which == "landlock" {
		err = denyAll()
	} else {
		err = computingFilter().install()
	}
	_, read := os.ReadFile(target)
	tcp := dial("tcp", "127.0.0.1:1")
	if err != nil || !isDenied(read) || !isDenied(tcp) {
		fmt.Println(err, read, tcp)
		return 1
	}
	return 0
}

func isDenied(err error) bool {
	return errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES)
}

func TestConfinementString(t *testing.T) {
	var texts []string
	for _, c := range []Confinement{{}, {Filter: true}, {Landlock: 4}, {Landlock: 7, Filter: true}} {
		texts = append(texts, c.String())
	}
	if slices.Sort(texts); len(slices.Compact(texts)) != 4 {
		t.Errorf("texts don't tell apart what there is: %q", texts)
	}
}
