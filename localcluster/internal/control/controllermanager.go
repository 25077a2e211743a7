package control

import (
	"context"

	"k8s.io/kubernetes/cmd/kube-controller-manager/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app/options"
)

// newControllerManagerOptions leaves every controller on that upstream has on.
func newControllerManagerOptions() (*controllermanager.KubeControllerManagerOptions, error) {
	o, err := controllermanager.NewKubeControllerManagerOptions()
	if err != nil {
		return nil, err
	}
	flags := o.Flags(app.KnownControllers(), app.ControllersDisabledByDefault(), app.ControllerAliases())
	return o, parse("kube-controller-manager", flags,
		"--kubeconfig=kubeconfig/controller-manager",
		"--secure-port=0",
		"--leader-elect=false",
		"--kube-api-qps=1000",
		"--kube-api-burst=2000",
		"--service-account-private-key-file=pki/service-account.key",
		"--root-ca-file=pki/ca.crt",
		"--cluster-signing-cert-file=pki/ca.crt",
		"--cluster-signing-key-file=pki/ca.key",
		"--service-cluster-ip-range="+serviceRange,
		"--flex-volume-plugin-dir=flexvolume", // the default is a folder of the system
	)
}

func (o *options) runControllerManager() (string, func(context.Context) error) {
	actAs("kube-controller-manager")
	return "kube-controller-manager", func(ctx context.Context) error {
		config, err := o.controllerManager.Config(ctx, app.KnownControllers(), app.ControllersDisabledByDefault(), app.ControllerAliases())
		if err != nil {
			return err
		}
		return app.Run(ctx, config.Complete())
	}
}
