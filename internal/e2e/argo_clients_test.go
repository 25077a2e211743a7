package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// TestArgoClients is what scripts and portals do that talk to Argo CD's server: ask what
// they may, sync and ask until that is done, read what is declared, and show a badge.
func TestArgoClients(t *testing.T) {
	s := newSite(t)
	s.forgetSettings()
	const app, password = "/api/v1/applications/clients", "the-password-of-clients"
	repo := s.repo("clients", map[string]string{
		"settings.yaml": configMap("settings", "one"),
		"secret.yaml":   "apiVersion: v1\nkind: Secret\nmetadata: {name: login}\nstringData: {password: " + password + "}\n",
	})
	s.namespaces("clients")
	s.apply(manual("clients", repo, ".", "clients"))
	admin := s.admin()
	s.answers(admin, app, 200, []string{`"status":"OutOfSync"`}, nil)
	for right, want := range map[string]string{
		"applications/sync/default/clients": "yes", "clusters/get/" + url.PathEscape("https://kubernetes.default.svc"): "yes",
	} {
		s.answers(admin, "/api/v1/account/can-i/"+right, 200, []string{`{"value":"` + want + `"}`}, nil)
	}
	s.answers("", "/api/v1/account/can-i/applications/sync/default/clients", 401, nil, nil)

	if code, body := s.ask(http.MethodPost, app+"/sync", admin, map[string]any{"prune": true}); code != http.StatusOK {
		t.Fatalf("the sync is answered by %d: %s", code, body)
	}
	s.eventually("the sync's end", func() error {
		code, body := s.ask(http.MethodGet, app+"?refresh=normal", admin, nil)
		var got struct {
			Status struct {
				Sync           struct{ Status string }
				Health         struct{ Status string }
				OperationState struct{ Phase string }
			}
		}
		if err := json.Unmarshal([]byte(body), &got); err != nil || code != http.StatusOK {
			return fmt.Errorf("%d: %s", code, body)
		}
		if st := got.Status; st.Sync.Status != "Synced" || st.Health.Status != "Healthy" || st.OperationState.Phase != "Succeeded" {
			return fmt.Errorf("it is %+v", st)
		}
		return nil
	})
	s.answers(admin, app+"/manifests", 200, []string{`"manifests":[`, `\"name\":\"settings\"`, `\"name\":\"login\"`, "hidden"}, []string{password})
	s.answers("", app+"/manifests", 401, nil, nil)

	_, there := s.ask(http.MethodGet, "/api/badge?name=clients&revision=true", "", nil)
	_, nowhere := s.ask(http.MethodGet, "/api/badge?name=no-such-app&revision=true", "", nil)
	if there != nowhere || !strings.Contains(there, "Unknown") {
		t.Errorf("a badge tells of apps while badges are off:\n%s\n%s", there, nowhere)
	}
	s.answers("", "/api/v1/settings", 200, []string{`"statusBadgeEnabled":false`}, nil)
	s.settings(map[string]string{"statusbadge.enabled": "true"})
	s.answers("", "/api/badge?name=clients&showAppName=true", 200, []string{"<title>clients, Healthy, Synced</title>"}, nil)
	s.answers("", "/api/badge?name=no-such-app", 200, []string{"<title>Not Found</title>"}, nil)
	s.answers("", "/api/v1/settings", 200, []string{`"statusBadgeEnabled":true`}, nil)
	s.settings(map[string]string{"statusbadge.enabled": "false"})
	s.answers("", "/api/badge?name=clients", 200, []string{"Unknown"}, []string{"Healthy"})

	s.push(repo, "a hook", map[string]string{
		"settings.yaml": configMap("settings", "two"),
		"hook.yaml":     strings.Replace(configMap("before", "x"), "metadata: {", "metadata: {annotations: {argocd.argoproj.io/hook: PreSync}, ", 1),
	})
	s.answers(admin, app+"/manifests?revision=HEAD", 200, []string{`\"name\":\"settings\"`, "two", `\"name\":\"before\"`}, nil)
}
