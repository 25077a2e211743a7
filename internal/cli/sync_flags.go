package cli

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/fixpoint-cd/fixpoint/api/argoproj/v1alpha1"
)

// operationFlags are what a sync of an Application can be asked for.
type operationFlags struct {
	prune, dryRun, force, replace, applyOnly bool
	revisions, resources, options            []string
	retry                                    retryFlags
}

// retryFlags say how a failed sync is repeated.
type retryFlags struct {
	limit         int64
	duration, max time.Duration
	factor        int64
	refresh       bool
}

func (f *operationFlags) bind(cmd *cobra.Command) {
	const mine = " (Applications)"
	s := cmd.Flags()
	s.StringArrayVar(&f.revisions, "revision", nil, "sync this revision; of an Application with several sources once for each, in their order"+mine)
	s.BoolVar(&f.prune, "prune", false, "delete what is no longer declared"+mine)
	s.BoolVar(&f.dryRun, "dry-run", false, "ask the API server and write nothing"+mine)
	s.BoolVar(&f.force, "force", false, "delete and create anew what can't be changed"+mine)
	s.BoolVar(&f.replace, "replace", false, "replace whole objects instead of applying them"+mine)
	s.BoolVar(&f.applyOnly, "apply-only", false, "run no hooks"+mine)
	s.StringArrayVar(&f.resources, "resource", nil, "only this object, as GROUP:KIND:NAMESPACE/NAME; repeatable"+mine)
	s.StringArrayVar(&f.options, "sync-option", nil, "a sync option for this sync, as KEY=VALUE; repeatable"+mine)
	s.Int64Var(&f.retry.limit, "retry-limit", 0, "how many times a failed sync is repeated; negative is for ever"+mine)
	s.DurationVar(&f.retry.duration, "retry-backoff-duration", 5*time.Second, "pause before the first repetition"+mine)
	s.Int64Var(&f.retry.factor, "retry-backoff-factor", 2, "by what each further pause is longer"+mine)
	s.DurationVar(&f.retry.max, "retry-backoff-max-duration", 3*time.Minute, "the longest pause"+mine)
	s.BoolVar(&f.retry.refresh, "retry-refresh", false, "repeat with the newest revision"+mine)
	complete(cmd, "sync-option", "Prune=true", "Prune=false", "PruneLast=true", "Replace=true", "Force=true", "Validate=false",
		"SkipDryRunOnMissingResource=true", "ApplyOutOfSyncOnly=true", "CreateNamespace=true", "ServerSideApply=true",
		"FailOnSharedResource=true", "RespectIgnoreDifferences=true", "PrunePropagationPolicy=background", "PrunePropagationPolicy=foreground", "PrunePropagationPolicy=orphan")
}

// used are the flags that were given, as the user wrote them.
func (f *operationFlags) used(cmd *cobra.Command) []string {
	var out []string
	for _, name := range []string{"revision", "prune", "dry-run", "force", "replace", "apply-only", "resource", "sync-option",
		"retry-limit", "retry-backoff-duration", "retry-backoff-factor", "retry-backoff-max-duration", "retry-refresh"} {
		if cmd.Flags().Changed(name) {
			out = append(out, "--"+name)
		}
	}
	return out
}

// check refuses what is wrong without looking at the app.
func (f *operationFlags) check(cmd *cobra.Command) error {
	for _, o := range f.options {
		if key, value, ok := strings.Cut(o, "="); !ok || key == "" || value == "" || strings.ContainsAny(o, ", ") {
			return fmt.Errorf("--sync-option %q has to be KEY=VALUE, such as Replace=true", o)
		}
	}
	for _, name := range []string{"retry-backoff-duration", "retry-backoff-factor", "retry-backoff-max-duration", "retry-refresh"} {
		if cmd.Flags().Changed(name) && f.retry.limit == 0 {
			return fmt.Errorf("--%s needs --retry-limit: without it nothing is repeated", name)
		}
	}
	if f.retry.duration <= 0 || f.retry.max <= 0 || f.retry.factor < 1 {
		return errors.New("the pauses between repetitions have to be longer than nothing, and their factor at least 1")
	}
	_, err := resourcesOf(f.resources)
	return err
}

// request is what the flags ask of an Application.
func (f *operationFlags) request(cmd *cobra.Command, app item) (request, error) {
	spec, err := app.decoded()
	if err != nil {
		return request{}, err
	}
	sync := map[string]any{"prune": f.prune, "dryRun": f.dryRun}
	if err := f.setRevisions(cmd, app, spec, sync); err != nil {
		return request{}, err
	}
	resources, err := resourcesOf(f.resources)
	if err != nil {
		return request{}, usage(cmd, err)
	}
	if len(resources) > 0 {
		sync["resources"] = resources
	}
	if len(f.revisions) == 0 {
		// Another revision may have objects that the status does not know.
		if err := checkResources(app, spec.Status.Resources, resources); err != nil {
			return request{}, err
		}
	}
	switch {
	case f.applyOnly:
		sync["syncStrategy"] = map[string]any{"apply": map[string]any{"force": f.force}}
	case f.force:
		sync["syncStrategy"] = map[string]any{"hook": map[string]any{"force": true}}
	}
	options := f.options
	if f.replace {
		options = mergedOptions(options, []string{"Replace=true"})
	}
	if len(options) > 0 {
		sync["syncOptions"] = mergedOptions(optionsOf(spec), options)
	}
	return request{what: "sync", sync: sync, retry: f.retry.operation()}, nil
}

func optionsOf(app *v1alpha1.Application) []string {
	if app.Spec.SyncPolicy == nil {
		return nil
	}
	return app.Spec.SyncPolicy.SyncOptions
}

// setRevisions asks for revisions. An Application that syncs itself would leave
// them again at once.
func (f *operationFlags) setRevisions(cmd *cobra.Command, app item, spec *v1alpha1.Application, sync map[string]any) error {
	sources := sourcesOf(spec.Spec.Source, spec.Spec.Sources)
	switch {
	case len(f.revisions) == 0:
		return nil
	case len(f.revisions) != len(sources):
		return usagef(cmd, "%s has %s: --revision is needed once for each, in their order, and was given %s", app.title(), plural(len(sources), "source"), plural(len(f.revisions), "time"))
	case isAutomated(spec) && !f.dryRun:
		for i, r := range f.revisions {
			if r != sources[i].TargetRevision {
				return fmt.Errorf("%s syncs itself to %q (spec.syncPolicy.automated) and would leave revision %q again at once: %s", app.title(), sources[i].TargetRevision, r, switchOff(app))
			}
		}
	}
	if len(spec.Spec.Sources) == 0 {
		sync["revision"] = f.revisions[0]
		return nil
	}
	sync["revisions"] = f.revisions
	return nil
}

// operation is the field operation.retry; nil where nothing is repeated.
func (r retryFlags) operation() map[string]any {
	if r.limit == 0 {
		return nil
	}
	out := map[string]any{"limit": r.limit, "backoff": map[string]any{
		"duration": r.duration.String(), "factor": r.factor, "maxDuration": r.max.String(),
	}}
	if r.refresh {
		out["refresh"] = true
	}
	return out
}
