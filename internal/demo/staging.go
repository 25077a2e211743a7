package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
)

// stagingName is what Applications call the second cluster.
const stagingName = "staging"

// staging is a second control plane. It starts beside the first, and nobody
// waits for it but the sample apps.
type staging struct {
	plane  *controlPlane
	err    error
	ended  chan struct{} // closed when plane and err are known
	giveUp context.CancelFunc
}

// startStaging begins to start the second control plane.
func (d *demo) startStaging(ctx context.Context, program string) {
	ctx, giveUp := context.WithCancel(ctx)
	s := &staging{ended: make(chan struct{}), giveUp: giveUp}
	d.staging = s
	go func() {
		defer close(s.ended)
		s.plane, s.err = startControlPlane(ctx, program, d.path("cluster-staging"), 0, io.Discard, func(time.Duration) {})
	}()
}

// stop ends it, also while it is starting.
func (s *staging) stop() {
	s.giveUp()
	if <-s.ended; s.plane != nil {
		s.plane.stop()
	}
}

// joinStaging waits for the second control plane and declares it to the
// controller, as Argo CD's users do.
func (d *demo) joinStaging(ctx context.Context) error {
	select {
	case <-d.staging.ended:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if d.staging.err != nil {
		return fmt.Errorf("starting a second cluster: %w", d.staging.err)
	}
	other, err := connect(d.staging.plane.kubeconfig())
	if err != nil {
		return err
	}
	secret, err := clusterSecret(d.layout.argo, stagingName, other.rest)
	if err != nil {
		return err
	}
	if err := d.cluster.apply(ctx, secret); err != nil {
		return err
	}
	d.out.event(time.Now(), "Cluster "+stagingName, "has joined: "+other.rest.Host+"; KUBECONFIG="+d.staging.plane.kubeconfig())
	return nil
}

// clusterSecret declares a cluster that client certificates open.
func clusterSecret(namespace, name string, to *rest.Config) (*unstructured.Unstructured, error) {
	to = rest.CopyConfig(to)
	if err := rest.LoadTLSFiles(to); err != nil {
		return nil, fmt.Errorf("reading how to connect to cluster %s: %w", name, err)
	}
	config, err := json.Marshal(map[string]any{"tlsClientConfig": map[string][]byte{
		"caData": to.CAData, "certData": to.CertData, "keyData": to.KeyData,
	}})
	if err != nil {
		return nil, err
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Secret",
		"metadata": map[string]any{
			"name": "cluster-" + name, "namespace": namespace,
			"labels": map[string]any{"argocd.argoproj.io/secret-type": "cluster", "environment": name},
		},
		"type":       "Opaque",
		"stringData": map[string]any{"name": name, "server": to.Host, "config": string(config)},
	}}, nil
}
