package live_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"k8s.io/client-go/rest"

	"github.com/fixpoint-cd/fixpoint/internal/live"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// fake is an API server that knows a few kinds, and whose answers a test decides.
type fake struct {
	*httptest.Server

	// serve answers what is not discovery.
	serve http.HandlerFunc
}

const discoveryDocs = `/api {"kind":"APIVersions","versions":["v1"]}
/apis {"kind":"APIGroupList","apiVersion":"v1","groups":[{"name":"apps","versions":[{"groupVersion":"apps/v1","version":"v1"}],"preferredVersion":{"groupVersion":"apps/v1","version":"v1"}}]}
/api/v1 {"kind":"APIResourceList","groupVersion":"v1","resources":[{"name":"pods","kind":"Pod","namespaced":true,"verbs":["get","list","watch"]},{"name":"pods/log","kind":"Pod","namespaced":true,"verbs":["get"]},{"name":"configmaps","kind":"ConfigMap","namespaced":true,"verbs":["get","list","watch"]}]}
/apis/apps/v1 {"kind":"APIResourceList","groupVersion":"apps/v1","resources":[{"name":"replicasets","kind":"ReplicaSet","namespaced":true,"verbs":["get","list","watch"]}]}`

// newFake starts a server, and a service that is connected to it.
func newFake(t *testing.T, cfg live.Config, answer http.HandlerFunc) (*live.Service, *live.Cluster, *tally) {
	f := &fake{serve: answer}
	docs := map[string]string{}
	for line := range strings.Lines(discoveryDocs) {
		path, doc, _ := strings.Cut(strings.TrimSpace(line), " ")
		docs[path] = doc
	}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if doc, ok := docs[r.URL.Path]; ok {
			_, _ = w.Write([]byte(doc))
			return
		}
		f.serve(w, r)
	}))
	t.Cleanup(f.Close)
	return serve(t, cfg, &rest.Config{Host: f.URL})
}

// failure answers as an API server does.
func failure(w http.ResponseWriter, code int, reason, message string) {
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(map[string]any{
		"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": message,
	})
}

const emptyList = `{"kind":"List","apiVersion":"v1","metadata":{"resourceVersion":"1"},"items":[]}`

// replicaSet is a list of one.
const replicaSet = `{"kind":"ReplicaSetList","apiVersion":"apps/v1","metadata":{"resourceVersion":"1"},
"items":[{"metadata":{"name":"web","namespace":"shop","uid":"rs"},"spec":{"replicas":1}}]}`

// podJSON is a pod of that ReplicaSet that runs.
func podJSON(n int) string {
	return fmt.Sprintf(`{"metadata":{"name":"web-%d","namespace":"shop","uid":"p%d","resourceVersion":"1",
"ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"web","uid":"rs"}],
"managedFields":[{"manager":"kubelet","fieldsV1":{"f:status":{%s}}}]},
"spec":{"containers":[{"name":"main","image":"a:1"}]},
"status":{"phase":"Running","containerStatuses":[{"name":"main","ready":true,"restartCount":0,"state":{"running":{}}}]}}`,
		n, n, `"f:x":{}`)
}

// podPages answers lists of all pods, in pages.
func podPages(w http.ResponseWriter, r *http.Request, all int) {
	limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
	from, _ := strconv.Atoi(r.URL.Query().Get("continue"))
	to := all
	next := ""
	if limit > 0 && from+limit < all {
		to, next = from+limit, strconv.Itoa(from+limit)
	}
	fmt.Fprintf(w, `{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"7","continue":%q,"remainingItemCount":%d},"items":[`, next, all-to)
	for n := from; n < to; n++ {
		if n > from {
			fmt.Fprint(w, ",")
		}
		fmt.Fprint(w, podJSON(n))
	}
	fmt.Fprint(w, "]}")
}

var webRoots = []model.ResourceState{{
	Object: model.ObjectRef{
		ObjectKey: model.ObjectKey{Group: "apps", Kind: "ReplicaSet", Namespace: "shop", Name: "web"}, Version: "v1",
	},
	Sync: model.Synced, Health: model.Health{Status: model.Healthy}, Live: true,
}}
