package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/landlock-lsm/go-landlock/landlock"
	"golang.org/x/sys/unix"
)

// system is what every command may read and execute.
var system = []string{
	"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32",
	"/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/etc/alternatives",
	"/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/localtime",
	"/dev/urandom", "/dev/random", "/dev/zero", "/dev/full",
	"/proc/cpuinfo", "/proc/meminfo",
}

// forNetwork is what a command with network may read, too.
var forNetwork = []string{"/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/services", "/etc/gai.conf"}

// Exec makes this process the command, confined for good. It returns only if
// that fails, and then this process may be confined already.
func Exec(c Command) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := os.Chdir(c.Dir); err != nil {
		return fmt.Errorf("entering the folder of the command: %w", err)
	}
	file, err := c.lookup()
	if err != nil {
		return err
	}
	if err := c.confine(); err != nil {
		return err
	}
	if err := unix.Exec(file, c.Args, c.Env); err != nil {
		return fmt.Errorf("starting %s: %w", c.Args[0], err)
	}
	panic("exec returned without an error")
}

func (c Command) confine() error {
	can := Available()
	if err := errors.Join(dropCapabilities(), c.limit()); err != nil {
		return err
	}
	if can.Landlock > 0 {
		if err := c.restrict(can.Landlock); err != nil {
			return err
		}
	}
	if can.Filter {
		return commandFilter(c.Network, can.Landlock >= signalScope).install()
	}
	return nil
}

func (c Command) limit() error {
	limits := map[int]uint64{unix.RLIMIT_CORE: 0, unix.RLIMIT_MEMLOCK: 0, unix.RLIMIT_MSGQUEUE: 0}
	for which, value := range map[int]uint64{
		unix.RLIMIT_DATA:   uint64(c.Limits.Memory),
		unix.RLIMIT_NOFILE: c.Limits.Files,
		unix.RLIMIT_CPU:    uint64(c.CPU.Seconds()),
		unix.RLIMIT_FSIZE:  uint64(c.FileSize),
	} {
		if value > 0 {
			limits[which] = value
		}
	}
	return setLimits(limits)
}

// restrict leaves the command the files of the system, its own, and with
// network the network.
func (c Command) restrict(version int) error {
	rules := []landlock.Rule{landlock.RWFiles("/dev/null").IgnoreIfMissing()}
	read := append(append([]string{}, system...), c.Read...)
	if c.Network {
		read = append(read, forNetwork...)
	}
	for _, name := range read {
		if info, err := os.Stat(name); err == nil && info.IsDir() {
			rules = append(rules, landlock.RODirs(name))
		} else if err == nil {
			rules = append(rules, landlock.ROFiles(name))
		}
	}
	for _, dir := range c.Write {
		rule := landlock.RWDirs(filepath.Clean(dir))
		if version >= referring {
			rule = rule.WithRefer()
		}
		rules = append(rules, rule)
	}
	confine := newest.Restrict
	if c.Network {
		if err := newest.RestrictScoped(); err != nil {
			return fmt.Errorf("restricting signals: %w", err)
		}
		confine = newest.RestrictPaths
	}
	if err := confine(rules...); err != nil {
		return fmt.Errorf("restricting files and network: %w", err)
	}
	return nil
}

// referring is the version of Landlock since which files can be moved between
// folders at all.
const referring = 2

// dropCapabilities takes from root what only root can do. For others it does
// nothing.
func dropCapabilities() error {
	for capability := uintptr(0); ; capability++ {
		err := unix.Prctl(unix.PR_CAPBSET_DROP, capability, 0, 0, 0)
		if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EPERM) {
			break
		}
		if err != nil {
			return fmt.Errorf("dropping capability %d: %w", capability, err)
		}
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	if err := unix.Capset(&header, &none[0]); err != nil {
		return fmt.Errorf("dropping capabilities: %w", err)
	}
	return nil
}
