package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// place is a directory inside the tree that it may read from.
type place struct {
	tree model.Tree
	// top is the tree's directory on the disk, path the one to render in it.
	top, path string
}

// placeOf finds the tree of a directory: root if that is given, else the Git
// work tree that the directory is in, else the directory itself.
func placeOf(deps Deps, dir, root string) (place, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return place{}, fmt.Errorf("finding %s: %w", dir, err)
	}
	info, err := os.Stat(abs)
	if err != nil {
		return place{}, fmt.Errorf("there is no directory %s: correct the name", dir)
	}
	if !info.IsDir() {
		return place{}, fmt.Errorf("%s is a file: name the directory that it is in", dir)
	}
	top := worktree(abs)
	if root != "" {
		if top, err = filepath.Abs(root); err != nil {
			return place{}, fmt.Errorf("finding %s: %w", root, err)
		}
	}
	rel, err := filepath.Rel(top, abs)
	if err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return place{}, fmt.Errorf("%s is not below --root %s: name a directory that holds it", dir, root)
	}
	tree, err := deps.Tree(top)
	if err != nil {
		return place{}, fmt.Errorf("%w: correct the name", err)
	}
	return place{tree, top, filepath.ToSlash(rel)}, nil
}

// worktree is the nearest directory above dir, or dir, that has a .git; dir if
// there is none.
func worktree(dir string) string {
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, ".git")); err == nil {
			return at
		}
		if at == filepath.Dir(at) {
			return dir
		}
	}
}

func newRender(deps Deps) *cobra.Command {
	var spec model.Render
	var out format
	var root string
	cmd := &cobra.Command{
		Use:   "render DIR",
		Short: "Print the objects that a directory renders to",
		Long: `Renders a directory as the controller would, by kustomize if it has a
kustomization file, else as a directory of YAML and JSON, and prints the objects.
Files outside of the directory can be used as far as its Git work tree, or --root,
reaches. No cluster, network or program is used.`,
		Example: `  fixpoint render overlays/production
  fixpoint render manifests --recurse --exclude '{test/*,*.tmpl.yaml}'
  fixpoint render apps --flux              as a Flux Kustomization without a kustomization file`,
		Args: oneArg("the directory"),
		RunE: func(cmd *cobra.Command, args []string) error {
			at, err := placeOf(deps, args[0], root)
			if err != nil {
				return err
			}
			spec.Path = at.path
			rendered, err := deps.Render(cmd.Context(), at.tree, spec)
			if err != nil {
				return err
			}
			for _, w := range rendered.Warnings {
				printf(cmd.ErrOrStderr(), "warning: %s\n", w)
			}
			return printRendered(cmd.OutOrStdout(), out, rendered)
		},
		ValidArgsFunction: directories,
	}
	f := cmd.Flags()
	f.Var(&choice{&spec.Tool, []string{"directory", "kustomize"}}, "tool", "directory or kustomize (default: by what the directory holds)")
	f.BoolVar(&spec.Directory.Recurse, "recurse", false, "read subdirectories too (tool directory)")
	f.StringVar(&spec.Directory.Include, "include", "", "glob of the files to read (tool directory)")
	f.StringVar(&spec.Directory.Exclude, "exclude", "", "glob of files to leave out (tool directory)")
	f.BoolVar(&spec.Kustomize.Generate, "flux", false, "without a kustomization file take all manifests below, as Flux does")
	f.StringVar(&root, "root", "", "directory that files may be used from (default: the Git work tree)")
	complete(cmd, "tool", "directory", "kustomize")
	_ = cmd.MarkFlagDirname("root")
	out.bind(cmd, formatYAML, formatJSON, formatTable)
	return cmd
}

func directories(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return nil, cobra.ShellCompDirectiveFilterDirs
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
