package e2e

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fixpoint-cd/fixpoint/internal/app"
)

// TestCommandsByServer: whoever can't reach the cluster signs in to the server, and has
// apps synced, looked at and suspended; every wait ends, also where nothing has changed.
func TestCommandsByServer(t *testing.T) {
	shown := make(chan string, 1)
	e := newEnv(t, func(o *app.Options) { o.UIListen, o.UIStarted = "127.0.0.1:0", func(addr string) { shown <- addr } })
	repo := e.repo("commands", map[string]string{"settings.yaml": configMap("settings", "one")})
	e.namespaces("commands", "commands-flux")
	e.apply(manual("commands", repo, ".", "commands"))
	e.apply(gitRepository(repo) + "---\n" + kustomization("commands-flux", repo, ".", "  targetNamespace: commands-flux\n"))
	c := newCommander(t, e, "http://"+<-shown)
	c.says("fixpoint is not signed in to", 1, "no cluster is known", "get")
	c.in = c.firstPassword() + "\n"
	c.says("signing in", 0, "as admin, until", "login", c.server, "--username", "admin", "--password-stdin")

	e.eventually("the list of apps", func() error {
		if out, _ := c.run("get"); !strings.Contains(out, "commands-flux") || !strings.Contains(out, "OutOfSync") {
			return fmt.Errorf("it is\n%s", out)
		}
		return nil
	})
	c.says("what a sync would change", 1, "ConfigMap/commands/settings", "diff", "argocd/commands")
	c.says("a dry run", 0, "dry run of a sync asked for", "sync", "argocd/commands", "--dry-run")
	if e.get(configMapKind, "commands", "settings") != nil {
		t.Error("a dry run writes")
	}
	c.says("a sync", 0, "created", "sync", "argocd/commands")
	c.says("a sync that has nothing to do", 0, "argocd/commands: Synced at", "sync", "argocd/commands")
	c.says("a look", 0, "argocd/commands: Synced at", "refresh", "argocd/commands")
	c.says("a look at a Kustomization", 0, "commands-flux: Synced at", "sync", "commands-flux")
	c.says("suspending", 0, "suspended", "suspend", "commands-flux")
	c.says("what is suspended", 1, "commands-flux is suspended: ", "sync", "commands-flux")
	c.says("resuming", 0, "resumed", "resume", "commands-flux")
	c.says("no difference", 0, "is as declared", "diff", "argocd/commands")
	c.says("the trail", 0, `"via":"cli","action":"sync"`, "audit", "export", "--who", "admin")
	c.says("signing out", 0, "Signed out", "logout")
}

// commander runs commands as a process of their own would.
type commander struct {
	*env
	server, in string
}

// newCommander knows no cluster, and is not signed in.
func newCommander(t *testing.T, e *env, server string) *commander {
	t.Helper()
	for name, value := range map[string]string{
		"HOME": t.TempDir(), "XDG_CONFIG_HOME": "", "KUBECONFIG": "/none", "KUBERNETES_SERVICE_HOST": "", "FIXPOINT_SERVER": "", "FIXPOINT_TOKEN": "",
	} {
		t.Setenv(name, value)
	}
	return &commander{env: e, server: server}
}

func (c *commander) run(args ...string) (string, int) {
	var out bytes.Buffer
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	code := app.Run(ctx, args, app.Stdio{In: strings.NewReader(c.in), Out: &out, Err: &out})
	return out.String(), code
}

// says runs a command that ends with the code and says text.
func (c *commander) says(what string, code int, text string, args ...string) {
	c.t.Helper()
	began := time.Now()
	out, got := c.run(args...)
	if got != code || !strings.Contains(out, text) {
		c.t.Fatalf("%s: %v ends with %d after %s, want %d and %q:\n%s", what, args, got, time.Since(began).Round(time.Second), code, text, out)
	}
}

// firstPassword is that of admin, as the controller has made it.
func (c *commander) firstPassword() string {
	c.t.Helper()
	var password []byte
	c.eventually("the first password", func() error {
		o := c.get(secretKind, "argocd", "argocd-initial-admin-secret")
		if o == nil {
			return fmt.Errorf("there is no Secret argocd-initial-admin-secret")
		}
		text, _, _ := unstructured.NestedString(o.Object, "data", "password")
		var err error
		password, err = base64.StdEncoding.DecodeString(text)
		return err
	})
	return string(password)
}
