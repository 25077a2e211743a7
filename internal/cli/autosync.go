package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fixpoint-cd/fixpoint/internal/client"
)

// autosyncFlags are the flags of autosync.
type autosyncFlags struct {
	to              reach
	sel             onlyApplication
	on              bool
	prune, selfHeal bool
	// says are the flags that were given.
	says func(flag string) bool
}

func newAutosync(deps Deps) *cobra.Command {
	flags := autosyncFlags{to: reach{deps: deps}}
	cmd := &cobra.Command{
		Use:   "autosync NAME|NAMESPACE/NAME on|off",
		Short: "Switch the automated sync of an Application",
		Long: `Sets spec.syncPolicy.automated of an Application: switched on it is synced whenever it
differs from what is declared, switched off only when somebody asks for it. Switched off
it keeps --prune and --self-heal for later; what is not given stays as it is.

Where another app declares the Application in Git, that one takes back what it declares.
Kustomizations and HelmReleases have 'fixpoint suspend' instead.`,
		Example: "  fixpoint autosync my-app on --prune --self-heal\n  fixpoint autosync argocd/my-app off",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 || args[1] != "on" && args[1] != "off" {
				return usagef(cmd, "name an Application, and on or off")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			flags.on, flags.says = args[1] == "on", cmd.Flags().Changed
			return flags.to.by(func(w way) error { return w.autosync(cmd, &flags, args[0]) })
		},
	}
	flags.to.bind(cmd)
	flags.sel.bind(cmd, flags.to.lister)
	names := cmd.ValidArgsFunction
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		if len(args) == 1 {
			return []string{"on", "off"}, cobra.ShellCompDirectiveNoFileComp
		}
		return names(cmd, args, typed)
	}
	cmd.Flags().BoolVar(&flags.prune, "prune", false, "delete what is no longer declared")
	cmd.Flags().BoolVar(&flags.selfHeal, "self-heal", false, "take back what others change")
	return cmd
}

// rule is the value of a flag that was given; nil of one that was not.
func (f *autosyncFlags) rule(flag string, value bool) *bool {
	if !f.says(flag) {
		return nil
	}
	return &value
}

func (k kube) autosync(cmd *cobra.Command, f *autosyncFlags, name string) error {
	app, err := f.sel.find(cmd.Context(), cmd, k.cluster, name)
	if err != nil {
		return err
	}
	if app.GetDeletionTimestamp() != nil {
		return fmt.Errorf("%s is being deleted, and is not synced any more", app.title())
	}
	w := newWaiter(cmd, k.cluster, waitFlags{})
	rules := map[string]any{"enabled": nil}
	if !f.on {
		rules["enabled"] = false
	}
	for field, set := range map[string]*bool{"prune": f.rule("prune", f.prune), "selfHeal": f.rule("self-heal", f.selfHeal)} {
		if set != nil {
			rules[field] = *set
		}
	}
	if automation(app.Unstructured).on == f.on && len(rules) == 1 {
		f.tell(w.teller, app, automation(app.Unstructured), true)
		return nil
	}
	policy := func(rules any) map[string]any {
		return map[string]any{"spec": map[string]any{"syncPolicy": map[string]any{"automated": rules}}}
	}
	now, err := w.patch(cmd.Context(), app, policy(rules))
	if err == nil && !f.on && automation(now.Unstructured).on { // a CRD without the field
		now, err = w.patch(cmd.Context(), app, policy(nil))
	}
	if err != nil {
		return err
	}
	f.tell(w.teller, app, automation(now.Unstructured), false)
	return nil
}

// automated is what an Application says of automated sync.
type automated struct{ on, prune, selfHeal bool }

func automation(app *unstructured.Unstructured) automated {
	rules, is, _ := unstructured.NestedMap(app.Object, "spec", "syncPolicy", "automated")
	enabled, set := rules["enabled"].(bool)
	prune, _ := rules["prune"].(bool)
	selfHeal, _ := rules["selfHeal"].(bool)
	return automated{on: is && (!set || enabled), prune: prune, selfHeal: selfHeal}
}

// tell says how the app syncs now.
func (f *autosyncFlags) tell(t *teller, app item, now automated, was bool) {
	text := map[bool]string{true: "automated sync is on", false: "automated sync is off"}[now.on]
	if was {
		text += " already"
	}
	if now.on {
		text += ": " + strings.Join([]string{
			map[bool]string{true: "prunes", false: "prunes nothing"}[now.prune], map[bool]string{true: "repairs drift", false: "leaves drift"}[now.selfHeal],
		}, ", ")
	}
	printf(t.out, "%s: %s\n", app.title(), text)
}

func (s server) autosync(cmd *cobra.Command, f *autosyncFlags, name string) error {
	app, err := s.findApplication(cmd.Context(), cmd, f.sel, name)
	if err != nil {
		return err
	}
	e, err := s.errand(cmd.Context(), cmd, app, waitFlags{})
	if err != nil {
		return err
	}
	body := client.Autosync{On: f.on, Prune: f.rule("prune", f.prune), SelfHeal: f.rule("self-heal", f.selfHeal)}
	now := automated{f.on, e.before.Prune, e.before.SelfHeal}
	for to, set := range map[*bool]*bool{&now.prune: body.Prune, &now.selfHeal: body.SelfHeal} {
		if set != nil {
			*to = *set
		}
	}
	was := e.before.Auto == f.on && body.Prune == nil && body.SelfHeal == nil
	if !was {
		if err := s.Ask(cmd.Context(), e.before.AppName, "autosync", body); err != nil {
			return err
		}
		// The next command must find it so, and what a server shows is late by a moment.
		if err := e.await(cmd.Context(), func(is client.AppDetail) (bool, error) { return is.Auto == f.on, nil }); err != nil {
			return err
		}
	}
	f.tell(e.teller, app, now, was)
	return nil
}
