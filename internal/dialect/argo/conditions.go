package argo

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fixpoint-cd/fixpoint/api/argoproj/v1alpha1"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// The types of conditions. Argo CD's come first; the last five are ours.
const (
	ConditionInvalidSpec      = "InvalidSpecError"
	ConditionComparison       = "ComparisonError"
	ConditionSync             = "SyncError"
	ConditionDeletion         = "DeletionError"
	ConditionUnknown          = "UnknownError"
	ConditionShared           = "SharedResourceWarning"
	ConditionRepeated         = "RepeatedResourceWarning"
	ConditionExcluded         = "ExcludedResourceWarning"
	ConditionUnsupportedField = "UnsupportedFieldWarning"
	ConditionRender           = "RenderWarning"
	ConditionPrune            = "PruneWarning"
	ConditionFight            = "ConflictWarning"
	ConditionRollback         = "RollbackWarning"
)

var stageConditions = map[model.Stage]string{
	model.StageSpec:       ConditionInvalidSpec,
	model.StageSource:     ConditionComparison,
	model.StageDependency: ConditionComparison,
	model.StageRender:     ConditionComparison,
	model.StagePolicy:     ConditionComparison,
	model.StageTarget:     ConditionComparison,
	model.StageApply:      ConditionSync,
	model.StagePrune:      ConditionSync,
	model.StageHealth:     ConditionSync,
	model.StageDelete:     ConditionDeletion,
}

var warningConditions = map[model.WarningType]string{
	model.WarnShared:   ConditionShared,
	model.WarnRepeated: ConditionRepeated,
	model.WarnExcluded: ConditionExcluded,
	model.WarnField:    ConditionUnsupportedField,
	model.WarnRender:   ConditionRender,
	model.WarnPrune:    ConditionPrune,
	model.WarnFight:    ConditionFight,
	model.WarnRollback: ConditionRollback,
}

// conditions are those of an observation and of its last operation, by type and
// message; one that was there before keeps its time.
func conditions(prev []v1alpha1.ApplicationCondition, last *v1alpha1.OperationState, o Observed, now metav1.Time) []v1alpha1.ApplicationCondition {
	var out []v1alpha1.ApplicationCondition
	add := func(kind, message string) {
		c := v1alpha1.ApplicationCondition{Type: kind, Message: message, LastTransitionTime: &now}
		same := func(p v1alpha1.ApplicationCondition) bool { return p.Type == kind && p.Message == message }
		if slices.ContainsFunc(out, same) {
			return
		}
		if i := slices.IndexFunc(prev, same); i >= 0 && prev[i].LastTransitionTime != nil {
			c.LastTransitionTime = prev[i].LastTransitionTime
		}
		out = append(out, c)
	}
	invalid := o.App.Invalid
	if invalid != nil {
		add(ConditionInvalidSpec, invalid.Error())
	}
	if r := o.Report; r.Err != nil && !isGoing(r) && (invalid == nil || r.Stage != model.StageSpec) {
		kind := cmp.Or(stageConditions[r.Stage], ConditionUnknown)
		add(kind, errorText(kind, r))
	}
	if op := o.Report.Operation; o.Report.Err == nil && op != nil && !op.Phase.Done() && op.Retries > 0 {
		// It is being repeated: until that is over it stands as it failed.
		for _, p := range prev {
			if p.Type == ConditionSync {
				add(p.Type, p.Message)
			}
		}
	}
	for _, text := range o.Report.Blocking {
		add(ConditionDeletion, text)
	}
	for _, w := range slices.Concat(o.App.Warnings, o.Report.Warnings, requestWarnings(last)) {
		add(cmp.Or(warningConditions[w.Type], string(w.Type)+"Warning"), w.Message)
	}
	slices.SortStableFunc(out, func(a, b v1alpha1.ApplicationCondition) int {
		return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Message, b.Message))
	})
	return out
}

// requestWarnings are about what the user's request that is carried out, or was
// last, asks for and does not get.
func requestWarnings(last *v1alpha1.OperationState) []model.Warning {
	if last == nil || last.Operation.Sync == nil || last.Operation.InitiatedBy.Automated {
		return nil
	}
	_, out := parseOptions(last.Operation.Sync.SyncOptions)
	for i := range out {
		out[i].Message = "operation.sync.syncOptions: " + out[i].Message
	}
	return out
}

func errorText(kind string, r model.Report) string {
	if kind == ConditionSync && r.Operation != nil && r.Operation.Request.By == "" && r.Operation.Phase.Done() {
		return fmt.Sprintf("Failed last sync attempt to [%s]: %s", strings.ReplaceAll(r.Operation.Revision, ",", " "), r.Err)
	}
	return r.Err.Error()
}
