package action

import (
	"slices"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// The annotations of CloudNativePG.
const (
	pgReloadedAt  = "cnpg.io/reloadedAt"
	pgHibernation = "cnpg.io/hibernation"
	pgReconciling = "cnpg.io/reconciliationLoop"
)

// postgres are what the plugin of CloudNativePG does.
func postgres() []rule {
	hibernated := func(o object) bool { return o.annotation(pgHibernation) == "on" }
	rules := []rule{
		stamp("restart", "Restart", "restarts all instances, one after the other: sets the annotation `"+restartedAt+"`",
			time.RFC3339, []string{restartedAt}).when(func(o object) string { return unless(!hibernated(o), "it is hibernated") }),
		stamp("reload", "Reload", "reads configuration and secrets again: sets the annotation `"+pgReloadedAt+"`",
			time.RFC3339, []string{pgReloadedAt}),
		{
			name: "promote", title: "Promote", help: "makes another instance the primary: sets `status.targetPrimary`", danger: true,
			params: func(object) []Param {
				return []Param{{Name: "instance", Default: "any", Type: TypeText, Help: "the instance, or `any` for the next healthy one"}}
			},
			why: func(o object) string { return unless(len(o.standbys()) > 0, "no other instance is healthy") },
			run: promote,
		},
		annotate("hibernate", "Hibernate", "ends all pods and keeps the data: sets the annotation `"+pgHibernation+"` to `on`", map[string]any{pgHibernation: "on"}).
			when(func(o object) string { return unless(!hibernated(o), "it is hibernated already") }).dangerous(),
		annotate("rehydrate", "Rehydrate", "starts the pods again: sets the annotation `"+pgHibernation+"` to `off`", map[string]any{pgHibernation: "off"}).
			when(func(o object) string { return unless(hibernated(o), "it is not hibernated") }),
	}
	return append(rules, annotatedSwitch("suspend", "resume", pgReconciling, "disabled", "operator's care")...)
}

// standbys are the healthy instances but for the primary, those that come after
// it first.
func (o object) standbys() []string {
	var healthy []string
	for _, v := range o.list("status", "instancesStatus", "healthy") {
		if name, ok := v.(string); ok {
			healthy = append(healthy, name)
		}
	}
	i := slices.Index(healthy, o.text("status", "currentPrimary"))
	if i < 0 {
		return healthy
	}
	return slices.Concat(healthy[i+1:], healthy[:i])
}

// promote does what the plugin does; the operator does the rest.
func promote(c call) ([]Change, error) {
	standbys := c.standbys()
	to := c.params["instance"]
	if to == "" || to == "any" {
		to = standbys[0]
	}
	if !slices.Contains(standbys, to) {
		return nil, model.Invalidf("%q is no healthy standby: there are %q", to, standbys)
	}
	return []Change{c.guarded("status", map[string]any{"status": map[string]any{
		"targetPrimary": to, "targetPrimaryTimestamp": c.now.Format(time.RFC3339),
		"phase": "Switchover in progress", "phaseReason": "Switching over to " + to,
	}})}, nil
}

// createBackup backs up once, now, as the schedule would.
func createBackup() rule {
	return rule{
		name: "create-backup", title: "Create backup", help: "backs up once, now: creates a Backup, which it owns",
		run: func(c call) ([]Change, error) {
			cluster := c.text("spec", "cluster", "name")
			if cluster == "" {
				return nil, errNoTemplate
			}
			owner := c.owner()
			owner["controller"], owner["blockOwnerDeletion"] = true, true
			meta := map[string]any{
				"labels": map[string]any{
					"cnpg.io/cluster": cluster, "cnpg.io/scheduled-backup": c.text("metadata", "name"),
				},
				"ownerReferences": []any{owner},
			}
			spec := picked(c.fields("spec"), "cluster", "target", "method", "pluginConfiguration", "online", "onlineConfiguration")
			return []Change{c.create(c.text("apiVersion"), "Backup", c.named(), meta, spec)}, nil
		},
	}
}
