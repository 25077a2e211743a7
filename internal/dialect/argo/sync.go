package argo

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/fixpoint-cd/fixpoint/api/argoproj/v1alpha1"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// syncRules reads the sync policy.
func syncRules(app *model.App, spec v1alpha1.ApplicationSpec, env Env, p *problems) {
	app.Sync.Interval = env.Settings.interval()
	if app.Deletion == "" {
		app.Deletion = "Foreground"
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
	for _, option := range policy.SyncOptions {
		app.Warnings = append(app.Warnings, applyOption(app, option)...)
	}
}

// defaultOptions are options that ask for what is done in any case.
var defaultOptions = map[string]bool{
	"ServerSideApply=true": true, "ApplyOutOfSyncOnly=true": true, "ClientSideApplyMigration=true": true,
	"CreateNamespace=false": true, "Prune=true": true, "Validate=true": true, "Replace=false": true,
	"PruneLast=false": true, "FailOnSharedResource=false": true, "RespectIgnoreDifferences=false": true,
	"SkipDryRunOnMissingResource=false": true, "ApplyOutOfSyncOnly=false": true, "Force=false": true,
}

// applyOption obeys a sync option, or warns that it is not honoured.
func applyOption(app *model.App, option string) []model.Warning {
	option = strings.TrimSpace(option)
	name, value, _ := strings.Cut(option, "=")
	switch {
	case option == "" || defaultOptions[option]:
	case option == "CreateNamespace=true":
		app.Sync.CreateNamespace = true
	case option == "Prune=false":
		app.Sync.Prune = false
	case name == "PrunePropagationPolicy" && propagation[value] != "":
		if !app.Deleting {
			app.Deletion = propagation[value]
		}
	case option == "ServerSideApply=false":
		return warnings([]string{"spec.syncPolicy.syncOptions: ServerSideApply=false is not honoured: every write is a server-side apply"})
	default:
		return warnings([]string{fmt.Sprintf("spec.syncPolicy.syncOptions: %s is not honoured yet", option)})
	}
	return nil
}

var propagation = map[string]string{
	"foreground": "Foreground", "background": "Background", "orphan": "Orphan",
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
