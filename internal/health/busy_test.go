package health_test

import (
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/fixpoint-cd/fixpoint/internal/health"
)

func TestBusy(t *testing.T) {
	tests := map[string]struct {
		manifest string
		want     bool
	}{
		"a job with a ready pod":             {`{apiVersion: batch/v1, kind: Job, status: {active: 1, ready: 1}}`, true},
		"a job whose pods don't start":       {`{apiVersion: batch/v1, kind: Job, status: {active: 1, ready: 0}}`, false},
		"a job of a server without ready":    {`{apiVersion: batch/v1, kind: Job, status: {active: 1}}`, true},
		"a job that has not begun":           {`{apiVersion: batch/v1, kind: Job}`, false},
		"a job that is complete":             {`{apiVersion: batch/v1, kind: Job, status: {ready: 1, conditions: [{type: Complete, status: "True"}]}}`, false},
		"a job that has failed":              {`{apiVersion: batch/v1, kind: Job, status: {active: 1, conditions: [{type: Failed, status: "True"}]}}`, false},
		"a job that is suspended":            {`{apiVersion: batch/v1, kind: Job, status: {ready: 1, conditions: [{type: Suspended, status: "True"}]}}`, false},
		"a hook that is being deleted":       {`{apiVersion: batch/v1, kind: Job, metadata: {deletionTimestamp: x, finalizers: [argocd.argoproj.io/hook-finalizer]}, status: {ready: 1}}`, true},
		"a pod that runs":                    {`{apiVersion: v1, kind: Pod, spec: {restartPolicy: Never}, status: {phase: Running, containerStatuses: [{state: {running: {}}}]}}`, true},
		"a pod that waits for its image":     {`{apiVersion: v1, kind: Pod, spec: {restartPolicy: Never}, status: {phase: Pending, containerStatuses: [{state: {waiting: {reason: ImagePullBackOff}}}]}}`, false},
		"a pod one of whose images is wrong": {`{apiVersion: v1, kind: Pod, spec: {restartPolicy: Never}, status: {phase: Running, containerStatuses: [{state: {running: {}}}, {state: {waiting: {reason: ImagePullBackOff}}}]}}`, false},
		"a pod that crashes":                 {`{apiVersion: v1, kind: Pod, spec: {restartPolicy: OnFailure}, status: {phase: Running, containerStatuses: [{state: {waiting: {reason: CrashLoopBackOff}}}]}}`, false},
		"a pod that is done":                 {`{apiVersion: v1, kind: Pod, status: {phase: Succeeded}}`, false},
		"a pod that serves":                  {`{apiVersion: v1, kind: Pod, spec: {restartPolicy: Always}, status: {phase: Running, conditions: [{type: Ready, status: "True"}]}}`, false},
		"a workflow that runs":               {`{apiVersion: argoproj.io/v1alpha1, kind: Workflow, status: {phase: Running}}`, true},
		"a workflow that waits":              {`{apiVersion: argoproj.io/v1alpha1, kind: Workflow, status: {phase: Pending}}`, false},
		"a rollout on its way":               {`{apiVersion: apps/v1, kind: Deployment, metadata: {generation: 1}}`, true},
		"a kind that is Progressing":         {`{apiVersion: cert-manager.io/v1, kind: Certificate}`, true},
		"a kind that is Degraded":            {`{apiVersion: cert-manager.io/v1, kind: Issuer, status: {conditions: [{type: Ready, status: "False"}]}}`, false},
		"a kind without health":              {`{apiVersion: v1, kind: ConfigMap}`, false},
		"nothing":                            {`{}`, false},
	}
	for reason, tt := range tests {
		var obj map[string]any
		if err := yaml.Unmarshal([]byte(tt.manifest), &obj); err != nil {
			t.Fatalf("%s: %v", reason, err)
		}
		if got := health.Busy(obj); got != tt.want {
			t.Errorf("%s: got %t, want %t", reason, got, tt.want)
		}
	}
}
