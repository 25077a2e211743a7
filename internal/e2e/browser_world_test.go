package e2e

import (
	"context"
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fixpoint-cd/fixpoint/internal/app"
	"github.com/fixpoint-cd/fixpoint/internal/gitserver"
)

// fleetSize is how many apps the story's reader has to find one among.
const fleetSize = 2000

// installation is Fixpoint at work, with its pages behind a wire.
type installation struct {
	*env
	wire     *wire
	password string
	repo     string
}

// newInstallation has a fleet of apps, some of them with something to look at.
func newInstallation(t *testing.T) *installation {
	t.Helper()
	i := newHouse(t)
	i.declare()
	i.fleet()
	return i
}

// newHouse has no app, in a cluster of its own, which is ended rather than swept.
func newHouse(t *testing.T) *installation {
	t.Helper()
	i := &installation{env: &env{t: t, cluster: ownCluster(t), dataDir: t.TempDir(), logs: &lockedBuffer{}}}
	i.git = gitserver.New(t.TempDir())
	if err := i.git.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(i.git.Close)
	i.namespaces("argocd", "flux-system", "shop", "ledger", "podinfo", "broken", "rollout")
	shown := make(chan string, 1)
	i.startController(func(o *app.Options) {
		o.UIListen, o.UIStarted = "127.0.0.1:0", func(addr string) { shown <- addr }
	})
	t.Cleanup(func() {
		i.stopController()
		if t.Failed() {
			t.Logf("controller's log:\n%s", tail(quiet.ReplaceAllString(i.logs.String(), ""), 120))
		}
	})
	select {
	case addr := <-shown:
		i.wire = newWire(t, addr)
	case <-time.After(patience):
		t.Fatal("the pages are not served")
	}
	i.password = i.firstPassword()
	return i
}

// quiet are the lines of the log that a fleet makes too many of.
var quiet = regexp.MustCompile(`(?m)^.*source has a revision.*\n`)

// fleet declares apps that are cheap: most are Kustomizations that are suspended, every
// eleventh is an Application that nobody syncs, and all have one small folder.
func (i *installation) fleet() {
	i.t.Helper()
	i.apply(gitRepository(i.env.repo("fleet", map[string]string{"config.yaml": configMap("config", "1")})))
	began := time.Now()
	var g errgroup.Group
	g.SetLimit(rawWorkers)
	for n := range fleetSize {
		g.Go(func() error {
			u, err := parse([]byte(fleetApp(n)))
			if err != nil {
				return err
			}
			return i.cluster.apply(context.Background(), u)
		})
	}
	if err := g.Wait(); err != nil {
		i.t.Fatal(err)
	}
	i.t.Logf("%d apps are declared after %v", fleetSize, time.Since(began).Round(time.Millisecond))
}

var teams = []string{"search", "billing", "accounts", "mail", "maps"}

func fleetApp(n int) string {
	team := teams[n%len(teams)]
	name := fmt.Sprintf("%s-%04d", team, n)
	labels := fmt.Sprintf(`labels: {fleet: "yes", team: %s}`, team)
	if n%11 != 0 {
		text := kustomization(name, "fleet", ".", "  suspend: true\n")
		return strings.Replace(text, "namespace: flux-system}", "namespace: flux-system, "+labels+"}", 1)
	}
	text := manual(name, "fleet", ".", "fleet-"+team)
	return strings.Replace(text, "namespace: argocd}", "namespace: argocd, "+labels+"}", 1)
}

// firstPassword is that of the account admin, as the controller has made it.
func (i *installation) firstPassword() string {
	i.t.Helper()
	var password string
	i.eventually("the first password", func() error {
		o := i.get(secretKind, "argocd", "argocd-initial-admin-secret")
		if o == nil {
			return fmt.Errorf("there is no Secret argocd-initial-admin-secret")
		}
		password = secretValue(o, "password")
		return nil
	})
	return password
}

// declare makes the apps that the story is about.
func (i *installation) declare() {
	i.t.Helper()
	i.repo = i.env.repo("shop", map[string]string{
		"shop/web.yaml":         twoPods("web", "registry.example/shop:1.0.0", ""),
		"shop/service.yaml":     "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec:\n  selector: {app: web}\n  ports: [{port: 80}]\n",
		"shop/settings.yaml":    configMap("settings", "blue"),
		"ledger/settings.yaml":  configMap("settings", "one"),
		"ledger/limits.yaml":    configMap("limits", "10"),
		"ledger/books.yaml":     twoPods("books", "registry.example/books:2.1.0", ""),
		"podinfo/podinfo.yaml":  strings.Replace(twoPods("podinfo", "registry.example/podinfo:6.7.1", ""), "name: podinfo}", "name: podinfo, namespace: podinfo}", 1),
		"podinfo/secret.yaml":   "apiVersion: v1\nkind: Secret\nmetadata: {name: podinfo, namespace: podinfo}\nstringData: {token: the-secret-of-podinfo}\n",
		"broken/worker.yaml":    twoPods("worker", "registry.example/worker:0.9.0", looping),
		"rollout/frontend.yaml": twoPods("frontend", "registry.example/frontend:3.0.0", never),
	})
	i.apply(gitRepository(i.repo) + "---\n" + kustomization("podinfo", i.repo, "./podinfo", ""))
	for _, name := range []string{"shop", "broken", "rollout"} {
		i.apply(application(name, i.repo, name, name))
	}
	i.apply(manual("ledger", i.repo, "ledger", "ledger"))
	i.apply(clusterSecret(i.t, "staging", i.cluster.rest))
}

// twoPods is one of two pods with two containers; steer are annotations for the
// stand-in kubelet.
func twoPods(name, image, steer string) string {
	return fmt.Sprintf(`apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s}
spec:
  replicas: 2
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata: {labels: {app: %[1]s}, annotations: {%[3]s}}
    spec:
      containers:
        - {name: main, image: "%[2]s", ports: [{containerPort: 8080}]}
        - {name: proxy, image: "registry.example/proxy:1.4.2"}
`, name, image, steer)
}

// secretValue is a value of a Secret.
func secretValue(o *unstructured.Unstructured, key string) string {
	text, err := base64.StdEncoding.DecodeString(at(o, "data", key))
	if err != nil {
		return ""
	}
	return string(text)
}
