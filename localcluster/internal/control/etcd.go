package control

import (
	"errors"
	"fmt"
	"net/url"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
)

// etcdSocket is relative to the cluster's folder, which is the working
// directory. Whoever may open it owns the cluster's data.
const etcdSocket = "unix://etcd.sock"

// startEtcd returns when etcd serves clients.
func startEtcd(fsync bool) (*component, error) {
	socket, err := url.Parse(etcdSocket)
	if err != nil {
		return nil, err
	}
	config := embed.NewConfig()
	config.Dir = "etcd"
	config.UnsafeNoFsync = !fsync
	config.ListenPeerUrls = nil
	config.ListenClientUrls = []url.URL{*socket}
	config.EnableGRPCGateway = false
	config.LogLevel = "warn"
	config.LogOutputs = []string{logFile}
	server, err := embed.StartEtcd(config)
	if err != nil {
		return nil, fmt.Errorf("starting etcd: %w", err)
	}
	done := make(chan struct{})
	stop := func() {
		go func() {
			server.Close()
			close(done)
		}()
	}
	select {
	case <-server.Server.ReadyNotify():
		return &component{name: "etcd", stop: stop, done: done}, nil
	case err := <-server.Err():
		return nil, fmt.Errorf("starting etcd: %w", err)
	case <-time.After(startTimeout):
		stop()
		return nil, errors.New("starting etcd: not ready in time; see the file log in the cluster's folder")
	}
}
