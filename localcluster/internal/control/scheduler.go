package control

import (
	"context"

	"k8s.io/kubernetes/cmd/kube-scheduler/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app/options"
)

func newSchedulerOptions() (*scheduler.Options, error) {
	o := scheduler.NewOptions()
	return o, parse("kube-scheduler", *o.Flags,
		"--kubeconfig=kubeconfig/scheduler",
		"--secure-port=0",
		"--leader-elect=false",
		"--kube-api-qps=1000",
		"--kube-api-burst=2000",
	)
}

// runScheduler sets the scheduler up at once, while the process bears its name.
func (o *options) runScheduler() (string, func(context.Context) error) {
	actAs("kube-scheduler")
	setup, cancel := context.WithCancel(context.Background())
	config, sched, err := app.Setup(setup, o.scheduler)
	return "kube-scheduler", func(ctx context.Context) error {
		defer cancel()
		if err != nil {
			return err
		}
		return app.Run(ctx, config, sched)
	}
}
