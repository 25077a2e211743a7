package cli

import (
	"context"
	"slices"
	"time"

	"github.com/spf13/cobra"
)

// complete offers fixed values for a flag.
func complete(cmd *cobra.Command, flag string, values ...string) {
	err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	if err != nil {
		panic(err) // no such flag: a mistake in this package
	}
}

// patience is how long a completion waits for a cluster.
const patience = 3 * time.Second

// appNames completes the name of one app.
func appNames(open func() (lister, error), sel *selector) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return namesOf(cmd.Context(), open, *sel, sel.kinds()...), cobra.ShellCompDirectiveNoFileComp
	}
}

// namesOf are the names that find finds: short ones where they are unique.
func namesOf(ctx context.Context, open func() (lister, error), sel selector, kinds ...kind) []string {
	to, err := open()
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	found, err := to.list(ctx, query{sel: sel, kinds: kinds})
	if err != nil {
		return nil
	}
	count := map[string]int{}
	for _, r := range found.rows {
		count[r.name]++
	}
	var out []string
	for _, r := range found.rows {
		name := r.name
		if count[name] > 1 {
			name = r.namespace + "/" + r.name
		}
		out = append(out, name+"\t"+r.kind)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
