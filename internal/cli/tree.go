package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// node is an object of a tree.
type node struct {
	Kind      string             `json:"kind"`
	Group     string             `json:"group,omitempty"`
	Namespace string             `json:"namespace,omitempty"`
	Name      string             `json:"name"`
	Sync      string             `json:"sync,omitempty"`
	Health    model.HealthStatus `json:"health,omitempty"`
	Message   string             `json:"message,omitempty"`
	Hook      bool               `json:"hook,omitempty"`
	Created   time.Time          `json:"created,omitzero"`
	Children  []*node            `json:"children,omitempty"`

	uid string
}

func newTree(deps Deps) *cobra.Command {
	to := reach{deps: deps}
	var sel selector
	var out format
	cmd := &cobra.Command{
		Use:   "tree NAME|NAMESPACE/NAME",
		Short: "Show an app's objects and what they made, with health",
		Long: `Shows the objects of an app as its status lists them, the hooks that are there, and
below each what it owns (ReplicaSets, Pods, Jobs, EndpointSlices, …), with the health
that each has now. That is by the rules that are built in: health checks of argocd-cm
(resource.customizations.health) count for the app as a whole, but are not run here.`,
		Example: "  fixpoint tree my-app\n  fixpoint tree argocd/my-app -o json",
		Args:    oneArg("the name of an app"),
		RunE: func(cmd *cobra.Command, args []string) error {
			by, err := to.open()
			if err != nil {
				return err
			}
			root, err := by.tree(cmd.Context(), cmd, sel, args[0])
			if err != nil {
				return err
			}
			if out != formatTable {
				return out.data(cmd.OutOrStdout(), root)
			}
			printTree(cmd.OutOrStdout(), root, deps.now())
			return nil
		},
	}
	to.bindApp(cmd, &sel)
	out.bind(cmd, formatTable, formatJSON, formatYAML)
	return cmd
}

func (k kube) tree(ctx context.Context, cmd *cobra.Command, sel selector, name string) (*node, error) {
	app, err := k.find(ctx, sel, name, sel.kinds()...)
	if err != nil {
		return nil, err
	}
	return (&forester{k.cluster, k.deps, cmd.ErrOrStderr()}).tree(ctx, app)
}

// forester makes trees.
type forester struct {
	*cluster
	deps  Deps
	notes io.Writer
}

// tree reads an app's objects and their children.
func (f *forester) tree(ctx context.Context, app item) (*node, error) {
	s := summary(app)
	root := &node{
		Kind: app.kind.name, Group: app.kind.resource.Group, Namespace: app.GetNamespace(), Name: app.GetName(),
		Sync: s.sync, Health: model.HealthStatus(s.health), Message: s.message, Created: app.GetCreationTimestamp().Time,
	}
	declared, ok := f.deps.Declared(app.Unstructured, nil)
	if !ok || declared.App == nil {
		return nil, fmt.Errorf("%s declares no app", app.title())
	}
	if len(declared.App.Known) == 0 {
		printf(f.notes, "%s lists no objects yet: 'fixpoint get %s' says how it is.\n", app.title(), app.path())
	}
	elsewhere := declared.App.Target != "" || isElsewhere(declared.Invalid)
	if elsewhere {
		printf(f.notes, "The objects are in another cluster than the app: only what the app's status says is shown. Use a --kubeconfig of that cluster with kubectl to see more.\n")
	}
	syncs := syncStatuses(app)
	for _, ref := range declared.App.Known {
		n := &node{Kind: ref.Kind, Group: ref.Group, Namespace: ref.Namespace, Name: ref.Name, Sync: syncs[ref.ObjectKey]}
		root.Children = append(root.Children, n)
		if elsewhere {
			continue
		}
		if err := f.look(ctx, n, ref.Version); err != nil {
			return nil, err
		}
	}
	if elsewhere {
		return root, nil
	}
	if err := f.hooks(ctx, app, root); err != nil {
		return nil, err
	}
	return root, f.grow(ctx, root.Children)
}

// hooks adds those of an Application that are there.
func (f *forester) hooks(ctx context.Context, app item, root *node) error {
	for _, r := range listed(app) {
		if hook, _ := r["hook"].(bool); !hook {
			continue
		}
		n := &node{Kind: textOf(r, "kind"), Group: textOf(r, "group"), Namespace: textOf(r, "namespace"), Name: textOf(r, "name"), Hook: true}
		if err := f.look(ctx, n, textOf(r, "version")); err != nil {
			return err
		}
		if n.uid != "" {
			root.Children = append(root.Children, n)
		}
	}
	return nil
}

// listed are the objects that the status of an Application lists.
func listed(app item) (out []map[string]any) {
	all, _, _ := unstructured.NestedSlice(app.Object, "status", "resources")
	for _, raw := range all {
		if r, ok := raw.(map[string]any); ok && app.kind.name == application.name {
			out = append(out, r)
		}
	}
	return out
}

// syncStatuses are those of an Application's objects; Flux records none.
func syncStatuses(app item) map[model.ObjectKey]string {
	out := map[model.ObjectKey]string{}
	for _, r := range listed(app) {
		key := model.ObjectKey{Group: textOf(r, "group"), Kind: textOf(r, "kind"), Namespace: textOf(r, "namespace"), Name: textOf(r, "name")}
		out[key] = textOf(r, "status")
	}
	return out
}

// describe fills in what a live object says of itself.
func (f *forester) describe(n *node, u *unstructured.Unstructured) {
	h := f.deps.Health(u.Object)
	n.Health, n.Message = h.Status, h.Message
	n.uid, n.Created = string(u.GetUID()), u.GetCreationTimestamp().Time
}

func printTree(w io.Writer, root *node, now time.Time) {
	t := &table{header: []string{"OBJECT", "SYNC", "HEALTH", "AGE", "MESSAGE"}}
	var walk func(n *node, lead, branch string)
	walk = func(n *node, lead, branch string) {
		t.add(lead+branch+n.title(), n.Sync, string(n.Health), age(n.Created, now), brief(gist(n.Message), 80))
		switch branch {
		case "├─ ":
			lead += "│  "
		case "└─ ":
			lead += "   "
		}
		for i, child := range n.Children {
			branch := "├─ "
			if i == len(n.Children)-1 {
				branch = "└─ "
			}
			walk(child, lead, branch)
		}
	}
	walk(root, "", "")
	t.print(w)
}

func (n *node) title() string {
	text := strings.TrimSpace(kindText(n.Group, n.Kind) + " " + strings.TrimPrefix(n.Namespace+"/"+n.Name, "/"))
	if n.Hook {
		text += " (hook)"
	}
	return text
}
