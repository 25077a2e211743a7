package control

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// lockTimeout is how long a start waits for the process before to end.
const lockTimeout = 3 * time.Second

// dir is the folder of a cluster, locked for this process.
type dir struct {
	name string // absolute
	lock *os.File
}

// openDir makes and locks the folder and enters it: etcd's socket is then
// named by a relative path, since the kernel refuses long ones.
func openDir(name string) (*dir, error) {
	name, err := filepath.Abs(name)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(name, 0o700); err != nil {
		return nil, fmt.Errorf("making the cluster's folder: %w", err)
	}
	lock, err := lockDir(name)
	if err != nil {
		return nil, err
	}
	if err := os.Chdir(name); err != nil {
		lock.Close()
		return nil, err
	}
	d := &dir{name: name, lock: lock}
	d.clearReady()
	return d, nil
}

// lockDir waits a little for a process that is about to end.
func lockDir(name string) (*os.File, error) {
	lock, err := os.OpenFile(filepath.Join(name, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(lockTimeout); ; time.Sleep(50 * time.Millisecond) {
		err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return lock, nil
		case !errors.Is(err, syscall.EWOULDBLOCK):
			lock.Close()
			return nil, fmt.Errorf("locking %s: %w", name, err)
		case time.Now().After(deadline):
			lock.Close()
			return nil, fmt.Errorf("%s is in use by another localcluster: stop that one, or choose another --dir", name)
		}
	}
}

func (d *dir) close() { d.lock.Close() }

// path is the absolute name of a file in the folder.
func (d *dir) path(name string) string { return filepath.Join(d.name, name) }

func (d *dir) setReady(server string) error {
	return writeFile("ready", []byte(server+"\n"), 0o600)
}

func (d *dir) clearReady() { os.Remove(d.path("ready")) }

// listen opens the API server's port and remembers it. With port 0 it opens
// the port of the last start, so that kubeconfigs stay valid, or a free one.
func (d *dir) listen(port int) (net.Listener, error) {
	if port == 0 {
		last, err := lastPort()
		if err != nil {
			return nil, err
		}
		port = last
	}
	listener, err := listenLocal(port)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("port %d is in use: free it, or choose another with --port", port)
	}
	if err != nil {
		return nil, err
	}
	opened := listener.Addr().(*net.TCPAddr).Port
	if err := writeFile("port", []byte(strconv.Itoa(opened)+"\n"), 0o600); err != nil {
		listener.Close()
		return nil, err
	}
	return listener, nil
}

// lastPort is the port of the last start, 0 when there was none.
func lastPort() (int, error) {
	text, err := os.ReadFile("port")
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	port, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, fmt.Errorf("the file port in the cluster's folder holds no port: delete it or give --port")
	}
	return port, nil
}

// listenLocal opens a port on loopback. For port 0 it tries ports below those
// that systems hand out by themselves, since one of these may be taken by the
// time of the next start.
func listenLocal(port int) (net.Listener, error) {
	address := func(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
	if port != 0 {
		return net.Listen("tcp4", address(port))
	}
	for range 50 {
		if listener, err := net.Listen("tcp4", address(20000+rand.IntN(10000))); err == nil {
			return listener, nil
		}
	}
	return net.Listen("tcp4", address(0))
}

// writeFile replaces a file as a whole: a reader, or a kill, never sees half.
func writeFile(name string, data []byte, mode fs.FileMode) error {
	temporary := name + ".new"
	if err := os.WriteFile(temporary, data, mode); err != nil {
		return err
	}
	return os.Rename(temporary, name)
}
