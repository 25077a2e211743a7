package cli

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/fixpoint-cd/fixpoint/api/argoproj/v1alpha1"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// objects counts the objects and lists those that are not as they should be.
func (d *description) objects() {
	failures := d.failures()
	t := &table{header: []string{"OBJECT", "SYNC", "HEALTH", "WAVE", "MESSAGE"}}
	all, synced := 0, 0
	for _, r := range d.app.Status.Resources {
		if r.Hook {
			continue
		}
		all++
		if r.Status == string(model.Synced) {
			synced++
		}
		if message := d.trouble(r, failures[refOf(r).ObjectKey]); message != "" || isTroubled(r) {
			t.add(objectText(refOf(r).ObjectKey), r.Status, healthText(r), strconv.FormatInt(r.SyncWave, 10), message)
		}
	}
	if all == 0 {
		return
	}
	count := fmt.Sprintf("%d of %s are synced", synced, plural(all, "object"))
	switch {
	case d.app.DeletionTimestamp != nil && all == 1:
		count = "1 object is there still"
	case d.app.DeletionTimestamp != nil:
		count = plural(all, "object") + " are there still"
	case all == 1:
		count = fmt.Sprintf("%d of 1 object is synced", synced)
	}
	printf(d.w, "\n%s; 'fixpoint tree %s' shows all.\n", count, d.path)
	if len(t.rows) > 0 {
		t.without("HEALTH").print(d.w)
	}
}

func isTroubled(r v1alpha1.ResourceStatus) bool {
	health := cmp.Or(healthText(r), string(model.Healthy))
	return r.Status != string(model.Synced) || health != string(model.Healthy)
}

func healthText(r v1alpha1.ResourceStatus) string {
	if r.Health == nil {
		return ""
	}
	return r.Health.Status
}

// trouble says what is to be done about an object, or what went wrong.
func (d *description) trouble(r v1alpha1.ResourceStatus, failure string) string {
	switch {
	case r.RequiresDeletionConfirmation && (r.RequiresPruning && isRunning(d.app) || d.app.DeletionTimestamp != nil):
		return fmt.Sprintf("its deletion waits for 'fixpoint confirm %s'", d.path)
	case d.app.DeletionTimestamp != nil:
		return ""
	case failure != "":
		return failure
	case r.RequiresDeletionConfirmation && r.RequiresPruning:
		return fmt.Sprintf("not declared any more; 'fixpoint sync %s --prune' asks before it deletes it", d.path)
	case r.RequiresPruning:
		return fmt.Sprintf("not declared any more; 'fixpoint sync %s --prune' deletes it", d.path)
	case r.Health != nil:
		return brief(r.Health.Message, 0)
	}
	return ""
}

// failures are what the last operation could not do.
func (d *description) failures() map[model.ObjectKey]string {
	out := map[model.ObjectKey]string{}
	if o := d.app.Status.OperationState; o != nil && o.SyncResult != nil {
		for _, r := range o.SyncResult.Resources {
			if r.Status == "SyncFailed" && r.HookType == "" {
				out[model.ObjectKey{Group: r.Group, Kind: r.Kind, Namespace: r.Namespace, Name: r.Name}] = brief(r.Message, 0)
			}
		}
	}
	return out
}

func sortedKeys[V any](m map[int64]V) []int64 { return slices.Sorted(maps.Keys(m)) }
