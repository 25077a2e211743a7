package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/fixpoint-cd/fixpoint/api/argoproj/v1alpha1"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// onlyApplication is the selector of commands that Flux's kinds have nothing of.
type onlyApplication struct{ selector }

func (s *onlyApplication) bind(cmd *cobra.Command, open func() (lister, error)) {
	s.kind = "application"
	cmd.Flags().StringVarP(&s.namespace, "namespace", "n", "", "namespace of the Application (default: all are searched)")
	cmd.ValidArgsFunction = appNames(open, &s.selector)
}

// find is the one Application called name. For another app it says that the
// command is not for it.
func (s onlyApplication) find(ctx context.Context, cmd *cobra.Command, c *cluster, name string) (item, error) {
	app, err := c.find(ctx, s.selector, name, application)
	if err == nil {
		return app, nil
	}
	other, none := c.find(ctx, selector{namespace: s.namespace}, name, kustomization, helmRelease)
	if none == nil {
		return item{}, notFor(cmd, other)
	}
	return item{}, err
}

func notFor(cmd *cobra.Command, other item) error {
	return fmt.Errorf("'%s' is for Applications, and %s is none", cmd.CommandPath(), other.title())
}

// decoded is an Application as its Go type.
func (i item) decoded() (*v1alpha1.Application, error) {
	data, err := json.Marshal(i.Object)
	if err != nil {
		return nil, err
	}
	out := &v1alpha1.Application{}
	if err := json.Unmarshal(data, out); err != nil {
		return nil, fmt.Errorf("%s can't be read: %w", i.title(), err)
	}
	return out, nil
}

// isAutomated reports whether an Application syncs by itself.
func isAutomated(app *v1alpha1.Application) bool {
	p := app.Spec.SyncPolicy
	return p != nil && p.Automated != nil && (p.Automated.Enabled == nil || *p.Automated.Enabled)
}

// sourcesOf are one source, or several.
func sourcesOf(one *v1alpha1.ApplicationSource, several []v1alpha1.ApplicationSource) []v1alpha1.ApplicationSource {
	if len(several) == 0 && one != nil {
		return []v1alpha1.ApplicationSource{*one}
	}
	return several
}

// revisionsOf are one revision, or several.
func revisionsOf(one string, several []string) []string {
	if len(several) == 0 && one != "" {
		return []string{one}
	}
	return several
}

// revisionText shortens revisions.
func revisionText(all []string) string {
	var out []string
	for _, r := range all {
		out = append(out, cmp.Or(revision(r), "?"))
	}
	return strings.Join(out, ", ")
}

// sourceText says where content comes from.
func sourceText(s v1alpha1.ApplicationSource) string {
	switch {
	case s.Chart != "":
		return s.RepoURL + " chart " + s.Chart
	case s.Path != "" && s.Path != ".":
		return s.RepoURL + " " + s.Path
	case s.Ref != "":
		return s.RepoURL + " as $" + s.Ref
	}
	return s.RepoURL
}

func sourceTexts(all []v1alpha1.ApplicationSource) string {
	var out []string
	for _, s := range all {
		out = append(out, sourceText(s))
	}
	return strings.Join(out, ", ")
}

// refOf is the object that an entry of status.resources names.
func refOf(r v1alpha1.ResourceStatus) model.ObjectRef {
	return model.ObjectRef{Version: r.Version, ObjectKey: model.ObjectKey{Group: r.Group, Kind: r.Kind, Namespace: r.Namespace, Name: r.Name}}
}

// objectText names an object as people read it: "Deployment.apps my-app/web".
func objectText(k model.ObjectKey) string {
	return kindText(k.Group, k.Kind) + " " + strings.TrimPrefix(k.Namespace+"/"+k.Name, "/")
}

// whoami is the user that the cluster takes us for; cliManager if it does not say.
func (c *cluster) whoami(ctx context.Context) string {
	reviews := c.dynamic.Resource(schema.GroupVersionResource{Group: "authentication.k8s.io", Version: "v1", Resource: "selfsubjectreviews"})
	out, err := reviews.Create(ctx, &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview",
	}}, metav1.CreateOptions{})
	if err != nil {
		return cliManager
	}
	name, _, _ := unstructured.NestedString(out.Object, "status", "userInfo", "username")
	return cmp.Or(name, cliManager)
}

// mergedOptions are sync options, those of over in place of the same ones of base.
func mergedOptions(base, over []string) []string {
	key := func(option string) string { k, _, _ := strings.Cut(option, "="); return k }
	out := slices.DeleteFunc(slices.Clone(base), func(b string) bool {
		return slices.ContainsFunc(over, func(o string) bool { return key(o) == key(b) })
	})
	return append(out, over...)
}
