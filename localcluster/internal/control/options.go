package control

import (
	"fmt"
	"net"

	"github.com/spf13/pflag"
	"k8s.io/apiserver/pkg/util/compatibility"
	cliflag "k8s.io/component-base/cli/flag"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app/options"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app/options"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app/options"
)

// options are the components' parsed options. They are parsed together, since
// the components share one registry of feature gates that may be set once.
type options struct {
	apiServer         *apiserver.ServerRunOptions
	controllerManager *controllermanager.KubeControllerManagerOptions
	scheduler         *scheduler.Options
}

// newOptions parses the components' options; the API server takes listener.
func newOptions(listener net.Listener) (*options, error) {
	serveVersion()
	o := &options{}
	var err error
	if o.apiServer, err = newAPIServerOptions(listener); err != nil {
		return nil, err
	}
	if o.controllerManager, err = newControllerManagerOptions(); err != nil {
		return nil, err
	}
	if o.scheduler, err = newSchedulerOptions(); err != nil {
		return nil, err
	}
	return o, compatibility.DefaultComponentGlobalsRegistry.Set()
}

// parse sets a component's options from the flags that its command takes.
func parse(component string, sets cliflag.NamedFlagSets, args ...string) error {
	flags := pflag.NewFlagSet(component, pflag.ContinueOnError)
	for _, set := range sets.FlagSets {
		flags.AddFlagSet(set)
	}
	if err := flags.Parse(args); err != nil {
		return fmt.Errorf("flags of %s: %w", component, err)
	}
	return nil
}
