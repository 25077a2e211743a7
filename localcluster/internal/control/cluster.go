// Package control runs a Kubernetes control plane in this process: etcd,
// kube-apiserver, kube-controller-manager, kube-scheduler and the stand-in
// kubelet. It is not for production, and it runs once per process: the
// components keep feature gates, metrics and flags in global variables.
//
// Everything that it keeps is in one folder:
//
//	admin.kubeconfig   the way in, 0600
//	ready              exists while the cluster is usable
//	port               the API server's port, for the next start
//	log, log.1         what the components log: this start, the one before
//	lock               held by the running process
//	pki/               CA, certificates and the service accounts' key
//	kubeconfig/        one file per component
//	etcd/, etcd.sock   the data and etcd's socket
package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/fixpoint-cd/fixpoint/localcluster/internal/kubelet"
)

// Config says where and how a cluster runs.
type Config struct {
	Dir   string    // folder of the cluster; required
	Port  int       // the API server's port; 0 for that of the last start, or a free one
	Nodes int       // number of nodes; at least 1
	Fsync bool      // flush every write to disk
	Out   io.Writer // short lines about progress
}

func (c Config) validate() error {
	switch {
	case c.Dir == "":
		return errors.New("--dir is required: name a folder for the cluster's data")
	case c.Port < 0 || c.Port > 65535:
		return fmt.Errorf("--port %d is not a port: use 1 to 65535, or 0 for a free one", c.Port)
	case c.Nodes < 1 || c.Nodes > 100:
		return fmt.Errorf("--nodes %d: use 1 to 100", c.Nodes)
	}
	return nil
}

// Run starts a cluster and keeps it until ctx is done, which is not an error,
// or until a component fails. It changes the process's working directory.
func Run(ctx context.Context, config Config) error {
	if err := config.validate(); err != nil {
		return err
	}
	dir, err := openDir(config.Dir)
	if err != nil {
		return err
	}
	defer dir.close()
	if err := logToFile(); err != nil {
		return err
	}
	tuneProcess()

	c := &cluster{Config: config, dir: dir, failed: make(chan error, 8)}
	defer c.stop()
	if err := c.start(ctx); err != nil {
		return err
	}
	return c.wait(ctx)
}

// tuneProcess trades memory for throughput, unless the caller chose otherwise.
func tuneProcess() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
	rest.SetDefaultWarningHandler(rest.NoWarnings{})
}

// cluster is a control plane that is starting, running or stopping.
type cluster struct {
	Config
	dir     *dir
	failed  chan error
	running []*component // in the order of their start
}

func (c *cluster) start(ctx context.Context) error {
	began := time.Now()
	listener, err := c.dir.listen(c.Port)
	if err != nil {
		return err
	}
	server := "https://" + listener.Addr().String()
	keys, err := openPKI("pki")
	if err != nil {
		return err
	}
	if err := writeKubeconfigs(keys, server); err != nil {
		return err
	}
	options, err := newOptions(listener)
	if err != nil {
		return err
	}

	etcd, err := startEtcd(c.Fsync)
	if err != nil {
		return err
	}
	c.running = append(c.running, etcd)
	c.say("etcd ready")

	admin := keys.restConfig(server, "admin", "localcluster")
	client, err := kubernetes.NewForConfig(admin)
	if err != nil {
		return err
	}
	c.run(options.runAPIServer())
	if err := c.await(ctx, "the API server's /readyz", readyz(client)); err != nil {
		return err
	}
	c.say("API server ready at %s", server)

	c.run(options.runScheduler())
	c.run(options.runControllerManager())
	c.run("stand-in kubelet", c.newKubelet(keys, server).Run)
	if err := c.await(ctx, "nodes and the default ServiceAccount", podsCanRun(client, c.Nodes)); err != nil {
		return err
	}
	if err := c.dir.setReady(server); err != nil {
		return err
	}
	c.say("cluster ready after %.1f s with %d node(s); KUBECONFIG=%s", time.Since(began).Seconds(), c.Nodes, c.dir.path("admin.kubeconfig"))
	return nil
}

func (c *cluster) newKubelet(keys *pki, server string) *kubelet.Kubelet {
	return &kubelet.Kubelet{
		Client:  kubernetes.NewForConfigOrDie(keys.restConfig(server, "kubelet", "kubelet")),
		Nodes:   c.Nodes,
		TLS:     keys.serverTLS("kubelet-server"),
		Version: kubernetesVersion(),
	}
}

// wait returns nil when ctx is done and an error when a component ends first.
func (c *cluster) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		c.say("stopping")
		return nil
	case err := <-c.failed:
		return fmt.Errorf("%w; see %s", err, c.dir.path("log"))
	}
}

// stop ends the components, the last started first. What does not end in time
// ends with the process, which loses nothing: etcd's log is written by then.
func (c *cluster) stop() {
	c.dir.clearReady()
	for i := len(c.running) - 1; i >= 0; i-- {
		c.running[i].end(stopTimeout)
	}
}

func (c *cluster) say(format string, args ...any) {
	fmt.Fprintf(c.Out, format+"\n", args...)
}
