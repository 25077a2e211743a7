package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/fixpoint-cd/fixpoint/api/argoproj/v1alpha1"
	"github.com/fixpoint-cd/fixpoint/internal/client"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// logFlags are the flags of logs.
type logFlags struct {
	to         reach
	sel        selector
	query      client.LogQuery
	since      string
	timestamps bool
}

func newLogs(deps Deps) *cobra.Command {
	flags := logFlags{to: reach{deps: deps}}
	cmd := &cobra.Command{
		Use:   "logs NAME|NAMESPACE/NAME [KIND/NAME]",
		Short: "Show the logs of an app's pods",
		Long: `Shows the logs of an object's pods: of a Deployment all of its pods', in the order of
their times. The object may be left out where only one of the app has pods. Fixpoint's
server reads them, so that no access to the cluster is needed.`,
		Example: `  fixpoint logs my-app
  fixpoint logs my-app Deployment/web -f
  fixpoint logs argocd/my-app Pod/web-7d4b9 --container proxy --previous
  fixpoint logs my-app Deployment/web --since 1h --tail -1 --search error`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 && len(args) != 2 {
				return usagef(cmd, "the name of an app and at most one KIND/NAME are expected, not %d arguments", len(args))
			}
			_, err := objectsNamed(nil, append(args, "")[1])
			return asUsage(cmd, err)
		},
		RunE: func(cmd *cobra.Command, args []string) error { return flags.logs(cmd, args[0], append(args, "")[1]) },
	}
	flags.to.bindApp(cmd, &flags.sel)
	f := cmd.Flags()
	f.BoolVarP(&flags.query.Follow, "follow", "f", false, "go on until Ctrl-C")
	f.BoolVarP(&flags.query.Previous, "previous", "p", false, "of the containers' earlier run")
	f.StringVarP(&flags.query.Container, "container", "c", "", "one of several containers, * is every one (default: each pod's first)")
	f.IntVar(&flags.query.Tail, "tail", 500, "how many lines at the end; -1 is all")
	f.StringVar(&flags.since, "since", "", "not older than that: a duration such as 1h, or a time as RFC 3339")
	f.StringVar(&flags.query.Search, "search", "", "only lines with this text; with ! before it those without")
	f.BoolVar(&flags.timestamps, "timestamps", false, "begin each line with its time")
	return cmd
}

func (f *logFlags) logs(cmd *cobra.Command, name, object string) error {
	var err error
	if f.query.Since, err = moment(f.since, f.to.deps.now()); err != nil {
		return usagef(cmd, "--since %q: %w", f.since, err)
	}
	s, err := f.to.server("logs")
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	app, err := s.find(ctx, f.sel, name, f.sel.kinds()...)
	if err != nil {
		return err
	}
	on, err := s.withLogs(ctx, app, object)
	if err != nil {
		return err
	}
	if len(on.Pods) == 0 && !f.query.Follow {
		return fmt.Errorf("%s has no pods: there is no log to read", objectText(refOfObject(on.Object).ObjectKey))
	}
	f.query.Object = client.Object{Group: on.Object.Group, Kind: on.Object.Kind, Namespace: on.Object.Namespace, Name: on.Object.Name}
	several := len(on.Pods) > 1 || f.query.Container == "*"
	err = s.Logs(ctx, nameOf(app), f.query, func(l client.LogLine) error {
		if l.Note {
			printf(cmd.ErrOrStderr(), "%s%s\n", prefix(l, true), l.Text)
			return nil
		}
		if f.timestamps {
			printf(cmd.OutOrStdout(), "%s ", l.At.UTC().Format(time.RFC3339Nano))
		}
		printf(cmd.OutOrStdout(), "%s%s\n", prefix(l, several), l.Text)
		return nil
	})
	if f.query.Follow && errors.Is(err, context.Canceled) {
		return nil // Ctrl-C
	}
	return err
}

// prefix says whose a line is, as kubectl does.
func prefix(l client.LogLine, wanted bool) string {
	if !wanted || l.Pod == "" {
		return ""
	}
	return "[" + strings.TrimSuffix(l.Pod+"/"+l.Container, "/") + "] "
}

// podOwners are kinds of objects that pods descend from.
var podOwners = []string{"Pod", "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob", "Rollout", "ReplicationController"}

// withLogs is the object of an app's tree that a text names, or the only one that the
// app declares and pods descend from.
func (s server) withLogs(ctx context.Context, app item, text string) (client.ObjectDetail, error) {
	tree, err := s.Tree(ctx, nameOf(app))
	if err != nil {
		return client.ObjectDetail{}, err
	}
	var have []v1alpha1.ResourceStatus
	for _, n := range tree.Nodes {
		if text == "" && (len(n.Parents) > 0 || n.Hook || n.UID == "" || !slices.Contains(podOwners, n.Object.Kind)) {
			continue
		}
		have = append(have, v1alpha1.ResourceStatus{Group: n.Object.Group, Version: n.Object.Version, Kind: n.Object.Kind, Namespace: n.Object.Namespace, Name: n.Object.Name})
	}
	on, err := objectsNamed(have, text)
	switch {
	case err != nil:
		return client.ObjectDetail{}, err
	case len(on) == 0 && text == "":
		return client.ObjectDetail{}, fmt.Errorf("%s has no object with pods: 'fixpoint tree %s' shows what it has", app.title(), app.path())
	case len(on) == 0:
		return client.ObjectDetail{}, fmt.Errorf("%s has no object %s: 'fixpoint tree %s' shows what it has", app.title(), text, app.path())
	case len(on) > 1:
		return client.ObjectDetail{}, fmt.Errorf("%s has %d objects %s (%s): say which with KIND/NAME, or KIND.GROUP/NAMESPACE/NAME", app.title(), len(on), cmp.Or(text, "with pods"), objectTexts(on))
	}
	return s.Object(ctx, nameOf(app), objectOf(on[0]))
}

// moment is a time, or a duration before now; zero of "".
func moment(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, model.Invalidf("it has to be a duration such as 90m or 24h, or a time such as 2026-01-31T12:00:00Z")
	}
	return t, nil
}
