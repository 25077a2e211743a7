package argo

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/fixpoint-cd/fixpoint/api/argoproj/v1alpha1"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// syncRules reads the sync policy.
func syncRules(app *model.App, spec v1alpha1.ApplicationSpec, env Env, p *problems) {
	app.Sync.Interval, app.Sync.Timeout = env.Settings.interval(), env.Settings.syncTimeout
	app.Sync.Migrate = []string{kubectlManager}
	if app.Deletion == "" {
		app.Deletion = model.Foreground
	}
	policy := spec.SyncPolicy
	if policy == nil {
		return
	}
	if a := policy.Automated; a != nil && (a.Enabled == nil || *a.Enabled) {
		app.Sync.Auto = true
		app.Sync.Prune, app.Sync.SelfHeal, app.Sync.AllowEmpty = a.Prune, a.SelfHeal, a.AllowEmpty
		app.Sync.Retry = model.Retry{Limit: 5, Base: defaultBase, Factor: defaultFactor, Max: defaultMax}
	}
	if policy.Retry != nil {
		retry, err := retryOf(*policy.Retry)
		if err != nil {
			p.add(fmt.Errorf("spec.syncPolicy.retry.%w", err))
		}
		app.Sync.Retry = retry
	}
	syncOptions(app, policy)
}

// kubectlManager is the field manager of kubectl's client-side apply, which Argo CD
// uses too.
const kubectlManager = "kubectl-client-side-apply"

// syncOptions reads what holds for a whole sync.
func syncOptions(app *model.App, policy *v1alpha1.SyncPolicy) {
	o, found := parseOptions(policy.SyncOptions)
	for _, w := range found {
		app.Warnings = append(app.Warnings, fieldWarning("spec.syncPolicy: "+w.Message))
	}
	app.Sync.Defaults = o.Defaults
	app.Sync.CreateNamespace, app.Sync.FailOnShared = o.CreateNamespace == model.Yes, o.FailOnShared == model.Yes
	app.Compare.Respect = o.Respect == model.Yes
	if o.Deletion != "" && !app.Deleting {
		app.Deletion = o.Deletion
	}
	if o.Migrate == model.No {
		app.Sync.Migrate = nil
	}
	switch meta := policy.ManagedNamespaceMetadata; {
	case meta == nil:
	case app.Sync.CreateNamespace:
		app.Sync.NamespaceMeta = &model.NamespaceMeta{Labels: meta.Labels, Annotations: meta.Annotations}
	default:
		app.Warnings = append(app.Warnings, fieldWarning(
			"spec.syncPolicy.managedNamespaceMetadata is not honoured without the sync option CreateNamespace=true: add it"))
	}
}

// What a back-off is where nothing else is written.
const (
	defaultBase   = 5 * time.Second
	defaultFactor = 2
	defaultMax    = 3 * time.Minute
)

func retryOf(r v1alpha1.RetryStrategy) (model.Retry, error) {
	out := model.Retry{Base: defaultBase, Factor: defaultFactor, Max: defaultMax}
	out.Limit = int(max(min(r.Limit, math.MaxInt32), -1))
	if r.Backoff == nil {
		return out, nil
	}
	var err error
	if out.Base, err = durationOf(r.Backoff.Duration, defaultBase); err != nil {
		return out, fmt.Errorf("backoff.duration: %w", err)
	}
	if out.Max, err = durationOf(r.Backoff.MaxDuration, defaultMax); err != nil {
		return out, fmt.Errorf("backoff.maxDuration: %w", err)
	}
	if f := r.Backoff.Factor; f != nil {
		if *f < 1 || *f > math.MaxInt32 {
			return out, fmt.Errorf("backoff.factor: %d is not a number of at least 1", *f)
		}
		out.Factor = int(*f)
	}
	return out, nil
}

// durationOf reads a duration as Argo CD does: 5s, 1h30m, or bare seconds.
func durationOf(text string, preset time.Duration) (time.Duration, error) {
	if text == "" {
		return preset, nil
	}
	d, err := time.ParseDuration(text)
	if n, intErr := strconv.ParseInt(text, 10, 32); intErr == nil {
		d, err = time.Duration(n)*time.Second, nil
	}
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is not a duration such as 5s or 3m", text)
	}
	return d, nil
}
