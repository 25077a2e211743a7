package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// process is a controller in a process of its own, for what kills it.
type process struct {
	cmd  *exec.Cmd
	addr string
	done <-chan error
}

// listening is where a controller says on which port it does: one that is free when a test
// looks for it need not be so any more when the controller wants it.
var listening = regexp.MustCompile(`msg=listening addr=(\S+)`)

// startProcess runs the binary as a user would.
func (e *env) startProcess() *process {
	e.t.Helper()
	bin, err := binary("FIXPOINT_BIN", "fixpoint")
	if err != nil {
		e.t.Fatal(err)
	}
	before := len(e.logs.String())
	p := &process{}
	p.cmd = exec.Command(bin, "controller", "--kubeconfig", e.cluster.kubeconfig, "--data-dir", e.dataDir,
		"--listen", "127.0.0.1:0", "--ui-listen", "off", "--mirror", org+"="+e.git.BaseURL()+"myorg/", "--allow-unsigned-webhooks")
	p.cmd.Stdout, p.cmd.Stderr = e.logs, e.logs
	if p.done, err = startChild(p.cmd); err != nil {
		e.t.Fatal(err)
	}
	e.eventually("the controller listens", func() error {
		said := listening.FindStringSubmatch(e.logs.String()[before:])
		if said == nil {
			return errors.New("it has not said where")
		}
		p.addr, e.addr = said[1], said[1]
		return nil
	})
	e.eventually("the controller is ready", func() error {
		resp, err := http.Get("http://" + p.addr + "/readyz")
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("/readyz answers %s", resp.Status)
		}
		return nil
	})
	return p
}

// kill ends the process with no chance to tidy up.
func (p *process) kill(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-p.done
}

// versions counts the ConfigMaps of a namespace by the value of their key.
func (e *env) versions(namespace string) map[string]int {
	e.t.Helper()
	r, err := e.cluster.kind(configMapKind, namespace)
	if err != nil {
		e.t.Fatal(err)
	}
	out := map[string]int{}
	e.eventually("listing", func() error {
		list, err := r.List(e.t.Context(), listAll)
		if err != nil {
			return err
		}
		clear(out)
		for _, o := range list.Items {
			if strings.HasPrefix(o.GetName(), "cm-") {
				v, _, _ := unstructured.NestedString(o.Object, "data", "key")
				out[v]++
			}
		}
		return nil
	})
	return out
}

// version is files with another value of each ConfigMap's key.
func version(files map[string]string, v string) map[string]string {
	out := map[string]string{}
	for name, content := range files {
		out[name] = strings.Replace(content, "key: v1", "key: "+v, 1)
	}
	return out
}

// TestKill kills the controller while it syncs 200 objects, several times, and
// starts it again: the end state is always that of the commit, and what had
// been written is not written again.
func TestKill(t *testing.T) {
	const n, rounds = 200, 6
	e := newEnvOn(t, ownCluster(t))
	e.stopController()
	e.stopOnce = func() {}
	p := e.startProcess()
	t.Cleanup(func() { p.kill(t) })
	repo := e.repo("killed", many("app", n))
	e.apply(application("killed", repo, "app", "killed"))
	e.synced("killed", "")

	middles := 0
	for round := 0; round < rounds || middles == 0 && round < 10*rounds; round++ {
		v := fmt.Sprintf("r%d", round)
		before, err := e.cluster.requests()
		if err != nil {
			t.Fatal(err)
		}
		commit := e.push(repo, v, version(many("app", n), v))
		e.eventually("the sync is under way", func() error {
			if e.versions("killed")[v] < 5 {
				return fmt.Errorf("%v", e.versions("killed"))
			}
			return nil
		})
		p.kill(t)
		written := e.versions("killed")[v]
		if written < n {
			middles++
		}
		p = e.startProcess()
		e.synced("killed", commit)
		if got := e.versions("killed"); got[v] != n || len(got) != 1 {
			t.Errorf("round %d: %v", round, got)
		}
		after, err := e.cluster.requests()
		if err != nil {
			t.Fatal(err)
		}
		// What was under way when the process died may be written again.
		if w := after.since(before)["APPLY configmaps"]; w > n+16 {
			t.Errorf("round %d: %v writes for %d objects", round, w, n)
		}
	}
	if middles == 0 {
		t.Errorf("none of %d kills came in the middle of a sync", 10*rounds)
	}
	t.Logf("%d kills came in the middle of a sync", middles)
}

// TestAPIServerRestart kills the API server while objects are being written.
func TestAPIServerRestart(t *testing.T) {
	const n = 1000
	c := ownCluster(t)
	e := newEnvOn(t, c)
	repo := e.repo("restarted", many("app", n))
	e.apply(application("restarted", repo, "app", "restarted"))
	e.synced("restarted", "")

	commit := e.push(repo, "v2", version(many("app", n), "v2"))
	e.eventually("the sync is under way", func() error {
		if got := e.versions("restarted"); got["v2"] < 5 {
			return fmt.Errorf("%v", got)
		}
		return nil
	})
	if err := c.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := within(patience, func() error {
		if c.cmd.Process.Signal(syscall.Signal(0)) == nil {
			return fmt.Errorf("the API server still runs")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	_ = os.Remove(c.dir + "/ready")
	bin, err := binary("LOCALCLUSTER_BIN", "localcluster")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.start(bin); err != nil {
		t.Fatal(err)
	}
	e.synced("restarted", commit)
	if got := e.versions("restarted"); got["v2"] != n {
		t.Errorf("after the restart: %v", got)
	}
	// The mirror follows again.
	e.delete(configMapKind, "restarted", "cm-0007")
	e.holds("restarted", "cm-0007", "key", "v2")
}
