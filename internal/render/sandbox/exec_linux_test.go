package sandbox

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// run runs a shell script as a confined command in a folder of its own, which
// it returns with what was printed.
func run(t *testing.T, change func(*Command), script string) (dir, output string, err error) {
	t.Helper()
	dir = t.TempDir()
	c := Command{
		Args: []string{"sh", "-c", script}, Dir: dir, Write: []string{dir},
		Env:    []string{"PATH=/usr/local/bin:/usr/bin:/bin", "GREETING=hello"},
		Limits: Limits{Memory: 1 << 30, Files: 256}, CPU: time.Minute, FileSize: 1 << 20,
	}
	if change != nil {
		change(&c)
	}
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd := exec.Command(os.Args[0], "sandbox-exec")
	cmd.Env = []string{}
	cmd.ExtraFiles = []*os.File{r}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(text); err != nil {
		t.Error(err)
	}
	w.Close()
	err = cmd.Wait()
	return dir, out.String(), err
}

func TestExecRunsCommand(t *testing.T) {
	dir, out, err := run(t, nil, `echo "$GREETING $(env | wc -l)"; mkdir a b; echo x >a/f; mv a/f b/; cat b/f; echo to >/dev/null; ls /proc/self/fd/3 2>&1`)
	if want := "hello "; !strings.HasPrefix(out, want) || !strings.Contains(out, "x\n") {
		t.Errorf("output %q (%v), want the script's", out, err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "b", "f")); string(text) != "x\n" {
		t.Errorf("the file that the script wrote has %q, %v", text, err)
	}
	if err == nil || !strings.Contains(out, "cannot access '/proc/self/fd/3'") {
		t.Errorf("output %q: the command inherits a descriptor", out)
	}
}

// TestExecDenies runs scripts that succeed only if the sandbox does not hold.
func TestExecDenies(t *testing.T) {
	needConfinement(t)
	target := secret(t)
	addresses := listeners(t)
	_, port, _ := strings.Cut(addresses["TCP"], ":")
	for name, script := range map[string]string{
		"file of another":  "cat " + target,
		"/etc/passwd":      "cat /etc/passwd",
		"own environ":      "cat /proc/self/environ",
		"parent's environ": "cat /proc/$PPID/environ",
		"write outside":    "echo x >" + target,
		"new file outside": "echo x >" + filepath.Dir(target) + "/new",
		"remove outside":   "rm " + target,
		"hard link":        "ln " + target + " here && cat here",
		"symbolic link":    "ln -s " + target + " here && cat here",
		"network":          "exec bash -c 'exec 3<>/dev/tcp/127.0.0.1/" + port + "'",
		"UDP":              "exec bash -c 'echo x >/dev/udp/127.0.0.1/" + port + "'",
		"signal parent":    "kill -0 $PPID",
		"new session":      "setsid true",
		"new namespace":    "unshare -U true",
		"mount":            "mount -t tmpfs none .",
		"device":           "mknod dev c 1 1",
		"big file":         "head -c 2000000 /dev/zero >big",
		"raise limit":      "ulimit -f unlimited && head -c 2000000 /dev/zero >big",
	} {
		t.Run(name, func(t *testing.T) {
			if _, out, err := run(t, nil, script); err == nil {
				t.Errorf("%s worked: %s", script, out)
			}
		})
	}
	if text, err := os.ReadFile(target); err != nil || string(text) != "do not read" {
		t.Errorf("the file was touched: %q, %v", text, err)
	}
}

func TestExecNetworkAllowed(t *testing.T) {
	needConfinement(t)
	addresses := listeners(t)
	_, port, _ := strings.Cut(addresses["TCP"], ":")
	allow := func(c *Command) { c.Network = true }
	if _, out, err := run(t, allow, "exec bash -c 'exec 3<>/dev/tcp/127.0.0.1/"+port+"'"); err != nil {
		t.Errorf("a command with network can't connect: %s", out)
	}
	if _, out, err := run(t, allow, "cat "+secret(t)); err == nil {
		t.Errorf("a command with network reads files: %s", out)
	}
	if _, out, err := run(t, allow, "kill -0 $PPID"); err == nil {
		t.Errorf("a command with network signals others: %s", out)
	}
}

func TestExecReadsWhatIsDeclared(t *testing.T) {
	target := secret(t)
	for _, declared := range []string{target, filepath.Dir(target)} {
		allow := func(c *Command) { c.Read = []string{declared, "/does/not/exist"} }
		if _, out, err := run(t, allow, "cat "+target); err != nil || out != "do not read" {
			t.Errorf("with %s declared: %q, %v", declared, out, err)
		}
		if _, out, err := run(t, allow, "echo x >>"+target); err == nil {
			t.Errorf("what may be read could be written: %s", out)
		}
	}
}

func TestExecLimits(t *testing.T) {
	for name, script := range map[string]string{
		"memory":    "head -c 200000000 /dev/zero | tail -n 1",
		"processor": "while :; do :; done",
		"core":      "ulimit -c unlimited",
	} {
		t.Run(name, func(t *testing.T) {
			limit := func(c *Command) { c.Limits.Memory, c.CPU = 64<<20, time.Second }
			if _, out, err := run(t, limit, script); err == nil {
				t.Errorf("%s worked: %.200s", script, out)
			}
		})
	}
}

func TestExecErrors(t *testing.T) {
	tests := map[string]struct {
		change func(*Command)
		want   string
	}{
		"unknown":   {func(c *Command) { c.Args = []string{"no-such-command"} }, `"no-such-command" is in none of the folders of PATH (/usr/local/bin:/usr/bin:/bin)`},
		"none":      {func(c *Command) { c.Args = nil }, "no command"},
		"no path":   {func(c *Command) { c.Args = []string{"./missing"} }, "starting ./missing: no such file"},
		"no folder": {func(c *Command) { c.Dir = "/does/not/exist" }, "entering the folder"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, out, err := run(t, tt.change, "true")
			if err == nil || !strings.Contains(out, tt.want) {
				t.Errorf("output %q (%v), want %q", out, err, tt.want)
			}
		})
	}
}
