package viewtest

import (
	"fmt"
	"strings"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// ledger has drifted: somebody scaled it by hand. Its diff has every kind of entry.
func ledger() *sample {
	s := application("payments", "payments-ledger", "payments", inCluster,
		gitSource(paymentsRepo, "ledger", commit("ledger", "Team Payments", "Write twice as often", 26*time.Hour)))
	s.Sync, s.SelfHeal, s.OutOfSync, s.Changed = model.OutOfSync, false, 5, Now.Add(-35*time.Minute)
	s.Message = "5 objects differ, of which kubectl-edit changed StatefulSet ledger"
	s.Conditions = []view.Condition{{
		Severity: view.SeverityWarning, Type: "Drift", Text: "kubectl-edit set spec.replicas of StatefulSet ledger to 5.",
		Next: "Sync to restore 2, or declare 5.", Since: s.Changed,
	}}
	f := &forest{ns: "payments"}
	sts := f.add("", "StatefulSet", "ledger", model.Healthy)
	sts.Sync, sts.Message, sts.Info, sts.Images = model.OutOfSync, "1 field differs", []string{"5/5 ready"}, []string{"registry.example/payments/ledger:3.0.0"}
	owner := sts.UID
	for i := range 5 {
		f.pod(owner, fmt.Sprintf("ledger-%d", i), "registry.example/payments/ledger:3.0.0")
	}
	f.service("ledger", "ClusterIP")
	secret := f.add("", "Secret", "ledger-keys", "")
	secret.Sync = model.OutOfSync
	f.missing("ConfigMap", "ledger-schedule")
	old := f.add("", "ConfigMap", "ledger-old", "")
	old.Prune, old.Sync, old.Message = true, model.OutOfSync, "no longer declared"
	pvc := f.add("", "PersistentVolumeClaim", "ledger-data", model.Healthy)
	pvc.Sync, pvc.Info = model.OutOfSync, []string{"50Gi"}
	s.grow(f)
	s.diff = view.Diff{
		Revision: s.Revision, Commit: s.Commit, Unchanged: 1,
		Objects: []view.ObjectDiff{
			created(f.find("ConfigMap", "ledger-schedule")),
			deleted(f.find("ConfigMap", "ledger-old")),
			refused(f.find("PersistentVolumeClaim", "ledger-data")),
			masked(f.find("Secret", "ledger-keys")),
			scaled(f.find("StatefulSet", "ledger"), 5, 2),
			noise(f.find("Service", "ledger")),
		},
		Warnings: []string{"StatefulSet payments/ledger: kubectl-edit owns .spec.replicas"},
	}
	s.events = []view.Event{{
		Ref: Ref("StatefulSet", "payments", "ledger"), Type: "Normal", Reason: "SuccessfulCreate", Source: "statefulset-controller",
		Message: "create Pod ledger-4 in StatefulSet ledger successful", Count: 3, First: Now.Add(-35 * time.Minute), Last: Now.Add(-34 * time.Minute),
	}}
	return s
}

// hunk reads lines that begin with ' ', '+' or '-'; the first is number at.
func hunk(at int, text string) view.Hunk {
	var h view.Hunk
	before, after := at, at
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		l := view.Line{Op: rune(line[0]), Text: line[1:]}
		if l.Op != '+' {
			l.Old = before
			before++
		}
		if l.Op != '-' {
			l.New = after
			after++
		}
		h.Lines = append(h.Lines, l)
	}
	return h
}

func changed(n *view.Node, before, after map[string]any, hunks ...view.Hunk) view.ObjectDiff {
	d := view.ObjectDiff{Ref: n.Ref, Action: model.ActionUpdate, Reason: "it differs", Before: before, After: after, Hunks: hunks}
	for _, h := range hunks {
		for _, l := range h.Lines {
			switch l.Op {
			case '+':
				d.Added++
			case '-':
				d.Removed++
			}
		}
	}
	return d
}

func scaled(n *view.Node, from, to int) view.ObjectDiff {
	before := manifest(n)
	d := changed(n, with(before, "replicas", from), with(before, "replicas", to), hunk(9, fmt.Sprintf(
		"   namespace: %s\n spec:\n-  replicas: %d\n+  replicas: %d\n   selector:\n     matchLabels:\n", n.Ref.Namespace, from, to)))
	d.SetBy = []view.FieldOwner{{Manager: "kubectl-edit", Operation: "Update", Time: Now.Add(-35 * time.Minute), Fields: []string{"spec.replicas"}}}
	return d
}

func imageChange(n *view.Node, from, to string) view.ObjectDiff {
	image := strings.TrimSuffix(n.Images[0], from)
	return changed(n, manifest(n), manifest(n), hunk(18, fmt.Sprintf(
		"     spec:\n       containers:\n-      - image: %s%s\n+      - image: %s%s\n         name: controller\n", image, from, image, to)))
}

// created is the diff of an object that does not exist.
func created(n *view.Node) view.ObjectDiff {
	text := fmt.Sprintf("+apiVersion: %s\n+kind: %s\n+metadata:\n+  name: %s\n+  namespace: %s\n", n.Ref.APIVersion(), n.Ref.Kind, n.Ref.Name, n.Ref.Namespace)
	d := changed(n, nil, manifest(n), hunk(1, text))
	for i := range d.Hunks[0].Lines {
		d.Hunks[0].Lines[i].Old = 0
	}
	d.Action, d.Reason = model.ActionCreate, "it does not exist"
	return d
}

func deleted(n *view.Node) view.ObjectDiff {
	d := changed(n, manifest(n), nil, hunk(1, fmt.Sprintf(
		"-apiVersion: %s\n-kind: %s\n-metadata:\n-  name: %s\n-  namespace: %s\n", n.Ref.APIVersion(), n.Ref.Kind, n.Ref.Name, n.Ref.Namespace)))
	d.Action, d.Reason = model.ActionDelete, "no longer declared"
	return d
}

func masked(n *view.Node) view.ObjectDiff {
	before, after := manifest(n), manifest(n)
	after["data"] = map[string]any{"password": "(hidden value 3)", "username": "(hidden value 2)"}
	return changed(n, before, after, hunk(2, " data:\n-  password: (hidden value 1)\n+  password: (hidden value 3)\n   username: (hidden value 2)\n"))
}

// refused is one that the API server would not accept.
func refused(n *view.Node) view.ObjectDiff {
	d := changed(n, manifest(n), with(manifest(n), "storageClassName", "fast"))
	d.Err = "spec.storageClassName is immutable: delete and create the object anew, or set Replace=true"
	return d
}

// noise differs in what is ignored only.
func noise(n *view.Node) view.ObjectDiff {
	before := with(manifest(n), "clusterIP", "10.96.14.7")
	d := changed(n, before, manifest(n), hunk(8, " spec:\n-  clusterIP: 10.96.14.7\n   ports:\n"))
	d.Noise, d.Action, d.Reason = true, model.ActionKeep, "set by the API server"
	return d
}
