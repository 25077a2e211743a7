package cli

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

func newRender(deps Deps) *cobra.Command {
	var flags renderFlags
	var out format
	cmd := &cobra.Command{
		Use:   "render [DIR]",
		Short: "Print the objects that a directory, chart or overlay renders to",
		Long: `Renders a directory as the controller would, and prints the objects: a chart by
Helm, a directory with a kustomization file by Kustomize, any other as YAML, JSON
and Jsonnet. Files outside of the directory can be used as far as its Git work
tree, or --root, reaches; remote bases and chart dependencies as far as
--allow-remote does.

With --file, the settings are those that an Application, a Kustomization or a
HelmRelease declares. What it takes from the repository that DIR is a clone of is
read there, so that changes count before they are pushed; everything else is
fetched. Sources, ConfigMaps and Secrets that it names are looked for in the same
files: name several, as with -f app.yaml -f vars.yaml, and a stand-in for what only
the cluster has.

No cluster is used: charts see the Kubernetes version of --kube-version.`,
		Example: `  fixpoint render overlays/production
  fixpoint render charts/web --release web -n shop --values charts/web/prod.yaml --set replicas=3
  fixpoint render manifests --recurse --exclude '{test/*,*.tmpl.yaml}'
  fixpoint render apps --flux              as a Flux Kustomization without a kustomization file
  fixpoint render -f argocd/web.yaml       what an Application declares, with the files that are here`,
		Args: atMostOne("directory"),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := "."
			if len(args) == 1 {
				dir = args[0]
			} else if len(flags.files) == 0 {
				return usagef(cmd, "name the directory, or a manifest with --file")
			}
			if err := flags.only(cmd, len(flags.files) > 0, "with --file, the settings are those of the manifests"); err != nil {
				return err
			}
			at, err := flags.place(deps, dir)
			if err != nil {
				return err
			}
			bench, err := flags.open(deps)
			if err != nil {
				return err
			}
			rendered, err := flags.render(cmd, deps, bench, at)
			if err = errors.Join(err, bench.Close()); err != nil {
				return err
			}
			for _, w := range rendered.Warnings {
				printf(cmd.ErrOrStderr(), "warning: %s\n", w)
			}
			return printRendered(cmd.OutOrStdout(), out, rendered)
		},
		ValidArgsFunction: directories,
	}
	flags.bind(cmd)
	out.bind(cmd, formatYAML, formatJSON, formatTable)
	return cmd
}

// render renders what the flags say: a directory, or what manifests declare.
func (r *renderFlags) render(cmd *cobra.Command, deps Deps, bench Workbench, at place) (model.Rendered, error) {
	if len(r.files) == 0 {
		spec, err := r.settings(at)
		if err != nil {
			return model.Rendered{}, err
		}
		rendered, err := bench.Render(cmd.Context(), model.RenderInput{Render: spec, Tree: at.tree})
		return rendered, cmp.Or(err, r.fits(cmd, at, rendered.Tool))
	}
	found, err := readManifests(r.files, cmd.InOrStdin())
	if err != nil {
		return model.Rendered{}, err
	}
	world := declare(deps, found, nil)
	if len(world.apps) == 0 {
		return model.Rendered{}, fmt.Errorf("%s declares no app: an Application, a Kustomization or a HelmRelease is expected", strings.Join(r.files, ", "))
	}
	world.build = r.spec.Kustomize
	if head, err := bench.Base(cmd.Context(), at.top, "HEAD"); err == nil {
		at.revision = head.Revision
	}
	var all model.Rendered
	for _, app := range world.apps {
		part, err := world.render(cmd.Context(), bench, app, at)
		if err != nil {
			return all, fmt.Errorf("%s: %w", app.title, err)
		}
		all.Objects = append(all.Objects, part.Objects...)
		all.Warnings = append(all.Warnings, part.Warnings...)
	}
	return all, nil
}

func printRendered(w io.Writer, out format, rendered model.Rendered) error {
	switch out {
	case formatTable:
		t := &table{header: []string{"KIND", "NAMESPACE", "NAME", "FILE"}}
		for _, o := range rendered.Objects {
			t.add(kindText(o.Group, o.Kind), o.Namespace, o.Name, o.Origin)
		}
		t.print(w)
		return nil
	case formatJSON:
		items := make([]json.RawMessage, 0, len(rendered.Objects))
		for _, o := range rendered.Objects {
			items = append(items, o.JSON)
		}
		return out.data(w, map[string]any{"apiVersion": "v1", "kind": "List", "items": items})
	}
	for i, o := range rendered.Objects {
		text, err := yaml.JSONToYAML(o.JSON)
		if err != nil {
			return fmt.Errorf("printing %s: %w", o.ObjectKey, err)
		}
		if i > 0 {
			printf(w, "---\n")
		}
		printf(w, "%s", text)
	}
	return nil
}
