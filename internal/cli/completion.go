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
func appNames(conn *Connection, sel *selector) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return namesOf(cmd.Context(), *conn, sel.namespace, sel.kinds()...), cobra.ShellCompDirectiveNoFileComp
	}
}

// namesOf are the names that find finds: short ones where they are unique.
func namesOf(ctx context.Context, conn Connection, namespace string, kinds ...kind) []string {
	c, err := conn.open()
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	items, err := c.list(ctx, namespace, kinds...)
	if err != nil {
		return nil
	}
	count := map[string]int{}
	for _, i := range items {
		count[i.GetName()]++
	}
	var out []string
	for _, i := range items {
		name := i.GetName()
		if count[name] > 1 {
			name = i.path()
		}
		out = append(out, name+"\t"+i.kind.name)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
