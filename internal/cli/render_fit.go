package cli

import (
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// toolOf are the tools that a flag is for, by the word that its help begins with.
var toolOf = map[string]string{
	"directory": model.ToolDirectory, "Jsonnet": model.ToolDirectory, "Kustomize": model.ToolKustomize,
	"Helm": model.ToolHelm, "CUE": model.ToolCUE, "plugin": model.ToolPlugin,
}

// given are the flags of the command line that are settings of a tool, or that
// say what is done with what it makes, with the tool; "" is any.
func (r *renderFlags) given(cmd *cobra.Command) map[string]string {
	out := map[string]string{}
	settings := cobra.Command{}
	new(renderFlags).bindSettings(&settings)
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if settings.Flags().Lookup(f.Name) == nil && f.Name != "namespace" || f.Name == "file" || f.Name == "root" {
			return
		}
		word, _, _ := strings.Cut(f.Usage, ":")
		out[f.Name] = toolOf[word]
	})
	return out
}

// only refuses settings where something else has them; why says what. Options of
// Kustomize's build are no part of an Application, and remain.
func (r *renderFlags) only(cmd *cobra.Command, elsewhere bool, why string) error {
	if !elsewhere {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(r.given(cmd))) {
		if name != "enable-helm" && name != "unrestricted" {
			return usagef(cmd, "--%s has no effect here: %s", name, why)
		}
	}
	return nil
}

// fits refuses settings of another tool than the one that has rendered.
func (r *renderFlags) fits(cmd *cobra.Command, at place, tool string) error {
	given := r.given(cmd)
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if of := given[name]; of != "" && of != tool {
			return usagef(cmd, "--%s is for %s, and %s is rendered by %s", name, of, at.path, tool)
		}
	}
	return nil
}

// flagNames are those of a command's flags so far.
func flagNames(cmd *cobra.Command) map[string]bool {
	out := map[string]bool{}
	cmd.Flags().VisitAll(func(f *pflag.Flag) { out[f.Name] = true })
	return out
}

// hideOthers keeps flags that were added since out of the help.
func hideOthers(cmd *cobra.Command, known map[string]bool) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) { f.Hidden = f.Hidden || !known[f.Name] })
}
