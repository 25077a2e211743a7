package control

import (
	"context"
	"net"

	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app/options"
)

// newAPIServerOptions keeps upstream's defaults for admission, aggregation and
// storage. Priority and fairness is off: it costs a fifth of the throughput and
// there is nobody here to be fair to. The endpoints of the kubernetes Service
// are not maintained, since a loopback address is not allowed in them.
func newAPIServerOptions(listener net.Listener) (*apiserver.ServerRunOptions, error) {
	o := apiserver.NewServerRunOptions()
	o.SecureServing.Listener = listener
	return o, parse("kube-apiserver", o.Flags(),
		"--etcd-servers="+etcdSocket,
		"--advertise-address=127.0.0.1",
		"--endpoint-reconciler-type=none",
		"--service-cluster-ip-range="+serviceRange,
		"--allow-privileged=true",
		"--authorization-mode=RBAC",
		"--enable-priority-and-fairness=false",
		"--tls-cert-file=pki/apiserver.crt",
		"--tls-private-key-file=pki/apiserver.key",
		"--client-ca-file=pki/ca.crt",
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file=pki/service-account.key",
		"--service-account-signing-key-file=pki/service-account.key",
		"--kubelet-certificate-authority=pki/ca.crt",
		"--kubelet-client-certificate=pki/apiserver-kubelet-client.crt",
		"--kubelet-client-key=pki/apiserver-kubelet-client.key",
		"--kubelet-preferred-address-types=InternalIP",
	)
}

func (o *options) runAPIServer() (string, func(context.Context) error) {
	return "kube-apiserver", func(ctx context.Context) error {
		actAs("kube-apiserver")
		completed, err := o.apiServer.Complete(ctx)
		if err != nil {
			return err
		}
		if errs := completed.Validate(); len(errs) != 0 {
			return utilerrors.NewAggregate(errs)
		}
		return app.Run(ctx, completed)
	}
}
