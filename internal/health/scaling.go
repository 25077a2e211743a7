package health

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// scalingFailures are the reasons that break an autoscaler, by the condition
// that bears them.
var scalingFailures = map[string][]string{
	"AbleToScale": {"FailedGetScale", "FailedUpdateScale"},
	"ScalingActive": {
		"FailedGetResourceMetric", "FailedGetObjectMetric", "FailedGetPodsMetric", "FailedGetExternalMetric",
		"FailedComputeMetricsReplicas", "InvalidSelector",
	},
}

func autoscaler(o object) model.Health {
	conditions, err := scalingConditions(o)
	if err != nil {
		return unknown("The autoscaler's conditions can't be read: " + err.Error())
	}
	for _, c := range conditions {
		if slices.Contains(scalingFailures[c.kind], c.reason) {
			return degraded(c.text())
		}
	}
	for _, c := range conditions {
		if c.isTrue() && (c.kind == "AbleToScale" || c.kind == "ScalingLimited") {
			return healthy(c.text())
		}
	}
	return progressing("Waiting for the autoscaler's first decision")
}

// scalingConditions are in the status, and in an annotation at version v1,
// which has no field for them.
func scalingConditions(o object) ([]condition, error) {
	if !strings.HasSuffix(o.text("apiVersion"), "/v1") {
		return o.conditions(), nil
	}
	annotation := o.text("metadata", "annotations", "autoscaling.alpha.kubernetes.io/conditions")
	if annotation == "" {
		return nil, nil
	}
	var items []object
	if err := json.Unmarshal([]byte(annotation), &items); err != nil {
		return nil, err
	}
	return conditionsOf(items), nil
}

// disruptionBudget lets too few pods pass: some budgets are meant to allow no
// disruption at all.
func disruptionBudget(o object) model.Health {
	conditions := o.conditions()
	if len(conditions) == 0 {
		return progressing("Waiting for the budget's status")
	}
	for _, c := range conditions {
		if c.isFalse() && c.reason != "InsufficientPods" {
			return degraded(c.text())
		}
	}
	return healthy(conditions[0].text())
}
