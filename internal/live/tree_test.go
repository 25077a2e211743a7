package live_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fixpoint-cd/fixpoint/internal/live"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

const shop = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: main, image: registry.example/web:1}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}, annotations: {localcluster.fixpoint-cd.github.io/waiting-reason: ImagePullBackOff}}
    spec: {containers: [{name: pg, image: registry.example/pg:1}]}
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], storageClassName: "", resources: {requests: {storage: 1Gi}}}
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: NAMESPACE}
spec:
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteOnce]
  hostPath: {path: /nowhere}
  claimRef: {name: data-db-0, namespace: NAMESPACE}
---
apiVersion: batch/v1
kind: Job
metadata: {name: migrate}
spec:
  template:
    spec: {restartPolicy: Never, containers: [{name: main, image: registry.example/migrate:1}]}
---
apiVersion: v1
kind: Secret
metadata: {name: login}
stringData: {password: hunter2}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, annotations: {link.argocd.argoproj.io/docs: "javascript:alert(1)", link.argocd.argoproj.io/wiki: "Wiki|https://wiki.example/shop"}}
spec:
  ingressClassName: edge
  tls: [{hosts: [shop.example], secretName: tls}]
  rules:
  - host: shop.example
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}`

func (w *world) shop() []model.ResourceState {
	w.apply(strings.ReplaceAll(shop, "NAMESPACE", w.namespace))
	return []model.ResourceState{
		w.root("apps/v1", "Deployment", "web"), w.root("v1", "Service", "web"),
		w.root("apps/v1", "StatefulSet", "db"), w.root("batch/v1", "Job", "migrate"),
		w.root("v1", "Secret", "login"), w.root("networking.k8s.io/v1", "Ingress", "web"),
		w.root("v1", "ConfigMap", "nowhere"), w.root("example.org/v1", "Unheard", "of"),
	}
}

// text is a tree as people read it: each node below its first parent.
func text(tree view.Tree) string {
	children, byUID := map[string][]view.Node{}, map[string]view.Node{}
	for _, n := range tree.Nodes {
		byUID[n.UID] = n
		parent := ""
		if len(n.Parents) > 0 {
			parent = n.Parents[0]
		}
		children[parent] = append(children[parent], n)
	}
	var out strings.Builder
	var print func(parent, indent string)
	print = func(parent, indent string) {
		for _, n := range children[parent] {
			name := n.Ref.Name
			if !n.Managed && parent != "" && strings.HasPrefix(name, byUID[parent].Ref.Name+"-") &&
				n.Ref.Kind != "Pod" || n.Ref.Kind == "Pod" && strings.Count(name, "-") > 1 {
				name = "*"
			}
			if n.Ref.Kind == "Pod" && byUID[parent].Ref.Kind == "Job" {
				name = "*"
			}
			fmt.Fprintf(&out, "%s%s/%s %s %s %v %v %s\n", indent, n.Ref.Kind, name, n.Sync, n.Health, n.Info, n.Links, n.Message)
			if n.UID != "" {
				print(n.UID, indent+"  ")
			}
		}
	}
	print("", "")
	for _, why := range tree.Incomplete {
		out.WriteString("incomplete: " + why + "\n")
	}
	return out.String()
}

const shopTree = `ConfigMap/nowhere Synced Missing [] [] It does not exist.
Secret/login Synced  [] [] 
Service/web Synced Healthy [ClusterIP 80/TCP] [] 
  EndpointSlice/*   [] [] 
Deployment/web Synced Healthy [2/2 ready revision 1] [] 
  ReplicaSet/*  Healthy [2/2 ready revision 1] [] 
    Pod/*  Healthy [1/1 ready node-1] [] 
    Pod/*  Healthy [1/1 ready node-1] [] 
StatefulSet/db Synced Progressing [0/1 ready] [] Waiting for rollout: 0 of 1 replicas are ready
  PersistentVolumeClaim/data-db-0  Healthy [Bound 1Gi] [] 
  Pod/db-0  Degraded [0/1 ready ImagePullBackOff node-1] [] Container pg can't get its image registry.example/pg:1 (ImagePullBackOff): the annotation localcluster.fixpoint-cd.github.io/waiting-reason says so
  ControllerRevision/*   [] [] 
Job/migrate Synced Healthy [1/1 completed] [] 
  Pod/*  Healthy [0/1 ready Completed node-1] [] 
Unheard/of Synced Missing [] [] The cluster does not know kind Unheard.example.org.
Ingress/web Synced Progressing [class edge] [{Wiki https://wiki.example/shop} {shop.example https://shop.example/}] Waiting for a load balancer address
`

func TestTreeOfAShop(t *testing.T) {
	w := newWorld(t)
	roots := w.shop()
	s, c, _ := w.service(live.Config{Fresh: 1})
	eventually(t, func() string {
		tree, err := s.Tree(t.Context(), c, roots)
		if err != nil {
			t.Fatal(err)
		}
		return cmp.Diff(shopTree, text(tree))
	})
}

func TestTreeIsReadOnceForAllWhoAsk(t *testing.T) {
	w := newWorld(t)
	roots := w.shop()
	s, c, counts := w.service(live.Config{Fresh: time.Hour})
	for range 5 {
		if _, err := s.Tree(t.Context(), c, roots); err != nil {
			t.Fatal(err)
		}
	}
	paths := map[string]int{}
	for _, r := range counts.requests {
		paths[r.URL.Path]++
	}
	for path, n := range paths {
		if n > 1 {
			t.Errorf("%d requests of %s", n, path)
		}
	}
	for _, kind := range []string{"secrets", "configmaps"} {
		for _, r := range counts.requests {
			if strings.Contains(r.URL.Path, "/"+kind) && !strings.Contains(r.Header.Get("Accept"), "as=PartialObjectMetadataList") {
				t.Errorf("whole %s are asked for: %s", kind, r.Header.Get("Accept"))
			}
		}
	}
	if len(paths) > 16 {
		t.Errorf("%d requests: %v", len(paths), slices.Sorted(maps.Keys(paths)))
	}
}
