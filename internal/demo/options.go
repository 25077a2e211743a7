package demo

import (
	"context"
	"io"
	"log/slog"

	"k8s.io/client-go/rest"
)

// Options say how a demo runs. Out and Controller are required.
type Options struct {
	// Once tries everything by itself and ends, with an error if anything did
	// not converge. Otherwise the demo runs until its context ends.
	Once bool
	// Kubeconfig is a cluster that is there; "" starts a control plane.
	Kubeconfig string
	// Dir is the folder for the demo's data; "" is a new one. What an earlier
	// demo left there is gone on with.
	Dir string
	// Keep leaves the data, and in a cluster that was there the objects.
	Keep bool
	// Port is that of the API server; 0 is any that is free.
	Port int
	// UIPort is that of the web UI; 0 is 8088 if it is free, else any.
	UIPort int
	// Localcluster is the program that runs the control plane; "" is the one
	// beside this program.
	Localcluster string
	// In are the user's keys, a line each; nil is none.
	In io.Reader
	// Out is where everything is printed to.
	Out io.Writer
	// Controller runs a controller until the context ends.
	Controller func(context.Context, Controller) error
}

// Controller is what the demo asks of a controller.
type Controller struct {
	REST    *rest.Config
	DataDir string
	// Repositories whose URL begins with MirrorPrefix are at MirrorBase.
	MirrorPrefix, MirrorBase string
	// Listen is the address of the webhook, Started is called with the real one.
	Listen  string
	Started func(addr string)
	// UIListen is the address of the web UI, UIStarted is called with the real one.
	UIListen  string
	UIStarted func(addr string)
	// WebhookSecret signs webhook calls.
	WebhookSecret string
	// ArgoNamespace is Argo CD's control-plane namespace.
	ArgoNamespace string
	Log           *slog.Logger
}
