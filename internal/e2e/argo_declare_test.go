package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"
	"sigs.k8s.io/yaml"
)

// TestArgoDeclares is what portals do that create apps by Argo CD's API: an app is created,
// found at once, synced, changed by several at a time and deleted; of one that another app
// declares in Git, that takes the change back.
func TestArgoDeclares(t *testing.T) {
	s := newSite(t)
	const apps = "/api/v1/applications"
	repo := s.repo("declares", map[string]string{"settings.yaml": configMap("settings", "one")})
	s.namespaces("declares")
	admin := s.admin()
	declared := func(name string) map[string]any {
		var out map[string]any
		if err := yaml.Unmarshal([]byte(manual(name, repo, ".", "declares")), &out); err != nil {
			t.Fatal(err)
		}
		return out
	}
	// Where others write all the time, who asks is told to try again.
	done := func(method, path string, body any) (answer string) {
		t.Helper()
		s.eventually(method+" "+path, func() error {
			var code int
			if code, answer = s.ask(method, path, admin, body); code != http.StatusOK {
				return fmt.Errorf("%d %s", code, answer)
			}
			return nil
		})
		return answer
	}
	done(http.MethodPost, apps, declared("declares"))
	s.answers(admin, apps+"/declares", 200, []string{`"name":"declares"`}, nil)
	done(http.MethodPost, apps, declared("declares"))
	other := declared("declares")
	other["spec"].(map[string]any)["revisionHistoryLimit"] = 3
	if code, answer := s.ask(http.MethodPost, apps, admin, other); code != http.StatusBadRequest || !strings.Contains(answer, "use upsert flag") {
		t.Errorf("declared otherwise: %d %s", code, answer)
	}
	done(http.MethodPost, apps+"?upsert=true", other)
	done(http.MethodPost, apps+"/declares/sync", map[string]any{})

	const many = 5
	s.eventually("changes by several at a time", func() error {
		var changes errgroup.Group
		for i := range many {
			changes.Go(func() error {
				patch := map[string]any{"patchType": "merge", "patch": fmt.Sprintf(`{"metadata":{"labels":{"change-%d":"made"}}}`, i)}
				if code, answer := s.ask(http.MethodPatch, apps+"/declares", admin, patch); code != http.StatusOK {
					return fmt.Errorf("change %d: %d %s", i, code, answer)
				}
				return nil
			})
		}
		return changes.Wait()
	})
	var now struct {
		Metadata struct{ Labels map[string]string }
		Spec     struct{ RevisionHistoryLimit int }
	}
	if err := json.Unmarshal([]byte(done(http.MethodGet, apps+"/declares", nil)), &now); err != nil || len(now.Metadata.Labels) != many || now.Spec.RevisionHistoryLimit != 3 {
		t.Errorf("a change is lost: %+v, %v", now, err)
	}
	s.eventually("the sync's end, which was asked for before", func() error {
		o := s.app("declares")
		if phase := at(o, "status", "operationState", "phase"); phase != "Succeeded" {
			return fmt.Errorf("%s", brief(o))
		}
		return nil
	})
	done(http.MethodDelete, apps+"/declares", nil)
	s.eventually("the app's end", func() error {
		if code, answer := s.ask(http.MethodGet, apps+"/declares", admin, nil); code != http.StatusForbidden {
			return fmt.Errorf("%d %s", code, answer)
		}
		return nil
	})
	s.takenBack(declared("declares-child"), repo, admin)
}

// takenBack changes an app that Git declares by another one.
func (s *site) takenBack(child map[string]any, repo, admin string) {
	s.t.Helper()
	const address = "/api/v1/applications/declares-child"
	root := s.repo("declares-root", map[string]string{"child.yaml": manual("declares-child", repo, ".", "declares")})
	s.apply(application("declares-root", root, ".", "argocd"))
	s.answers(admin, address, http.StatusOK, nil, nil)
	spec, _ := child["spec"].(map[string]any)
	source, _ := spec["source"].(map[string]any)
	source["path"] = "elsewhere"
	s.eventually("a change of the app that Git declares", func() error {
		if code, answer := s.ask(http.MethodPut, address+"/spec", admin, spec); code != http.StatusOK {
			return fmt.Errorf("%d %s", code, answer)
		}
		return nil
	})
	s.eventually("Git's word", func() error {
		if o := s.app("declares-child"); at(o, "spec", "source", "path") != "." {
			return fmt.Errorf("%s", brief(o))
		}
		return nil
	})
}
