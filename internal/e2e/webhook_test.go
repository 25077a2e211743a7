package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
)

// notify sends what GitHub sends after a push.
func (e *env) notify(repo string) {
	e.t.Helper()
	body, err := json.Marshal(map[string]any{
		"ref":        "refs/heads/main",
		"repository": map[string]any{"clone_url": org + repo + ".git", "html_url": org + repo, "default_branch": "main"},
	})
	if err != nil {
		e.t.Fatal(err)
	}
	if e.addr == "" {
		return // before the controller has been started
	}
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://"+e.addr+"/webhook", bytes.NewReader(body))
	if err != nil {
		e.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Github-Event", "push")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return // the controller is stopped; polling will find it
	}
	_ = resp.Body.Close()
}

// ok asks the controller for a page; an answer other than 200 is an error.
func (e *env) ok(path string) error {
	resp, err := http.Get("http://" + e.addr + path)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", path, resp.Status)
	}
	return nil
}
