package history

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// requiredVar set to "required" makes the tests fail where there is no PostgreSQL.
const requiredVar = "FIXPOINT_POSTGRES"

// server is a PostgreSQL of the tests' own, which listens on a Unix socket alone.
type server struct {
	bin, dir string
	as       *syscall.Credential
	cmd      *exec.Cmd
	ended    chan struct{}
}

// password of the server's user; nothing may show it.
const password = "planted:pass/word@1"

var (
	postgresServer *server
	// errNoServer is why there is none.
	errNoServer error
	schemasMade atomic.Int64
)

// withServer runs tests with a server.
func withServer(run func() int) int {
	runtime.LockOSThread() // the server ends with the thread that has started it
	bin, err := serverPrograms()
	if err != nil {
		errNoServer = err
		return run()
	}
	postgresServer = &server{bin: bin}
	defer postgresServer.remove()
	if err := postgresServer.create(); err != nil {
		fmt.Println("making a PostgreSQL for the tests:", err)
		return 1
	}
	return run()
}

// serverPrograms is the folder that has initdb and postgres.
func serverPrograms() (string, error) {
	folders, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	if path, err := exec.LookPath("initdb"); err == nil {
		folders = append(folders, filepath.Dir(path))
	}
	for _, folder := range folders {
		if _, err := os.Stat(filepath.Join(folder, "postgres")); err == nil {
			return folder, nil
		}
	}
	return "", errors.New("no initdb and postgres in PATH or /usr/lib/postgresql")
}

// create makes the database's files and starts the server.
func (p *server) create() (err error) {
	if p.dir, err = os.MkdirTemp("/tmp", "fixpoint-pg-"); err != nil { // a socket's path is short
		return err
	}
	secret := filepath.Join(p.dir, "password")
	if err := os.WriteFile(secret, []byte(password), 0o600); err != nil {
		return err
	}
	if os.Getuid() == 0 { // it refuses to run as root
		if p.as, err = credential("postgres", "nobody"); err != nil {
			return err
		}
		for _, path := range []string{p.dir, secret} {
			if err := os.Chown(path, int(p.as.Uid), int(p.as.Gid)); err != nil {
				return err
			}
		}
	}
	out, err := p.command("initdb", "--pgdata=data", "--username=fixpoint", "--pwfile=password", "--auth=scram-sha-256",
		"--encoding=UTF8", "--locale=C", "--no-sync").CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return p.start()
}

func credential(names ...string) (*syscall.Credential, error) {
	for _, name := range names {
		if u, err := user.Lookup(name); err == nil {
			uid, _ := strconv.Atoi(u.Uid)
			gid, _ := strconv.Atoi(u.Gid)
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
		}
	}
	return nil, fmt.Errorf("none of the users %v is there", names)
}

func (p *server) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(p.bin, name), args...)
	cmd.Dir, cmd.Env = p.dir, []string{"PATH=/usr/bin:/bin", "LC_ALL=C", "TZ=UTC"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.as, Pdeathsig: syscall.SIGQUIT}
	return cmd
}

// start returns once the server answers.
func (p *server) start() error {
	var log bytes.Buffer
	cmd, ended := p.command("postgres", "-D", "data", "-k", p.dir, "-c", "listen_addresses=", "-c", "fsync=off",
		"-c", "shared_buffers=16MB", "-c", "max_connections=60"), make(chan struct{})
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		return err
	}
	p.cmd, p.ended = cmd, ended
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	db, err := sql.Open("pgx", p.url(""))
	if err != nil {
		return err
	}
	defer db.Close()
	for deadline := time.Now().Add(3 * time.Minute); ; {
		if err = db.PingContext(context.Background()); err == nil {
			return nil
		}
		select {
		case <-ended:
			return fmt.Errorf("it has ended: %s", log.String())
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return err
		}
	}
}

// stop ends the server and all connections to it.
func (p *server) stop() {
	if p.cmd != nil {
		_ = p.cmd.Process.Signal(syscall.SIGINT) // a fast shut-down
		<-p.ended
		p.cmd = nil
	}
}

func (p *server) remove() {
	p.stop()
	_ = os.RemoveAll(p.dir)
}

// url is the connection string of a schema; "" is none's.
func (p *server) url(schema string) string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword("fixpoint", password), Path: "/postgres"}
	q := url.Values{"host": {p.dir}, "sslmode": {"disable"}, "connect_timeout": {"60"}}
	if schema != "" {
		q.Set("search_path", schema)
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// emptySchema is the connection string of a new schema.
func emptySchema(t testing.TB) string {
	t.Helper()
	if postgresServer == nil {
		if os.Getenv(requiredVar) == "required" {
			t.Fatal(errNoServer)
		}
		t.Skipf("NOT TESTED ON POSTGRESQL: %v. Install it (Debian: postgresql), or set %s=required to fail", errNoServer, requiredVar)
	}
	name := fmt.Sprintf("test_%d", schemasMade.Add(1))
	db, err := sql.Open("pgx", postgresServer.url(""))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), "CREATE SCHEMA "+name); err != nil {
		t.Fatal(err)
	}
	return postgresServer.url(name)
}

// serverFiles are the files with the databases' content and their log.
func serverFiles(t testing.TB) (files []string, err error) {
	t.Helper()
	db, err := sql.Open("pgx", postgresServer.url(""))
	if err != nil {
		return nil, err
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), "CHECKPOINT"); err != nil {
		return nil, err
	}
	for _, folder := range []string{"base", "pg_wal"} {
		err := filepath.WalkDir(filepath.Join(postgresServer.dir, "data", folder), func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && !strings.HasSuffix(path, "pg_internal.init") {
				files = append(files, path)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return files, nil
}
