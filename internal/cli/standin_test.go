package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// standin serves what an API server knows of apps: lists, merge patches that are
// checked for their resourceVersion, and watches. Steps are what a controller does
// to the first object: merge patches, one for each state, played once somebody
// watches.
type standin struct {
	t       *testing.T
	objects []map[string]any
	steps   []map[string]any
	// conflicts is how many patches of others come before the first one of ours.
	conflicts int
	version   int
	// gone are the objects that were deleted.
	gone map[int]bool
}

// yamlDocuments reads a list of YAML documents.
func yamlDocuments(t *testing.T, text []byte) (out []map[string]any) {
	t.Helper()
	for doc := range bytes.SplitSeq(text, []byte("---\n")) {
		var o map[string]any
		if err := yaml.Unmarshal(doc, &o); err != nil {
			t.Fatal(err)
		}
		if len(o) > 0 {
			out = append(out, o)
		}
	}
	return out
}

// start serves until the test ends, and returns a kubeconfig.
func (s *standin) start() string {
	for i := range s.objects {
		s.merge(i, map[string]any{})
	}
	server := httptest.NewServer(s)
	s.t.Cleanup(server.Close)
	config := fmt.Sprintf(`{apiVersion: v1, kind: Config, current-context: a, clusters: [{name: a, cluster: {server: %q}}],
contexts: [{name: a, context: {cluster: a, user: a}}], users: [{name: a, user: {}}]}`, server.URL)
	path := filepath.Join(s.t.TempDir(), "kubeconfig")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// merge patches an object.
func (s *standin) merge(i int, patch map[string]any) {
	s.version++
	patch["metadata"] = mapOf(patch["metadata"])
	mapOf(patch["metadata"])["resourceVersion"] = strconv.Itoa(s.version)
	body, err1 := json.Marshal(s.objects[i])
	with, err2 := json.Marshal(patch)
	merged, err3 := jsonpatch.MergePatch(body, with)
	var out map[string]any
	if err1 != nil || err2 != nil || err3 != nil || json.Unmarshal(merged, &out) != nil {
		s.t.Errorf("the patch %v can't be applied: %v, %v, %v", patch, err1, err2, err3)
		return
	}
	s.objects[i] = out
}

func mapOf(v any) map[string]any {
	if m, ok := v.(map[string]any); ok {
		return m
	}
	return map[string]any{}
}

// step plays what the controller does next. It takes up what is asked for: an
// operation that stands in the object is the one that its status tells of, unless the
// step names another.
func (s *standin) step() {
	step := s.steps[0]
	s.steps = s.steps[1:]
	if asked, ok := s.objects[0]["operation"]; ok {
		if state := mapOf(mapOf(step["status"])["operationState"]); len(state) > 0 && state["operation"] == nil {
			state["operation"], step["operation"] = asked, nil
		}
	}
	s.merge(0, step)
}

func (s *standin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/apis/"), "/")
	w.Header().Set("Content-Type", "application/json")
	if parts[0] == "authentication.k8s.io" {
		s.answer(w, map[string]any{"kind": "SelfSubjectReview", "apiVersion": "authentication.k8s.io/v1", "status": map[string]any{"userInfo": map[string]any{"username": "alice"}}})
		return
	}
	var at []int
	for i, o := range s.objects {
		if s.gone[i] {
			continue
		}
		u := unstructured.Unstructured{Object: o}
		namespace := slices.Index(parts, "namespaces")
		if strings.ToLower(u.GetKind())+"s" == parts[min(len(parts)-1, 2)] || namespace == 2 && strings.ToLower(u.GetKind())+"s" == parts[4] {
			if namespace < 0 || u.GetNamespace() == parts[3] && (len(parts) < 6 || u.GetName() == parts[5]) {
				at = append(at, i)
			}
		}
	}
	switch {
	case len(at) == 0 && len(parts) == 6:
		s.fail(w, http.StatusNotFound, "NotFound")
	case r.Method == http.MethodDelete:
		s.remove(at[0])
		s.answer(w, map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Success"})
	case r.Method == http.MethodPatch:
		s.patch(w, r, at[0])
	case r.URL.Query().Get("watch") != "":
		s.watch(w, r)
	case len(parts) == 6:
		s.answer(w, s.objects[at[0]])
	default:
		items := []any{}
		for _, i := range at {
			items = append(items, s.objects[i])
		}
		s.answer(w, map[string]any{"kind": "List", "apiVersion": "v1", "metadata": map[string]any{"resourceVersion": "1"}, "items": items})
	}
}

// remove deletes an object, or begins to where a finalizer holds it.
func (s *standin) remove(i int) {
	if held, _ := mapOf(s.objects[i]["metadata"])["finalizers"].([]any); len(held) > 0 {
		s.merge(i, map[string]any{"metadata": map[string]any{"deletionTimestamp": "2026-01-05T00:00:00Z"}})
		return
	}
	s.gone = map[int]bool{i: true}
}

func (s *standin) patch(w http.ResponseWriter, r *http.Request, i int) {
	var patch map[string]any
	if err := json.NewDecoder(r.Body).Decode(&patch); err != nil {
		s.t.Errorf("a patch is unreadable: %v", err)
	}
	if s.conflicts > 0 {
		s.conflicts--
		s.merge(i, map[string]any{})
	}
	asked := mapOf(patch["metadata"])["resourceVersion"]
	if asked != nil && asked != mapOf(s.objects[i]["metadata"])["resourceVersion"] {
		s.fail(w, http.StatusConflict, "Conflict")
		return
	}
	s.merge(i, patch)
	s.answer(w, s.objects[i])
}

// watch plays all steps, each an event, and leaves the watch open.
func (s *standin) watch(w http.ResponseWriter, r *http.Request) {
	send := func() {
		s.answer(w, map[string]any{"type": "MODIFIED", "object": s.objects[0]})
		w.(http.Flusher).Flush()
	}
	w.WriteHeader(http.StatusOK)
	w.(http.Flusher).Flush()
	for len(s.steps) > 0 {
		s.step()
		send()
	}
	<-r.Context().Done()
}

func (s *standin) answer(w http.ResponseWriter, v any) {
	if err := json.NewEncoder(w).Encode(v); err != nil {
		s.t.Errorf("answering: %v", err)
	}
}

func (s *standin) fail(w http.ResponseWriter, code int, reason string) {
	w.WriteHeader(code)
	s.answer(w, map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "code": code, "message": reason})
}
