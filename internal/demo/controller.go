package demo

import (
	"context"
	"fmt"
	"log/slog"
	"os"
)

// startController runs a controller and waits until it listens.
func (d *demo) startController(ctx context.Context) error {
	file, err := os.OpenFile(d.path("controller.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	listening, shown, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		err := d.Controller(running, Controller{
			REST: d.cluster.rest, DataDir: d.path("controller"), ArgoNamespace: d.layout.argo,
			MirrorPrefix: mirrorPrefix, MirrorBase: d.host.base(), WebhookSecret: d.host.secret,
			Listen: "127.0.0.1:0", Started: func(addr string) { d.host.receiver.Store(&addr); close(listening) },
			UIListen: d.uiListen(), UIStarted: func(addr string) { d.ui = "http://" + addr; close(shown) },
			Log: slog.New(slog.NewTextHandler(file, nil)),
		})
		if running.Err() == nil {
			d.fail(fmt.Errorf("the controller has ended: %w", err))
		}
	}()
	d.onStop(func() {
		d.undeclare()
		stop()
		<-ended
		_ = file.Close()
	})
	for _, started := range []chan struct{}{listening, shown} {
		select {
		case <-started:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	d.out.say("Started the controller; its webhook, metrics and health are at http://%s, its log in %s", *d.host.receiver.Load(), file.Name())
	return nil
}
