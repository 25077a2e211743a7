package cli

import (
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/fixpoint-cd/fixpoint/internal/client"
)

// activityKinds are what --kind of activity takes.
var activityKinds = []string{"created", "deleted", "revision", "synced", "failed", "drift", "healed", "rollback", "health", "error", "action"}

// activityFlags are the flags of activity.
type activityFlags struct {
	to                  reach
	namespace           string
	kinds               []string
	project, by, search string
	since               string
	limit               int
	out                 format
}

func newActivity(deps Deps) *cobra.Command {
	flags := activityFlags{to: reach{deps: deps}}
	cmd := &cobra.Command{
		Use:   "activity [NAME|NAMESPACE/NAME]",
		Short: "List what happened to apps, newest first",
		Long: `Lists what Fixpoint's server knows of what happened: syncs, drift and its repair,
failures, and who asked for what. Of one app with its name, else of all that you may
see.`,
		Example: `  fixpoint activity
  fixpoint activity my-app
  fixpoint activity --kind failed --kind error --since 24h
  fixpoint activity --by alice -o json`,
		Args: atMostOne("name of an app"),
		RunE: func(cmd *cobra.Command, args []string) error { return flags.list(cmd, append(args, "")[0]) },
	}
	flags.to.bind(cmd)
	f := cmd.Flags()
	f.StringVarP(&flags.namespace, "namespace", "n", "", "namespace of the app (default: all are searched)")
	f.StringArrayVar(&flags.kinds, "kind", nil, "only what is of this kind ("+strings.Join(activityKinds, ", ")+"); repeatable")
	f.StringVar(&flags.project, "project", "", "only of this project's apps")
	f.StringVar(&flags.by, "by", "", "only what this user asked for")
	f.StringVar(&flags.search, "search", "", "only with this text in message, app or revision")
	f.StringVar(&flags.since, "since", "", "not older than that: a duration such as 24h, or a time as RFC 3339")
	f.IntVar(&flags.limit, "limit", 50, "how many at most")
	complete(cmd, "kind", activityKinds...)
	flags.out.bind(cmd, formatTable, formatJSON, formatYAML)
	cmd.ValidArgsFunction = appNames(flags.to.lister, &selector{})
	return cmd
}

func (f *activityFlags) list(cmd *cobra.Command, name string) error {
	since, err := moment(f.since, f.to.deps.now())
	if err != nil {
		return usagef(cmd, "--since %q: %w", f.since, err)
	}
	if f.limit < 1 {
		return usagef(cmd, "--limit has to be at least 1")
	}
	s, err := f.to.server("activity")
	if err != nil {
		return err
	}
	q := url.Values{"kind": f.kinds}
	for param, text := range map[string]string{"project": f.project, "by": f.by, "q": f.search} {
		if text != "" {
			q.Set(param, text)
		}
	}
	if !since.IsZero() {
		q.Set("from", since.UTC().Format(time.RFC3339))
	}
	if name != "" {
		app, err := s.find(cmd.Context(), selector{namespace: f.namespace}, name, appKinds...)
		if err != nil {
			return err
		}
		q.Set("app", strings.ToLower(app.kind.name)+"/"+app.path())
	}
	if f.out != formatTable {
		all, err := client.Activities[map[string]any](cmd.Context(), s.Client, q, f.limit)
		if err != nil {
			return err
		}
		return f.out.data(cmd.OutOrStdout(), map[string]any{"items": append([]map[string]any{}, all...)})
	}
	all, err := client.Activities[client.Activity](cmd.Context(), s.Client, q, f.limit)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		printf(cmd.ErrOrStderr(), "Nothing is known to have happened that is so.\n")
		return nil
	}
	activityTable(all, f.to.deps.now()).print(cmd.OutOrStdout())
	return nil
}

func activityTable(all []client.Activity, now time.Time) *table {
	t := &table{header: []string{"AGE", "APP", "WHAT", "BY", "REVISION", "MESSAGE"}}
	for _, a := range all {
		t.add(age(a.At, now), named(a.App).title(), a.Kind, a.By, revision(a.Revision), brief(a.Message, 100))
	}
	return t
}
