package cli

import (
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// suspendFlags are the flags of suspend and resume.
type suspendFlags struct {
	to  reach
	sel selector
	// suspended is what the app is to be.
	suspended bool
}

func newSuspend(deps Deps) *cobra.Command {
	return (&suspendFlags{to: reach{deps: deps}, suspended: true}).command(cobra.Command{
		Use:   "suspend NAME|NAMESPACE/NAME",
		Short: "Leave a Kustomization or HelmRelease alone until it is resumed",
		Long: `Sets spec.suspend of a Kustomization or HelmRelease: nothing is done with it until
'fixpoint resume'. Applications have no such state; switch their automated sync off, or
set a sync window in their project.`,
		Example: "  fixpoint suspend flux-system/my-app",
	})
}

func newResume(deps Deps) *cobra.Command {
	return (&suspendFlags{to: reach{deps: deps}}).command(cobra.Command{
		Use:     "resume NAME|NAMESPACE/NAME",
		Short:   "Go on with a Kustomization or HelmRelease that is suspended",
		Long:    "Takes spec.suspend of a Kustomization or HelmRelease back. It is reconciled at once.",
		Example: "  fixpoint resume flux-system/my-app",
	})
}

func (f *suspendFlags) command(cmd cobra.Command) *cobra.Command {
	cmd.Args = oneArg("the name of an app")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return f.to.by(func(w way) error { return w.suspend(cmd, f, args[0]) })
	}
	f.to.bindApp(&cmd, &f.sel)
	return &cmd
}

func (k kube) suspend(cmd *cobra.Command, f *suspendFlags, name string) error {
	app, err := k.find(cmd.Context(), f.sel, name, f.sel.kinds()...)
	if err != nil {
		return err
	}
	if err := f.fits(app); err != nil {
		return err
	}
	was, _, _ := unstructured.NestedBool(app.Object, "spec", "suspend")
	t := newTeller(cmd, waitFlags{})
	if was != f.suspended {
		if _, err := (&waiter{k.cluster, t}).patch(cmd.Context(), app, map[string]any{"spec": map[string]any{"suspend": f.suspended}}); err != nil {
			return err
		}
	}
	f.tell(t, app, was)
	return nil
}

// fits refuses Applications.
func (f *suspendFlags) fits(app item) error {
	if app.kind.name != application.name {
		return nil
	}
	return fmt.Errorf("%s can't be suspended: switch its automated sync off, or set a sync window in its project", app.title())
}

// tell says what has become of an app that was suspended, or not.
func (f *suspendFlags) tell(t *teller, app item, was bool) {
	text := map[bool]string{true: "suspended", false: "resumed"}[f.suspended]
	if was == f.suspended {
		text = map[bool]string{true: "is suspended already", false: "is not suspended"}[f.suspended]
	}
	printf(t.out, "%s: %s\n", app.title(), text)
}
