package cli

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// ActionFlags say whose actions are meant.
type ActionFlags struct {
	Connection
	// Object declares the Application; its settings are in ArgoNamespace.
	Object        *unstructured.Unstructured
	ArgoNamespace string
	// On are objects of the Application, in the cluster that it is deployed to.
	On []model.ObjectRef
}

// ObjectAction is something that can be done with a live object.
type ObjectAction struct {
	On model.ObjectRef
	// Name is by what it is asked for, Title what people call it; "" is Name. Help says
	// what it does.
	Name, Title, Help string
	// Disabled: not while the object is as it is, for the reason Why.
	Disabled bool
	Why      string
	// Danger: it interrupts work or can't be undone, so it is asked about first.
	Danger bool
	Params []ActionParam
}

// ActionParam is something that an action can be told.
type ActionParam struct {
	Name, Default, Help string
	Required            bool
}

// actionFlags are the flags of both commands.
type actionFlags struct {
	to            reach
	sel           onlyApplication
	argoNamespace string
	timeout       time.Duration
}

func (f *actionFlags) bind(cmd *cobra.Command) {
	f.to.bind(cmd)
	f.sel.bind(cmd, f.to.lister)
	cmd.Flags().StringVar(&f.argoNamespace, "argocd-namespace", "argocd", "namespace of argocd-cm, which may hold actions")
	cmd.Flags().DurationVar(&f.timeout, "timeout", time.Minute, "how long it may take")
}

func newAction(deps Deps) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "action",
		Short: "List and run actions on an Application's objects",
		Long: `Actions change a live object: restart a Deployment, suspend a CronJob, promote a
Rollout. Those of argocd-cm (resource.customizations.actions) are among them.`,
		Example: `  fixpoint action list my-app
  fixpoint action run my-app Deployment/web restart`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newActionList(deps), newActionRun(deps))
	return cmd
}

func newActionList(deps Deps) *cobra.Command {
	flags := actionFlags{to: reach{deps: deps}}
	var out format
	cmd := &cobra.Command{
		Use:     "list NAME|NAMESPACE/NAME [KIND/NAME]",
		Short:   "List the actions that an Application's objects have now",
		Example: "  fixpoint action list my-app\n  fixpoint action list argocd/my-app Deployment/web -o json",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 && len(args) != 2 {
				return usagef(cmd, "the name of an Application and at most one KIND/NAME are expected, not %d arguments", len(args))
			}
			_, err := objectsNamed(nil, append(args, "")[1])
			return asUsage(cmd, err)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, cancel := waitFlags{timeout: flags.timeout}.deadline(cmd.Context())
			defer cancel()
			h, err := flags.hold(ctx, cmd, args[0], append(args, "")[1])
			if err != nil {
				return err
			}
			found, wrong := h.actions(ctx)
			switch {
			case out != formatTable:
				err = out.data(cmd.OutOrStdout(), actionData(found))
			case len(found) > 0:
				actionTable(found).print(cmd.OutOrStdout())
			case wrong == nil:
				printf(cmd.ErrOrStderr(), "%s: there is no action for %s.\n", h.app.title(), plural(len(h.on), "object"))
			}
			return errors.Join(wrong, err)
		},
	}
	flags.bind(cmd)
	out.bind(cmd, formatTable, formatJSON, formatYAML)
	return cmd
}

func newActionRun(deps Deps) *cobra.Command {
	flags := actionFlags{to: reach{deps: deps}}
	var params []string
	var yes bool
	cmd := &cobra.Command{
		Use:   "run NAME|NAMESPACE/NAME KIND/NAME ACTION",
		Short: "Run an action on an object of an Application",
		Long: `Runs an action with your rights, and asks before one that interrupts work or can't
be undone. The object is named as KIND/NAME, where that is not unique as
KIND.GROUP/NAMESPACE/NAME.`,
		Example: `  fixpoint action run my-app Deployment/web restart
  fixpoint action run my-app Deployment/web scale --param replicas=3 --yes`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 3 {
				return usagef(cmd, "an Application, KIND/NAME and an action are expected, not %d arguments", len(args))
			}
			_, objects := objectsNamed(nil, args[1])
			_, wrong := paramsOf(params)
			return asUsage(cmd, errors.Join(objects, wrong))
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, cancel := waitFlags{timeout: flags.timeout}.deadline(cmd.Context())
			defer cancel()
			h, err := flags.hold(ctx, cmd, args[0], args[1])
			if err != nil {
				return err
			}
			given, err := paramsOf(params)
			if err != nil {
				return err
			}
			found, err := h.actions(ctx)
			if err != nil {
				return err
			}
			action, err := actionNamed(found, h.on[0], args[2])
			if err != nil {
				return err
			}
			question := fmt.Sprintf("%s: %s %s?", h.app.title(), actionText(args[2], given), objectText(h.on[0].ObjectKey))
			if action.Danger && !yes && !agreed(cmd, question) {
				return errors.New("nothing was done: answer y, or give --yes")
			}
			done, err := h.act(ctx, args[2], given)
			for _, text := range done {
				printf(cmd.OutOrStdout(), "%s\n", text)
			}
			return err
		},
	}
	flags.bind(cmd)
	cmd.Flags().StringArrayVar(&params, "param", nil, "a parameter of the action, as NAME=VALUE; repeatable")
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "don't ask")
	return cmd
}

// asUsage makes err, if it is one, an error of a wrong command line.
func asUsage(cmd *cobra.Command, err error) error {
	if err == nil {
		return nil
	}
	return usage(cmd, err)
}

// paramsOf reads --param.
func paramsOf(texts []string) (map[string]string, error) {
	out := map[string]string{}
	for _, t := range texts {
		name, value, ok := strings.Cut(t, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("--param %q has to be NAME=VALUE, such as replicas=3", t)
		}
		out[name] = value
	}
	return out, nil
}

// actionText is an action with its parameters: "scale (replicas=3)".
func actionText(name string, params map[string]string) string {
	if len(params) == 0 {
		return name
	}
	var all []string
	for _, k := range slices.Sorted(maps.Keys(params)) {
		all = append(all, k+"="+params[k])
	}
	return name + " (" + strings.Join(all, ", ") + ")"
}
